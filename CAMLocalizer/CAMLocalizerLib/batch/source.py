"""Source: one volume or DICOM series of an archive."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ..archive.request import ArchiveRequest, find_studies, study_case_name
from ..io.discovery import VOLUME_FORMATS, find_volumes


@dataclass(frozen=True)
class Source:
    """Where the volume of a case lies.

    Args:
        path: volume file, or folder with a DICOM series.
        file: how the table of cases calls it: relative to the archive, with ``/``.
        series: SeriesInstanceUID; empty for a file, or a folder with one series.
        case: name that the case is to have; empty to derive one.
        dicom: whether its path may tell whose it is.
        study: StudyInstanceUID, if it lies in a DICOMweb archive; the path means nothing then.
    """

    path: Path
    file: str
    series: str = ""
    case: str = ""
    dicom: bool = False
    study: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from the archive's other sources."""
        return self.file, self.series


@dataclass(frozen=True)
class BatchCase:
    """A source and the name of its case."""

    name: str
    path: Path
    series: str | None = None
    study: str = ""


def find_sources(
    root: Path,
    *,
    skipped: Path | None = None,
    pattern: str = "*",
    formats: Collection[str] = VOLUME_FORMATS,
) -> tuple[Source, ...]:
    """Find the volumes of a folder tree; arguments and errors as for :func:`find_volumes`.

    Returns:
        Sources in the order of their paths.
    """
    return tuple(
        Source(found.path, found.path.relative_to(root).as_posix(), series=found.series, dicom=found.dicom)
        for found in find_volumes(root, skipped=skipped, pattern=pattern, formats=formats)
    )


def find_archived(request: ArchiveRequest) -> tuple[Source, ...]:
    """Find the studies of an archive; errors as for :func:`find_studies`.

    Returns:
        Sources in the order of the archive.
    """
    return tuple(
        Source(Path(f"studies/{uid}"), f"studies/{uid}", case=study_case_name(uid), dicom=True, study=uid)
        for uid in find_studies(request)
    )
