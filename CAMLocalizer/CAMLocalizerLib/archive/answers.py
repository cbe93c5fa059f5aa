"""Results that an archive holds already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..io.dicom_results import PROGRAM
from .client import Archive
from .errors import ArchiveError, ArchiveUnavailableError
from .series_facts import SeriesFacts

if TYPE_CHECKING:
    from pydicom import Dataset

SEGMENTATION = "SEG"


def is_answered(
    archive: Archive, study: str, listed: Iterable[SeriesFacts], series: SeriesFacts, identity: str
) -> bool:
    """Tell whether a study holds a segmentation of a series by the same model and settings.

    Args:
        archive: connection.
        study: StudyInstanceUID.
        listed: series of the study.
        series: that was chosen. One that has got more images since then is not answered.
        identity: of model and settings, see :func:`CAMLocalizerLib.cases.identity.answer_identity`.

    Raises:
        ArchiveUnavailableError: the archive does not answer.
    """
    ours = [entry for entry in listed if entry.modality == SEGMENTATION and _may_be_ours(entry)]
    return any(_answers(header, series, identity) for entry in ours for header in _headers(archive, study, entry))


def _may_be_ours(entry: SeriesFacts) -> bool:
    return not entry.description or entry.description.startswith(PROGRAM)


def _headers(archive: Archive, study: str, entry: SeriesFacts) -> list[Dataset]:
    try:
        return archive.headers(study, entry.uid)
    except ArchiveUnavailableError:
        raise
    except ArchiveError:  # deleted meanwhile, or damaged: then it answers nothing
        return []


def _answers(header: Dataset, series: SeriesFacts, identity: str) -> bool:
    referred = {
        str(item.get("SeriesInstanceUID", "")): len(item.get("ReferencedInstanceSequence") or [])
        for item in header.get("ReferencedSeriesSequence") or []
    }
    complete = series.uid in referred and series.instances in (0, referred[series.uid])
    return complete and any(
        f"identity={identity}" in str(algorithm.get("AlgorithmParameters", ""))
        for segment in header.get("SegmentSequence") or []
        for algorithm in segment.get("SegmentationAlgorithmIdentificationSequence") or []
    )
