"""Read DICOM segmentations as label maps and activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, InputError, LabelMap, SeriesError
from .dicom_geometry import UNEVEN_FRACTION, SlicePlane, frame_planes
from .dicom_pixels import stored_pixels
from .grid_copy import copy_to_grid
from .image import prefix_path, report_damage
from .quiet import quiet
from .signatures import HEAD_BYTES, is_dicom

if TYPE_CHECKING:
    from pydicom import Dataset

IDENTIFICATION = "SegmentIdentificationSequence"
DAMAGED = "the DICOM segmentation is damaged; export it again"
BINARY, FRACTIONAL, LABELMAP = "BINARY", "FRACTIONAL", "LABELMAP"
STORAGE = {
    BINARY: "1.2.840.10008.5.1.4.1.1.66.4",
    FRACTIONAL: "1.2.840.10008.5.1.4.1.1.66.4",
    LABELMAP: "1.2.840.10008.5.1.4.1.1.66.7",
}
MAX_SEGMENTS = 255
POSITION_TOLERANCE_MM = 1e-3


@dataclass(frozen=True, eq=False)
class _Frames:
    """Frames of a segmentation: pixels (n, rows, columns), index along k of each, the grid."""

    pixels: NDArray[Any]
    k: NDArray[np.intp]
    grid: Grid


def read_dicom_seg(path: str | Path, *, grid: Grid | None = None) -> LabelMap:
    """Read a DICOM segmentation of type BINARY or LABELMAP as a label map.

    Args:
        path: the file.
        grid: grid of the image, to create the label map on; its voxels must coincide with the segmentation's.

    Returns:
        Label n is the n-th segment in the order of their numbers; segment 0 of a LABELMAP is the background. Without
        ``grid``, it spans the first to the last frame, since writers leave out slices without labels.

    Raises:
        InputError: a damaged or inconsistent file, another type of object, overlapping segments, or more than 255
            segments.
        SeriesError: frames that do not lie in the planes of one evenly spaced stack.
        GridError: voxels that do not coincide with those of ``grid``, or labels outside of it.

    Source: DICOM PS3.3 C.8.20 with Supplement 243.
    """
    path = Path(path)
    with quiet(), prefix_path(path), report_damage(path, "DICOM segmentation"):
        header = _read(path, (BINARY, LABELMAP))
        names = _segments(header)
        if len(names) > MAX_SEGMENTS:
            raise InputError(f"has {len(names)} segments; a label map can have at most {MAX_SEGMENTS}")
        labels = {number: label for label, number in enumerate(names, start=1)}
        frames = _frames(header)
        fill = _fill_from_masks if header.SegmentationType == BINARY else _fill_from_labels
        array = fill(header, frames, labels)
        if grid is None:
            return LabelMap(array, frames.grid, tuple(names.values()))
        return LabelMap(copy_to_grid(array, frames.grid, grid), grid, tuple(names.values()))


def _fill_from_masks(header: Dataset, frames: _Frames, labels: Mapping[int, int]) -> NDArray[np.uint8]:
    """Combine the masks of a BINARY segmentation, one frame per plane and segment, into one array."""
    array = np.zeros(frames.grid.shape_kji, np.uint8)
    for pixels, k, number in zip(frames.pixels, frames.k, _numbers(header), strict=True):
        inside = pixels > 0
        if array[k][inside].any():
            raise InputError("has overlapping segments; a label map has one label per voxel")
        array[k][inside] = _label_of(labels, number)
    return array


def _fill_from_labels(_header: Dataset, frames: _Frames, labels: Mapping[int, int]) -> NDArray[np.uint8]:
    """Renumber the pixels of a LABELMAP segmentation, one frame per plane."""
    if len(set(frames.k.tolist())) < len(frames.k):
        raise InputError("has several frames in one plane; a segmentation of type LABELMAP must have one")
    table = np.zeros(int(frames.pixels.max()) + 1, np.uint8)
    for number in np.unique(frames.pixels).tolist():
        table[number] = _label_of(labels, number) if number else 0
    array = np.zeros(frames.grid.shape_kji, np.uint8)
    array[frames.k] = table[frames.pixels]
    return array


def _label_of(labels: Mapping[int, int], number: int) -> int:
    if number not in labels:
        described = ", ".join(map(str, labels)) or "none"
        raise InputError(
            f"refers to segment {number}, which SegmentSequence (0062,0002) does not describe (it describes "
            f"{described}); export it again"
        )
    return labels[number]


def read_dicom_seg_fractional(path: str | Path, *, grid: Grid | None = None) -> tuple[NDArray[np.float32], Grid]:
    """Read a DICOM segmentation of type FRACTIONAL with one segment.

    Args:
        path: the file.
        grid: as for :func:`read_dicom_seg`, which raises the same.

    Returns:
        Fractions, 0 to 1, and their grid.
    """
    path = Path(path)
    with quiet(), prefix_path(path), report_damage(path, "DICOM segmentation"):
        header = _read(path, (FRACTIONAL,))
        frames, names = _frames(header), _segments(header)
        if len(names) > 1:
            raise InputError(f"has {len(names)} segments of fractions; one is expected")
        most = int(header.get("MaximumFractionalValue", 0) or 0)
        if most < 1 or int(frames.pixels.max()) > most:
            raise InputError(
                f"has values up to {int(frames.pixels.max())}, MaximumFractionalValue (0062,000E) is {most}; "
                "export it again"
            )
        array = np.zeros(frames.grid.shape_kji, np.float32)
        array[frames.k] = frames.pixels / np.float32(most)
        return (array, frames.grid) if grid is None else (copy_to_grid(array, frames.grid, grid), grid)


def _read(path: Path, kinds: Sequence[str]) -> Dataset:
    from pydicom import dcmread

    try:
        with path.open("rb") as stream:
            if not is_dicom(stream.read(HEAD_BYTES)):
                raise InputError(f"{path}: is not a DICOM file; a DICOM segmentation is expected")
        header = dcmread(path, force=True)
        stored, found = str(header.get("SOPClassUID", "")), str(header.get("SegmentationType", ""))
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror or error})") from error
    except InputError:
        raise
    except Exception as error:  # a damaged file can fail anywhere in the parser
        raise InputError(f"{path}: {DAMAGED}") from error
    if found not in kinds or stored != STORAGE[found]:
        known = found in STORAGE and stored in STORAGE.values()
        shown = f"is a DICOM segmentation of type {found}" if known else "is not a DICOM segmentation"
        raise InputError(f"{path}: {shown}; one of type {' or '.join(kinds)} is expected")
    return header


def _segments(header: Dataset) -> dict[int, str]:
    """Return the label of each segment by number, in ascending order, without the background of a LABELMAP."""
    found: dict[int, str] = {}
    for item in header.get("SegmentSequence") or []:
        number = int(item.get("SegmentNumber", -1) if item.get("SegmentNumber") is not None else -1)
        label = str(item.get("SegmentLabel", "") or "").strip()
        if number < 0 or number in found:
            raise InputError("has a segment without a number or two with the same number (0062,0004); export it again")
        if not label and number:
            raise InputError(f"does not name segment {number}: SegmentLabel (0062,0005) is missing; export it again")
        found[number] = label
    found = {number: label for number, label in sorted(found.items()) if number}
    if not found:
        raise InputError("has no segment: SegmentSequence (0062,0002) is missing; export it again")
    return found


def _frames(header: Dataset) -> _Frames:
    groups, frames = len(header.get("PerFrameFunctionalGroupsSequence") or []), int(header.get("NumberOfFrames", 1))
    if groups != frames:
        raise InputError(f"has {frames} frames but the positions of {groups}; export it again")
    try:
        found = frame_planes(header)
        pixels = _pixels(header, frames)
    except InputError:
        raise
    except Exception as error:  # a damaged file can fail anywhere in the parser and in the decoders
        raise InputError(DAMAGED) from error
    k, grid = _stacked(found, int(header.Columns), int(header.Rows))
    return _Frames(pixels, k, grid)


def _pixels(header: Dataset, frames: int) -> NDArray[Any]:
    """Decode all frames; pydicom decodes single bits, which the other decoder does not support."""
    if int(header.BitsAllocated) > 1:
        return stored_pixels(header)
    return np.asarray(header.pixel_array, dtype=np.uint8).reshape(frames, int(header.Rows), int(header.Columns))


def _numbers(header: Dataset) -> list[int]:
    """Return the segment number of each frame."""
    shared = (header.get("SharedFunctionalGroupsSequence") or [None])[0]
    found = []
    for number, frame in enumerate(header.PerFrameFunctionalGroupsSequence, start=1):
        items = next(
            (group.get(IDENTIFICATION) for group in (frame, shared) if group and group.get(IDENTIFICATION)), None
        )
        segment = items[0].get("ReferencedSegmentNumber") if items else None
        if segment is None:
            raise InputError(f"does not say to which segment frame {number} belongs (0062,000B); export it again")
        found.append(int(segment))
    return found


def _stacked(slices: Sequence[SlicePlane], columns: int, rows: int) -> tuple[NDArray[np.intp], Grid]:
    """Return the index along k of each frame and the grid from the first plane to the last; planes may be missing."""
    first = slices[0]
    along = np.array([plane.position @ first.normal for plane in slices])
    along -= along.min()
    gaps = np.diff(np.unique(along))
    step = min([first.thickness_mm, *gaps[gaps > POSITION_TOLERANCE_MM]]) if len(gaps) else first.thickness_mm
    k = np.rint(along / step).astype(np.intp)
    if k.max() > 0:
        step = float(along.max() / k.max())
    if np.abs(along - k * step).max() > UNEVEN_FRACTION * step:
        raise SeriesError("has unevenly spaced frames; a label map needs planes of one stack")
    direction = np.column_stack([first.orientation[0], first.orientation[1], first.normal])
    start = slices[int(k.argmin())].position
    grid = Grid((columns, rows, int(k.max()) + 1), (*first.spacing_mm, step), tuple(start), direction)
    shifted = grid.to_ijk(np.array([plane.position for plane in slices])) - np.stack([0 * k, 0 * k, k], axis=1)
    if np.abs(shifted).max() > UNEVEN_FRACTION:
        raise SeriesError("has frames that are shifted against each other; a label map needs planes of one stack")
    return k, grid
