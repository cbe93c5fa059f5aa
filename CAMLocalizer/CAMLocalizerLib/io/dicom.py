"""DICOM files and folders: find the series, read one as a volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, InputError, SeriesError
from .dicom_geometry import planes, stack
from .image import RawImage, grey, named
from .names import ENDINGS, ending
from .quiet import quiet
from .suv import suvbw_factor

if TYPE_CHECKING:
    from pydicom import Dataset

UNITS = {"CT": "HU", "PT": "SUVbw"}
NO_IMAGES = frozenset({"SEG", "PR", "KO", "SR", "RTSTRUCT", "RTPLAN", "RTDOSE", "REG"})


@dataclass(frozen=True)
class SeriesInfo:
    """What may be said of a DICOM series without saying whose it is.

    Args:
        uid: SeriesInstanceUID.
        number: SeriesNumber, empty if none.
        modality: ``MR``, ``CT``, ``PT``, ...
        slices: number of slices.
        columns: pixels per row.
        rows: pixels per column.
        files: the series' files.
    """

    uid: str
    number: str
    modality: str
    slices: int
    columns: int
    rows: int
    files: tuple[Path, ...] = field(repr=False)

    def __str__(self) -> str:
        number = f" number {self.number}" if self.number else ""
        return f"{self.modality}{number}, {self.slices} slices of {self.columns} x {self.rows}, {self.uid}"


@dataclass(frozen=True, eq=False)
class Entry:
    """One file of a series.

    Args:
        path: the file.
        header: all of it but the pixels.
    """

    path: Path
    header: Dataset


def list_series(folder: str | Path) -> tuple[SeriesInfo, ...]:
    """Return the image series in a folder and its subfolders, most slices first.

    Raises:
        InputError: no such folder, or a damaged DICOM file in it.
    """
    with quiet():
        found = _scan(Path(folder)).values()
        return tuple(sorted(map(_info, found), key=lambda info: (-info.slices, info.uid)))


def read_dicom_folder(folder: Path, series: str | None = None) -> RawImage:
    """Read the one image series of a folder, or the one named.

    Args:
        folder: searched with its subfolders.
        series: SeriesInstanceUID or SeriesNumber; needed where there are several.

    Raises:
        SeriesError: no series, several without a choice, or an incomplete one.
        InputError: a damaged file, or tags missing for SUV.
        GridError: gantry tilt or a damaged geometry.
    """
    return _read_entries(series_entries(folder, series), folder)


def series_entries(folder: Path, series: str | None = None) -> list[Entry]:
    """Find the files of the one image series of a folder, or of the one named; arguments as for reading it.

    Raises:
        SeriesError: no series, or several without a choice.
        InputError: a damaged file.
    """
    with quiet():
        found = _scan(folder)
        infos = sorted(map(_info, found.values()), key=lambda info: (-info.slices, info.uid))
    chosen = [info for info in infos if series is None or series in (info.uid, info.number)]
    if len(chosen) == 1:
        return found[chosen[0].uid]
    listing = "".join(f"\n  {info}" for info in infos)
    if not infos:
        raise SeriesError(f"{folder}: no DICOM image in this folder; give a folder of DICOM files or an image file")
    if not chosen:
        raise SeriesError(f"{folder}: no series {series} here; choose one of these with --series UID:{listing}")
    raise SeriesError(f"{folder}: holds {len(chosen)} series; choose one with --series UID:{listing}")


def read_dicom_file(path: Path) -> RawImage:
    """Read one DICOM file, single- or multi-frame.

    Raises:
        InputError: a damaged file or one without image.
    """
    return _read_entries([file_entry(path)], path)


def file_entry(path: Path) -> Entry:
    """Read the header of one DICOM image; raises as :func:`read_dicom_file`."""
    with quiet():
        entry = _entry(path)
    if entry is None:
        raise InputError(f"{path}: this DICOM file holds no image; give an image file or its folder")
    return entry


def _scan(folder: Path) -> dict[str, list[Entry]]:
    """Group the images in a folder by series."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    found: dict[str, list[Entry]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith(".") and (entry := _entry(path)):
            found.setdefault(str(entry.header.get("SeriesInstanceUID", "")), []).append(entry)
    return found


def _entry(path: Path) -> Entry | None:
    """Read a file's header; None if it is no DICOM image. A damaged ``.dcm`` is an error, not a missing slice."""
    from pydicom import dcmread

    damaged = InputError(f"{path}: the DICOM file is empty, truncated or damaged; copy or export it again")
    claimed = ENDINGS.get(ending(path)) == "DICOM"
    try:
        with path.open("rb") as stream:
            if not claimed and stream.read(132)[128:] != b"DICM":
                return None
            stream.seek(0)
            header = dcmread(stream, stop_before_pixels=True)
            least = stream.tell() + _pixel_bytes(header)
    except PermissionError:
        raise InputError(f"{path}: cannot be opened (permission denied)") from None
    except Exception as error:  # a damaged file can fail anywhere in the parser
        raise damaged from error
    if path.stat().st_size < least:
        raise damaged
    if "Rows" not in header or header.get("Modality", "") in NO_IMAGES:
        return None
    return Entry(path, header)


def _pixel_bytes(header: Dataset) -> int:
    """Least number of bytes that the pixels and their tag take; the tag alone if they are compressed."""
    syntax = header.file_meta.TransferSyntaxUID
    tag = 8 if syntax.is_implicit_VR else 12
    if "Rows" not in header:
        return tag if header.file_meta.MediaStorageSOPClassUID.name.endswith("Image Storage") else 0
    if syntax.is_compressed:
        return tag + 1
    frames = int(header.get("NumberOfFrames", 1) or 1)
    bits = int(header.Rows) * int(header.Columns) * int(header.get("SamplesPerPixel", 1)) * int(header.BitsAllocated)
    return tag + frames * bits // 8


def _info(entries: Sequence[Entry]) -> SeriesInfo:
    first = entries[0].header
    return SeriesInfo(
        uid=str(first.get("SeriesInstanceUID", "")),
        number=str(first.get("SeriesNumber", "") or ""),
        modality=str(first.get("Modality", "") or "unknown modality"),
        slices=sum(int(entry.header.get("NumberOfFrames", 1) or 1) for entry in entries),
        columns=int(first.Columns),
        rows=int(first.Rows),
        files=tuple(entry.path for entry in entries),
    )


def _read_entries(entries: Sequence[Entry], source: Path) -> RawImage:
    with quiet(), named(source):
        headers = [entry.header for entry in entries]
        first, info = headers[0], _info(entries)
        order, grid = series_grid(headers)
        array = _pixels([entry.path for entry in entries], source)[order]  # stored order -> (k, j, i)
        if info.modality == "PT":
            array = array * np.float32(suvbw_factor(headers))
        notes = () if "ImagePositionPatient" in first or len(order) > 1 else ("the image has no place in the body",)
        return RawImage(array, grid, "DICOM", info.modality, UNITS.get(info.modality, ""), notes)


def series_grid(headers: Sequence[Dataset]) -> tuple[NDArray[np.intp], Grid]:
    """Return the order of all frames of a series along k, and the grid they form.

    Args:
        headers: of all files, any order.

    Raises:
        SeriesError: slices that do not form one complete stack.
        InputError: frames without place or of different scale.
        GridError: gantry tilt or a damaged geometry.
    """
    _check_images(headers)
    return stack(list(_all_planes(headers)), int(headers[0].Columns), int(headers[0].Rows))


def _all_planes(headers: Sequence[Dataset]) -> Iterator:
    for header in headers:
        if len(headers) > 1 and "ImagePositionPatient" not in header:
            raise SeriesError("slices without ImagePositionPatient (0020,0032); several slices need their place")
        yield from planes(header)


def _check_images(headers: Sequence[Dataset]) -> None:
    """See that all files are slices of one volume and none is known to be missing."""
    sizes = {(int(header.Columns), int(header.Rows)) for header in headers}
    if len(sizes) > 1:
        raise SeriesError(f"slices of different size in one series: {sorted(sizes)}; keep the slices of one stack")
    if len(headers) > 1 and any(int(header.get("NumberOfFrames", 1) or 1) > 1 for header in headers):
        raise SeriesError(f"{len(headers)} multi-frame files in one series; give one of the files")
    expected = int(headers[0].get("NumberOfSlices", 0) or 0)
    if headers[0].get("Modality") == "PT" and 1 < len(headers) < expected:
        raise SeriesError(f"slices are missing: {len(headers)} of {expected} are here; copy the whole series")
    if len(headers) == 1:
        _check_one_scale(headers[0])


def _check_one_scale(header: Dataset) -> None:
    """Refuse frames that are scaled differently: the decoder knows one scale per file."""
    scales = set()
    for frame in header.get("PerFrameFunctionalGroupsSequence") or []:
        for part in frame.get("PixelValueTransformationSequence") or []:
            scales.add((float(part.RescaleSlope), float(part.RescaleIntercept)))
    if len(scales) > 1:
        raise InputError("frames have different RescaleSlope; convert the file to NIfTI or classic DICOM first")


def _pixels(files: Sequence[Path], source: Path) -> NDArray[np.float32]:
    """Decode and rescale the pixels of files, each slice by its own slope; shape (slices, rows, columns)."""
    try:
        arrays = [_decode(path) for path in files]
    except RuntimeError as error:
        raise InputError(f"{source}: the DICOM pixels are damaged or compressed in an unusual way") from error
    array = np.concatenate(arrays)
    return array if array.ndim == 3 else grey(array, source)


def _decode(path: Path) -> NDArray[np.float32]:
    """Decode one file; shape (frames, rows, columns), with a last axis of channels for colour."""
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("GDCMImageIO")
    image = reader.Execute()
    array = SimpleITK.GetArrayFromImage(image).astype(np.float32)
    spatial = image.GetDimension()
    return array if spatial == 3 else array[np.newaxis]
