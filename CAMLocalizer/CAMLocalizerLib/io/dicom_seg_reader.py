"""DICOM segmentations read back as label maps and activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, InputError, LabelMap, SeriesError
from .dicom_geometry import UNEVEN_PART, SlicePlane, planes
from .dicom_placing import placed
from .image import named
from .quiet import quiet

if TYPE_CHECKING:
    from pydicom import Dataset

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
MOST_SEGMENTS = 255
SAME_PLACE_MM = 1e-3


@dataclass(frozen=True, eq=False)
class _Frames:
    """Frames of a segmentation: pixels (n, rows, columns), index along k and segment number of each, the grid."""

    pixels: NDArray[np.uint8]
    k: NDArray[np.intp]
    numbers: NDArray[np.intp]
    grid: Grid


def read_dicom_seg(path: str | Path, *, grid: Grid | None = None) -> LabelMap:
    """Read a DICOM segmentation of type BINARY as a label map.

    Args:
        path: the file.
        grid: of the whole image, to put the labels on; its voxels must coincide with the segmentation's.

    Returns:
        Label n is the n-th segment in the order of their numbers. Without ``grid`` it reaches from the first frame
        to the last: writers leave out slices without labels.

    Raises:
        InputError: a damaged file, no BINARY segmentation, segments that overlap, or more than 255.
        SeriesError: frames that do not lie in the planes of one evenly spaced stack.
        GridError: voxels that do not coincide with those of ``grid``, or labels outside of it.
    """
    path = Path(path)
    with quiet(), named(path):
        header = _read(path, "BINARY")
        frames = _frames(header)
        segments = sorted(header.SegmentSequence, key=lambda segment: int(segment.SegmentNumber))
        if len(segments) > MOST_SEGMENTS:
            raise InputError(f"holds {len(segments)} segments; a label map holds at most {MOST_SEGMENTS}")
        array = np.zeros(frames.grid.shape_kji, np.uint8)
        labels = {int(segment.SegmentNumber): label for label, segment in enumerate(segments, start=1)}
        for pixels, k, number in zip(frames.pixels, frames.k, frames.numbers, strict=True):
            inside = pixels > 0
            if array[k][inside].any():
                raise InputError("has segments that overlap; a label map holds one label per voxel")
            array[k][inside] = labels[int(number)]
        names = tuple(str(segment.SegmentLabel) for segment in segments)
        if grid is None:
            return LabelMap(array, frames.grid, names)
        return LabelMap(placed(array, frames.grid, grid), grid, names)


def read_dicom_seg_fractional(path: str | Path, *, grid: Grid | None = None) -> tuple[NDArray[np.float32], Grid]:
    """Read a DICOM segmentation of type FRACTIONAL with one segment.

    Args:
        path: the file.
        grid: as for :func:`read_dicom_seg`, which raises the same.

    Returns:
        Fractions, 0 to 1, and the grid they lie on.
    """
    path = Path(path)
    with quiet(), named(path):
        header = _read(path, "FRACTIONAL")
        frames = _frames(header)
        if len(header.SegmentSequence) > 1:
            raise InputError(f"holds {len(header.SegmentSequence)} segments of fractions; one is expected")
        array = np.zeros(frames.grid.shape_kji, np.float32)
        array[frames.k] = frames.pixels / np.float32(header.MaximumFractionalValue)
        return (array, frames.grid) if grid is None else (placed(array, frames.grid, grid), grid)


def _read(path: Path, kind: str) -> Dataset:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        header = dcmread(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror or error})") from error
    except InvalidDicomError as error:
        raise InputError(f"{path}: is no DICOM file; a DICOM segmentation is expected") from error
    found = str(header.get("SegmentationType", "")) if header.get("SOPClassUID") == SEGMENTATION_STORAGE else ""
    if found != kind:
        shown = f"is a DICOM segmentation of type {found}" if found else "is no DICOM segmentation"
        raise InputError(f"{path}: {shown}; one of type {kind} is expected")
    return header


def _frames(header: Dataset) -> _Frames:
    try:
        pixels = np.asarray(header.pixel_array, dtype=np.uint8)
        shared = header.SharedFunctionalGroupsSequence[0]
        numbers = [_segment_number(frame, shared) for frame in header.PerFrameFunctionalGroupsSequence]
        found = planes(header)
    except (AttributeError, KeyError, RuntimeError, ValueError) as error:
        raise InputError("the DICOM segmentation is damaged; export it again") from error
    k, grid = _stacked(found, int(header.Columns), int(header.Rows))
    return _Frames(pixels.reshape(-1, *grid.shape_kji[1:]), k, np.array(numbers), grid)


def _segment_number(frame: Dataset, shared: Dataset) -> int:
    group = frame if "SegmentIdentificationSequence" in frame else shared
    return int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)


def _stacked(slices: Sequence[SlicePlane], columns: int, rows: int) -> tuple[NDArray[np.intp], Grid]:
    """Return the index along k of each frame and the grid from the first plane to the last; planes may be missing."""
    first = slices[0]
    along = np.array([plane.position @ first.normal for plane in slices])
    along -= along.min()
    gaps = np.diff(np.unique(along))
    step = min([first.thickness_mm, *gaps[gaps > SAME_PLACE_MM]]) if len(gaps) else first.thickness_mm
    k = np.rint(along / step).astype(np.intp)
    if k.max() > 0:
        step = float(along.max() / k.max())
    if np.abs(along - k * step).max() > UNEVEN_PART * step:
        raise SeriesError("has frames that are unevenly spaced; a label map needs planes of one stack")
    direction = np.column_stack([first.orientation[0], first.orientation[1], first.normal])
    start = slices[int(k.argmin())].position
    grid = Grid((columns, rows, int(k.max()) + 1), (*first.spacing_mm, step), tuple(start), direction)
    shifted = grid.to_ijk(np.array([plane.position for plane in slices])) - np.stack([0 * k, 0 * k, k], axis=1)
    if np.abs(shifted).max() > UNEVEN_PART:
        raise SeriesError("has frames that are shifted against each other; a label map needs planes of one stack")
    return k, grid
