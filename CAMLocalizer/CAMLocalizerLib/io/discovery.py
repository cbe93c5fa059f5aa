"""Discovery: find the volumes and DICOM series in a folder, for command line, panel, browser and batch."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from ..case_files import CASE_FILES, KNOWN_FILES
from ..core import InputError
from .dicom_files import NON_IMAGE_MODALITIES
from .names import ENDINGS, ending
from .nifti_header import is_second_of_pair
from .quiet import quiet
from .signatures import HEAD_BYTES, is_dicom

VOLUME_FORMATS = frozenset({"NRRD", "NIfTI", "MetaImage"})
SEGMENTATION_ENDING = ".seg.nrrd"
DICOM_INDEX = "DICOMDIR"  # index of a medium: a DICOM file, but not an image
HEADER_TAGS = ("SeriesInstanceUID", "SOPInstanceUID", "Modality", "Rows")
MAX_EXAMINED = 16  # files of a folder that are opened to detect DICOM


@dataclass(frozen=True)
class FoundVolume:
    """A volume file or a DICOM series.

    Args:
        path: the file, or the folder of the series.
        series: SeriesInstanceUID; empty for a file.
        dicom: whether it is DICOM, so that its path may identify the patient.
    """

    path: Path
    series: str = ""
    dicom: bool = False


def is_volume_file(path: Path, formats: Collection[str] = VOLUME_FORMATS) -> bool:
    """Return whether a file is a volume by its name; results of CAMLocalizer and segmentations are not.

    Args:
        path: an existing file.
        formats: values of :data:`CAMLocalizerLib.io.names.ENDINGS`.
    """
    if path.name in KNOWN_FILES or path.name.endswith(SEGMENTATION_ENDING):
        return False
    return ENDINGS.get(ending(path), "") in formats and not is_second_of_pair(path)


def holds_dicom(folder: Path, depth: int = 0) -> bool:
    """Return whether a folder contains DICOM files, by their names or, without known extension, by their content.

    Args:
        folder: an existing folder; False if it cannot be read.
        depth: number of levels of subfolders to search.
    """
    entries = _entries(folder)
    if _is_result(entries):
        return False
    files = [path for path in entries if path.is_file() and path.name not in (DICOM_INDEX, *KNOWN_FILES)]
    if any(ENDINGS.get(ending(path)) == "DICOM" for path in files):
        return True
    unnamed = (path for path in files if not ending(path))
    if any(map(_is_dicom_file, islice(unnamed, MAX_EXAMINED))):
        return True
    return depth > 0 and any(holds_dicom(path, depth - 1) for path in entries if path.is_dir())


def list_inputs(
    folder: Path, *, depth: int = 0, dicom_depth: int = 0, formats: Collection[str] = VOLUME_FORMATS
) -> Iterator[Path]:
    """List the inputs in a folder, without reading headers.

    Hidden entries, result folders and folders that cannot be read are left out.

    Args:
        folder: an existing folder.
        depth: number of levels of subfolders to search.
        dicom_depth: number of levels of subfolders in which to search a folder for DICOM files.
        formats: formats of volume files.

    Yields:
        Volume files and DICOM folders, in the order of their names.
    """
    entries = _entries(folder)
    if _is_result(entries):
        return
    for path in entries:
        if path.is_dir():
            if holds_dicom(path, dicom_depth):
                yield path
            elif depth > 0:
                yield from list_inputs(path, depth=depth - 1, dicom_depth=dicom_depth, formats=formats)
        elif is_volume_file(path, formats):
            yield path


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


def _is_result(entries: Collection[Path]) -> bool:
    return {CASE_FILES["report"], CASE_FILES["label map"]} <= {path.name for path in entries}


def _is_dicom_file(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return is_dicom(stream.read(HEAD_BYTES))
    except OSError:
        return False


@dataclass
class _Folder:
    """DICOM images of one series in one folder, by SOPInstanceUID."""

    path: Path
    images: set[str] = field(default_factory=set)


def find_volumes(
    root: Path,
    *,
    skipped: Path | None = None,
    pattern: str = "*",
    formats: Collection[str] = VOLUME_FORMATS,
) -> tuple[FoundVolume, ...]:
    """Find all NRRD, NIfTI and MetaImage files and all DICOM series in a folder tree.

    Hidden files and folders, and results of CAMLocalizer, are left out. Of duplicate series, the first copy is used.

    Args:
        root: folder to search with its subfolders, including linked ones.
        skipped: a folder to leave out, such as the output folder.
        pattern: shell pattern that file names must match.
        formats: formats of files besides DICOM.

    Returns:
        Volumes in the order of their paths.

    Raises:
        InputError: a folder that cannot be read, or a tree without volumes.
    """
    found: list[FoundVolume] = []
    series: dict[str, list[_Folder]] = {}
    damaged: set[Path] = set()
    for path in _files(root, skipped):
        if not fnmatchcase(path.name, pattern):
            continue
        kind = ENDINGS.get(ending(path), "")
        if is_volume_file(path, formats):
            found.append(FoundVolume(path))
        elif kind in ("", "DICOM") and path.name not in KNOWN_FILES:
            _note_dicom(path, kind, series, damaged)
    found += [FoundVolume(_place(folders), uid, dicom=True) for uid, folders in series.items()]
    with_series = {each.path for each in found}
    found += [FoundVolume(folder, dicom=True) for folder in damaged - with_series]  # reading the case reports the error
    if not found:
        raise InputError(f"{root}: holds no {_listed(formats)} or DICOM volume{_fitting(pattern)}; give another")
    return tuple(sorted(found, key=lambda each: (each.path.relative_to(root).as_posix(), each.series)))


def _listed(formats: Collection[str]) -> str:
    return ", ".join(sorted(formats, key=[*dict.fromkeys(ENDINGS.values())].index))


def _fitting(pattern: str) -> str:
    return "" if pattern == "*" else f" that fits {pattern}"


def _files(root: Path, skipped: Path | None) -> Iterator[Path]:
    """Walk a tree in the order of names; linked folders are entered once."""

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
    """Add a DICOM image to its series; a file with a DICOM extension that is not DICOM marks its folder as damaged."""
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
    if "Rows" not in header or str(header.get("Modality", "")) in NON_IMAGE_MODALITIES or not uid:
        return
    folders = series.setdefault(uid, [])
    if not folders or folders[-1].path != path.parent:
        folders.append(_Folder(path.parent))
    folders[-1].images.add(str(header.get("SOPInstanceUID", "")))


def _place(folders: list[_Folder]) -> Path:
    """Return the folder of a series: that of its first copy, or the common parent of all its parts."""
    first, *others = folders
    parts = [first.path, *(other.path for other in others if not other.images & first.images)]
    return Path(os.path.commonpath(parts))
