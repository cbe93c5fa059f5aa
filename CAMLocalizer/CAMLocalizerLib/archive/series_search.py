"""Search the series of a study for the one that suits a model."""

from __future__ import annotations

from collections.abc import Sequence

from .client import Archive
from .errors import ArchiveError
from .query import Query
from .request import StudyOptions
from .series_choice import Choice, Requirements, choose_series, with_header
from .series_facts import SeriesFacts


def list_series(archive: Archive, study: str) -> list[SeriesFacts]:
    """List the series of a study, results among them.

    Raises:
        ArchiveError: the study is not there, or the archive fails.
    """
    listed = [SeriesFacts.of(found) for found in archive.series(study)]
    if not listed:
        raise ArchiveError(f"{archive.host}: the study is not there; it may have been deleted")
    return listed


def choose_in_study(
    archive: Archive, study: str, listed: Sequence[SeriesFacts], required: Requirements, options: StudyOptions
) -> Choice:
    """Choose the series of a study that suits a model.

    Args:
        archive: connection.
        study: StudyInstanceUID.
        listed: series of the study, from :func:`list_series`.
        required: by the model.
        options: conditions that the series has to fit.

    Raises:
        NoSuitableSeriesError: none suits; the message says why.
        ArchiveError: the archive fails.
    """
    return choose_series(
        _fitting(archive, study, listed, Query.parse(options.query)),
        required,
        lambda entry: _with_header(archive, study, entry),
        description=options.series_description,
    )


def _fitting(archive: Archive, study: str, listed: Sequence[SeriesFacts], query: Query) -> list[SeriesFacts]:
    """Leave out series that do not fit the query."""
    found = [entry for entry in listed if query.modality in ("", entry.modality)]
    if not query.series:
        return found
    fitting = {SeriesFacts.of(entry).uid for entry in archive.series(study, query.series)}
    return [entry for entry in found if entry.uid in fitting]


def _with_header(archive: Archive, study: str, entry: SeriesFacts) -> SeriesFacts:
    uids = archive.instance_uids(study, entry.uid)
    if not uids:
        return entry
    return with_header(entry, archive.header(study, entry.uid, uids[len(uids) // 2]))
