"""Positions of the slices of a DICOM series, and the grid that they form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError, InputError, SeriesError

if TYPE_CHECKING:
    from pydicom import Dataset

DIRECTION_TOLERANCE = 1e-3
POSITION_TOLERANCE_MM = 1e-3
MISSING_SLICE_RATIO = 1.5
UNEVEN_FRACTION = 0.1
MAX_DRIFT_PIXELS = 0.1
MIN_GAPS = 2


@dataclass(frozen=True, eq=False)
class SlicePlane:
    """Position of one slice.

    Args:
        position: LPS position of the centre of the first pixel, mm.
        orientation: LPS unit directions of i (along a row) and j (down a column), shape (2, 3).
        spacing_mm: distance between pixels along i and j.
        thickness_mm: slice spacing to use for a single slice.
        located: whether the header has a position; otherwise it is the origin.
    """

    position: NDArray[np.float64]
    orientation: NDArray[np.float64]
    spacing_mm: tuple[float, float]
    thickness_mm: float
    located: bool = True

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit direction of i x j."""
        return np.cross(self.orientation[0], self.orientation[1])


def frame_planes(header: Dataset) -> list[SlicePlane]:
    """Return the position of every frame of one DICOM image; an image without a position lies at the origin.

    Raises:
        InputError: a multi-frame image without positions.
        GridError: a spacing that is not positive, or a damaged orientation.
    """
    if int(header.get("NumberOfFrames", 1) or 1) == 1 and "PerFrameFunctionalGroupsSequence" not in header:
        return [_plane(header, header, header)]
    return list(_frame_planes(header))


def _frame_planes(header: Dataset) -> Iterator[SlicePlane]:
    shared = (header.get("SharedFunctionalGroupsSequence") or [{}])[0]
    frames = header.get("PerFrameFunctionalGroupsSequence")
    if not frames:
        raise InputError("has several frames without a position in patient space; a volume is expected")
    for frame in frames:
        parts = [
            _group(frame, shared, f"{name}Sequence") for name in ("PlanePosition", "PlaneOrientation", "PixelMeasures")
        ]
        if any(part is None for part in parts):
            raise InputError("has frames without position, orientation or spacing; a volume is expected")
        yield _plane(*parts)


def _group(frame: Dataset, shared: Dataset, name: str) -> Any:
    sequence = frame.get(name) or shared.get(name)
    return sequence[0] if sequence else None


def _plane(place: Dataset, turn: Dataset, measures: Dataset) -> SlicePlane:
    position = _floats(place, "ImagePositionPatient", (0.0, 0.0, 0.0))
    orientation = np.reshape(_floats(turn, "ImageOrientationPatient", (1, 0, 0, 0, 1, 0)), (2, 3))
    spacing = _floats(measures, "PixelSpacing", _floats(measures, "ImagerPixelSpacing", (1.0, 1.0)))
    if not np.all(np.isfinite(spacing)) or min(spacing) <= 0:
        raise GridError(f"spacing must be positive, got PixelSpacing {spacing} mm")
    steps = (_floats(measures, name, (0.0,))[0] for name in ("SpacingBetweenSlices", "SliceThickness"))
    thickness = next((abs(step) for step in steps if step), 1.0)
    located = bool(place.get("ImagePositionPatient"))
    return SlicePlane(np.array(position), _unit(orientation), (spacing[1], spacing[0]), thickness, located)


def _unit(orientation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Remove the header's rounding from two orthogonal unit vectors; raises GridError if they are not."""
    deviation = np.abs(orientation @ orientation.T - np.eye(2)).max()
    if not deviation < 10 * DIRECTION_TOLERANCE:
        raise GridError(f"ImageOrientationPatient {orientation.ravel().tolist()} must be two orthogonal unit vectors")
    i = orientation[0] / np.linalg.norm(orientation[0])
    j = orientation[1] - i * (i @ orientation[1])
    return np.stack([i, j / np.linalg.norm(j)])


def _floats(header: Dataset, keyword: str, default: tuple[float, ...]) -> tuple[float, ...]:
    value = header.get(keyword)
    if value is None or value == "":
        return default
    try:
        values = tuple(float(entry) for entry in np.atleast_1d(np.asarray(value, dtype=np.float64)))
    except (ValueError, TypeError):
        raise GridError(f"{keyword} must hold {len(default)} numbers, got text") from None
    if len(values) != len(default) or not np.all(np.isfinite(values)):
        raise GridError(f"{keyword} must hold {len(default)} numbers, got {values}")
    return values


def stack_slices(slices: Sequence[SlicePlane], columns: int, rows: int) -> tuple[NDArray[np.intp], Grid]:
    """Sort slices along their normal and create their grid.

    Args:
        slices: positions of all slices, any order.
        columns: pixels along i.
        rows: pixels along j.

    Returns:
        The order of the slices along k, and the grid.

    Raises:
        SeriesError: slices missing, at the same position, unevenly spaced, or of different orientation or spacing.
        GridError: slices shifted in-plane (gantry tilt).
    """
    first = slices[0]
    _check_alike(slices)
    along = np.array([plane.position @ first.normal for plane in slices])
    order = np.argsort(along, kind="stable")
    _check_gaps(along[order])
    start, end = slices[order[0]].position, slices[order[-1]].position
    count = len(slices)
    step = (along[order[-1]] - along[order[0]]) / (count - 1) if count > 1 else first.thickness_mm
    _check_tilt(slices, order, first)
    direction = np.column_stack([first.orientation[0], first.orientation[1], first.normal])
    if count > 1:  # distribute the rounding error between both ends
        start = (start + end - first.normal * step * (count - 1)) / 2
    return order, Grid((columns, rows, count), (*first.spacing_mm, step), tuple(start), direction)


def _check_alike(slices: Sequence[SlicePlane]) -> None:
    first = slices[0]
    for plane in slices:
        if np.abs(plane.orientation - first.orientation).max() > DIRECTION_TOLERANCE:
            raise SeriesError("the slices have different orientations; keep the slices of one stack")
        if not np.allclose(plane.spacing_mm, first.spacing_mm, rtol=DIRECTION_TOLERANCE):
            raise SeriesError("the slices have different pixel spacings; keep the slices of one stack")


def _check_gaps(along: NDArray[np.float64]) -> None:
    if len(along) < 2:
        return
    gaps = np.diff(along)
    if gaps.min() < POSITION_TOLERANCE_MM:
        twice = int((gaps < POSITION_TOLERANCE_MM).sum())
        raise SeriesError(
            f"{twice} of {len(along)} slices have the position of another slice (time points or echoes?); "
            "keep one slice per position"
        )
    usual = float(np.median(gaps))
    _check_two_spacings(gaps)
    if gaps.max() > MISSING_SLICE_RATIO * usual:
        wide = int(gaps.argmax())
        raise SeriesError(
            f"slices are missing: {gaps[wide]:.3g} mm between slice {wide + 1} and {wide + 2} of {len(along)}, "
            f"{usual:.3g} mm elsewhere; copy the whole series"
        )
    even = np.linspace(along[0], along[-1], len(along))
    if np.abs(along - even).max() > UNEVEN_FRACTION * usual:
        raise SeriesError(
            f"slices are unevenly spaced, {gaps.min():.3g} to {gaps.max():.3g} mm; resample the series first"
        )


def _check_two_spacings(gaps: NDArray[np.float64]) -> None:
    """Raise SeriesError if a series was acquired with two spacings, as head CT is: fine below, coarse above."""
    changes = np.flatnonzero(np.abs(np.diff(gaps)) > UNEVEN_FRACTION * gaps[1:]) + 1
    runs = np.split(gaps, changes)
    steps = [float(np.mean(run)) for run in runs if len(run) >= MIN_GAPS]
    several = len(steps) > 1 and max(steps) > (1 + UNEVEN_FRACTION) * min(steps)
    counts = gaps / gaps.min()
    left_out = bool(np.abs(counts - np.rint(counts)).max() <= UNEVEN_FRACTION)  # slices may be missing
    if several and (len(runs) == 2 or not left_out or min(map(len, runs)) > MIN_GAPS):
        ends = np.cumsum([0, *map(len, runs)])
        spans = (
            f"{float(np.mean(run)):.3g} mm from slice {begin + 1} to {end + 1}"
            for run, begin, end in zip(runs, ends[:-1], ends[1:], strict=True)
        )
        raise SeriesError(
            f"slices have different spacings: {', '.join(spans)}; resample the series to one spacing first"
        )


def _check_tilt(slices: Sequence[SlicePlane], order: NDArray[np.intp], first: SlicePlane) -> None:
    shift = np.array([slices[index].position - slices[order[0]].position for index in order])
    drift = shift @ first.orientation.T  # (slices, 2) in the plane
    if np.abs(drift / first.spacing_mm).max() <= MAX_DRIFT_PIXELS:
        return
    angle = np.degrees(np.arctan2(np.linalg.norm(drift[-1]), abs(shift[-1] @ first.normal)))
    raise GridError(
        f"slices are shifted in-plane by up to {np.abs(drift).max():.3g} mm "
        f"({angle:.1f} degrees, gantry tilt?); resample the series to an orthogonal grid first"
    )
