"""Volumes and DICOM series of a folder tree."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from ..case_files import KNOWN_FILES
from ..core import InputError
from ..io.dicom_files import NO_IMAGES
from ..io.names import ENDINGS, ending
from ..io.nifti_header import is_second_of_pair
from ..io.quiet import quiet
from ..io.signatures import HEAD_BYTES, is_dicom
from .source import Source

VOLUMES = frozenset({"NRRD", "NIfTI", "MetaImage"})
RESULT_ENDING = ".seg.nrrd"
HEADER_TAGS = ("SeriesInstanceUID", "SOPInstanceUID", "Modality", "Rows")


@dataclass
class _Folder:
    """DICOM images of one series in one folder, by SOPInstanceUID."""

    path: Path
    images: set[str] = field(default_factory=set)


def find_sources(root: Path, *, skipped: Path | None = None, pattern: str = "*") -> tuple[Source, ...]:
    """Find what can be localised in: every NRRD, NIfTI and MetaImage file and every DICOM series.

    Hidden files and folders, and files that CAMLocalizer wrote, are left out. Of a series that lies there twice the
    first copy is taken.

    Args:
        root: folder, searched with its subfolders, linked ones among them.
        skipped: a folder inside that is left out, such as that of the results.
        pattern: shell pattern that names of files have to fit.

    Returns:
        Sources in the order of their paths.

    Raises:
        InputError: a folder that cannot be read, or an archive without any volume.
    """
    sources: list[Source] = []
    series: dict[str, list[_Folder]] = {}
    damaged: set[Path] = set()
    for path in _files(root, skipped):
        if not fnmatchcase(path.name, pattern) or path.name in KNOWN_FILES or path.name.endswith(RESULT_ENDING):
            continue
        kind = ENDINGS.get(ending(path), "")
        if kind in VOLUMES and is_second_of_pair(path):
            continue
        if kind in VOLUMES:
            sources.append(Source(path, path.relative_to(root).as_posix()))
        elif kind in ("", "DICOM"):
            _note_dicom(path, kind, series, damaged)
    sources += _series_sources(root, series)
    with_series = {source.path for source in sources}
    sources += [_whole_folder(root, folder) for folder in damaged - with_series]
    if not sources:
        raise InputError(f"{root}: holds no NRRD, NIfTI, MetaImage or DICOM volume{_fitting(pattern)}; give another")
    return tuple(sorted(sources, key=lambda source: source.key))


def _fitting(pattern: str) -> str:
    return "" if pattern == "*" else f" that fits {pattern}"


def _files(root: Path, skipped: Path | None) -> Iterator[Path]:
    """Walk a tree in the order of names; linked folders are entered once, however they are linked."""

    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror or error}); allow it or move it away")

    avoided = None if skipped is None else skipped.resolve()
    entered = set()
    for folder, subfolders, names in os.walk(root, followlinks=True, onerror=refuse):
        place = Path(folder).resolve()
        if place == avoided or place in entered:
            subfolders.clear()
            continue
        entered.add(place)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _note_dicom(path: Path, kind: str, series: dict[str, list[_Folder]], damaged: set[Path]) -> None:
    """Add a DICOM image to its series; a file that claims to be one and is not marks its folder."""
    from pydicom import dcmread

    try:
        with path.open("rb") as stream:
            if not is_dicom(stream.read(HEAD_BYTES)):
                damaged |= {path.parent} if kind else set()
                return
            stream.seek(0)
            with quiet():
                header = dcmread(stream, stop_before_pixels=True, force=True, specific_tags=list(HEADER_TAGS))
    except Exception:  # a damaged file can fail anywhere in the parser
        damaged.add(path.parent)
        return
    uid = str(header.get("SeriesInstanceUID", ""))
    if "Rows" not in header or str(header.get("Modality", "")) in NO_IMAGES or not uid:
        return
    folders = series.setdefault(uid, [])
    if not folders or folders[-1].path != path.parent:
        folders.append(_Folder(path.parent))
    folders[-1].images.add(str(header.get("SOPInstanceUID", "")))


def _series_sources(root: Path, series: dict[str, list[_Folder]]) -> Iterator[Source]:
    for uid, folders in series.items():
        path = _place(folders)
        yield Source(path, path.relative_to(root).as_posix(), series=uid, dicom=True)


def _place(folders: list[_Folder]) -> Path:
    """Return the folder of a series: that of its first copy, or the one above all its parts."""
    first, *others = folders
    parts = [first.path, *(other.path for other in others if not other.images & first.images)]
    return Path(os.path.commonpath(parts))


def _whole_folder(root: Path, folder: Path) -> Source:
    """A folder of nothing but damaged DICOM files, whose case will say so."""
    return Source(folder, folder.relative_to(root).as_posix(), dicom=True)
