"""examine: describe files and folders, with the reason for each one that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..core import CAMLocalizerError
from .dicom import list_series
from .dicom_files import list_files, read_entry
from .info import VolumeInfo, describe
from .names import ENDINGS, ending
from .nifti_header import is_second_of_pair
from .quiet import quiet


@dataclass(frozen=True)
class Examination:
    """Result of reading a file, or a series of a folder.

    Args:
        path: the given path, or the path of a file in the given folder.
        info: description of the volume; None if it cannot be read.
        refusal: reason why it cannot be read, one sentence; empty if it can.
        series: UID that selects the series, if a folder has several.
    """

    path: Path
    info: VolumeInfo | None = None
    refusal: str = ""
    series: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return JSON values: ``path``, ``series``, ``read``, ``refusal`` and the fields of the description."""
        head = {"path": str(self.path), "series": self.series, "read": self.info is not None, "refusal": self.refusal}
        if self.info is None:
            return head
        facts = asdict(self.info)
        facts["percentiles"] = {str(percent): value for percent, value in self.info.percentiles.items()}
        return head | facts


def examine(path: Path, *, series: str | None = None) -> tuple[Examination, ...]:
    """Describe the contents of a file or folder.

    Args:
        path: a file, or a folder that is searched with its subfolders.
        series: SeriesInstanceUID or SeriesNumber, if a folder has several.

    Returns:
        One entry if the path can be read as given. Otherwise the first entry says why not; for a folder, further
        entries follow for each of its series and files.
    """
    first = _examined(path, series)
    if first.info is not None or series is not None or not path.is_dir():
        return (first,)
    return (first, *_series(path), *_files(path))


def _examined(path: Path, series: str | None, name: str = "") -> Examination:
    try:
        return Examination(path, describe(path, series=series), series=name)
    except CAMLocalizerError as error:
        return Examination(path, refusal=str(error), series=name)
    except MemoryError:
        return Examination(path, refusal=f"{path}: does not fit into the memory of this machine", series=name)


def _series(folder: Path) -> Iterator[Examination]:
    try:
        found = list_series(folder)
    except CAMLocalizerError:
        return  # a damaged file, which _files reports
    for info in found if len(found) > 1 else ():
        yield _examined(folder, info.uid, info.uid)


def _files(folder: Path) -> Iterator[Examination]:
    """Examine the files of other formats, and report damaged DICOM files."""
    for path in sorted(list_files(folder)):
        kind = ENDINGS.get(ending(path), "")
        if kind not in ("", "DICOM") and not is_second_of_pair(path):
            yield _examined(path, None)
        elif kind in ("", "DICOM"):
            try:
                with quiet():
                    read_entry(path)
            except CAMLocalizerError as error:
                yield Examination(path, refusal=str(error))
