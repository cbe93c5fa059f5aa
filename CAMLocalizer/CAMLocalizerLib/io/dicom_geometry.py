"""Where the slices of a DICOM series lie, and the one grid that holds them all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError, InputError, SeriesError

if TYPE_CHECKING:
    from pydicom import Dataset

SAME_DIRECTION = 1e-3
SAME_PLACE_MM = 1e-3
MISSING_GAP = 1.5
UNEVEN_PART = 0.1
DRIFT_PIXELS = 0.1
LEAST_GAPS = 2


@dataclass(frozen=True, eq=False)
class SlicePlane:
    """Place of one slice.

    Args:
        position: LPS position of the centre of the first pixel, mm.
        orientation: LPS unit directions of i (along a row) and j (down a column), shape (2, 3).
        spacing_mm: distance of pixels along i and j.
        thickness_mm: step to use where there is one slice only.
        located: whether the position is stated; otherwise it is the origin.
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


def planes(header: Dataset) -> list[SlicePlane]:
    """Return the place of every frame of one DICOM image; an image without place lies at the origin.

    Raises:
        InputError: a multi-frame image without places.
        GridError: a spacing that is not positive, or a damaged orientation.
    """
    if int(header.get("NumberOfFrames", 1) or 1) == 1 and "PerFrameFunctionalGroupsSequence" not in header:
        return [_plane(header, header, header)]
    return list(_frame_planes(header))


def _frame_planes(header: Dataset) -> Iterator[SlicePlane]:
    shared = (header.get("SharedFunctionalGroupsSequence") or [{}])[0]
    frames = header.get("PerFrameFunctionalGroupsSequence")
    if not frames:
        raise InputError("has several frames without a place in the body; a volume is expected")
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
    """Remove the rounding of the header's text from two orthogonal unit vectors, or refuse them."""
    deviation = np.abs(orientation @ orientation.T - np.eye(2)).max()
    if not deviation < 10 * SAME_DIRECTION:
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
        raise GridError(f"{keyword} must hold {len(default)} numbers, but it holds text") from None
    if len(values) != len(default) or not np.all(np.isfinite(values)):
        raise GridError(f"{keyword} must hold {len(default)} numbers, got {values}")
    return values


def stack(slices: Sequence[SlicePlane], columns: int, rows: int) -> tuple[NDArray[np.intp], Grid]:
    """Sort slices along their normal and make the grid they form.

    Args:
        slices: places of all slices, any order.
        columns: pixels along i.
        rows: pixels along j.

    Returns:
        The order of the slices along k, and the grid.

    Raises:
        SeriesError: slices missing, at the same place, unevenly spaced, or of different orientation or spacing.
        GridError: slices shifted against each other (gantry tilt).
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
    if count > 1:  # share what rounding is left between both ends
        start = (start + end - first.normal * step * (count - 1)) / 2
    return order, Grid((columns, rows, count), (*first.spacing_mm, step), tuple(start), direction)


def _check_alike(slices: Sequence[SlicePlane]) -> None:
    first = slices[0]
    for plane in slices:
        if np.abs(plane.orientation - first.orientation).max() > SAME_DIRECTION:
            raise SeriesError("slices of different orientation in one series; keep the slices of one stack")
        if not np.allclose(plane.spacing_mm, first.spacing_mm, rtol=SAME_DIRECTION):
            raise SeriesError("slices of different pixel spacing in one series; keep the slices of one stack")


def _check_gaps(along: NDArray[np.float64]) -> None:
    if len(along) < 2:
        return
    gaps = np.diff(along)
    if gaps.min() < SAME_PLACE_MM:
        twice = int((gaps < SAME_PLACE_MM).sum())
        raise SeriesError(
            f"{twice} of {len(along)} slices lie where another does (time points or echoes?); keep one of each"
        )
    usual = float(np.median(gaps))
    _check_two_spacings(gaps)
    if gaps.max() > MISSING_GAP * usual:
        wide = int(gaps.argmax())
        raise SeriesError(
            f"slices are missing: {gaps[wide]:.3g} mm between slice {wide + 1} and {wide + 2} of {len(along)}, "
            f"{usual:.3g} mm elsewhere; copy the whole series"
        )
    even = np.linspace(along[0], along[-1], len(along))
    if np.abs(along - even).max() > UNEVEN_PART * usual:
        raise SeriesError(
            f"slices are unevenly spaced, {gaps.min():.3g} to {gaps.max():.3g} mm; resample the series first"
        )


def _check_two_spacings(gaps: NDArray[np.float64]) -> None:
    """Refuse a series that was planned with two spacings, as of the head: fine below, coarse above."""
    changes = np.flatnonzero(np.abs(np.diff(gaps)) > UNEVEN_PART * gaps[1:]) + 1
    runs = np.split(gaps, changes)
    steps = [float(np.mean(run)) for run in runs if len(run) >= LEAST_GAPS]
    several = len(steps) > 1 and max(steps) > (1 + UNEVEN_PART) * min(steps)
    counts = gaps / gaps.min()
    left_out = bool(np.abs(counts - np.rint(counts)).max() <= UNEVEN_PART)  # as if slices had been taken away
    if several and (len(runs) == 2 or not left_out or min(map(len, runs)) > LEAST_GAPS):
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
    if np.abs(drift / first.spacing_mm).max() <= DRIFT_PIXELS:
        return
    angle = np.degrees(np.arctan2(np.linalg.norm(drift[-1]), abs(shift[-1] @ first.normal)))
    raise GridError(
        f"slices are shifted against each other by up to {np.abs(drift).max():.3g} mm "
        f"({angle:.1f} degrees, gantry tilt?); resample the series to an orthogonal grid first"
    )
