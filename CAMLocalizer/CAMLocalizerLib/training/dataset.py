"""read_images: the images of a table, prepared as for inference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, Volume
from ..io import read_volume
from ..io.hashing import voxel_fingerprint
from ..localizer.inference import has_content
from ..views import PROJECTIONS, ProjectionPair, SliceStack, acquisition_plane, normalise_slices, plane_axes
from .checks import Problems
from .config import InputOptions
from .table import Row, by_file_and_view

SPACING_TOLERANCE = 1e-3
NO_POINT = (float("nan"), float("nan"))


@dataclass(frozen=True, eq=False)
class Prepared:
    """Images of one file.

    Args:
        images: normalised, float32, shape (n, H, W).
        rows: line of the table that each image belongs to.
        points: centre as (column, row) in pixels, NaN where unknown, shape (n, 2).
        names: what reports call each image.
        planes: planes of the images.
        spacing_mm: of their pixels.
        fingerprint: of the voxels of the file.
    """

    images: NDArray[np.float32]
    rows: tuple[Row, ...]
    points: NDArray[np.float32]
    names: tuple[str, ...]
    planes: tuple[str, ...]
    spacing_mm: float
    fingerprint: str = ""

    @property
    def shape(self) -> str:
        """Size and spacing in words."""
        height, width = self.images.shape[1:]
        return f"{width} x {height} pixels of {self.spacing_mm:.4g} mm"

    @property
    def image_planes(self) -> tuple[str, ...]:
        """Plane of each image."""
        return self.planes if len(self.planes) == len(self.rows) else self.planes * len(self.rows)


def read_images(
    rows: Sequence[Row],
    options: InputOptions,
    problems: Problems,
    progress: Callable[[int, int], None] | None = None,
    *,
    choose: Callable[[Volume, Prepared], Prepared] | None = None,
) -> list[Prepared]:
    """Read every file of the table.

    Args:
        rows: lines of the table.
        options: what the network sees.
        problems: takes a sentence for each file that cannot be used, and one for images of mixed size.
        progress: called after each file with (files done, files).
        choose: checks a volume and leaves out images that are not to be learnt from.

    Returns:
        What could be read, a file at a time.
    """
    by_file = by_file_and_view(rows)
    found = []
    for count, ((path, view), members) in enumerate(by_file.items(), 1):
        with problems.noted():
            volume = read_volume(path)
            images = prepare(volume, members, replace(options, view=view) if view else options)
            found.append(images if choose is None else choose(volume, images))
        if progress is not None:
            progress(count, len(by_file))
    problems.extend(_mixed(found))
    return found


def _mixed(prepared: Sequence[Prepared]) -> list[str]:
    counts = Counter(each.shape for each in prepared)
    if len(counts) < 2:
        return []
    examples = {each.shape: each.rows[0].file for each in prepared}
    kinds = ", ".join(f"{shape} ({count} files, such as {examples[shape]})" for shape, count in counts.most_common(5))
    return [f"images of mixed size: {kinds}; give [input] size and spacing_mm to resample them"]


def prepare(volume: Volume, rows: Sequence[Row], options: InputOptions) -> Prepared:
    """Turn a volume into the images that its lines of the table label.

    Args:
        volume: a volume, or a picture as a volume of one slice.
        rows: one line for the whole volume, or one per labelled slice.
        options: what the network sees.

    Returns:
        Slices without content are left out, as they are in use. The point of a line goes to its slice, or to that
        nearest to it.

    Raises:
        InputError: a slice that the volume lacks or that is blank, a point outside, or pixels that are not square
            where no spacing is given.
    """
    for row in rows:
        _require_inside(volume, row)
    found = _projections(volume, rows, options) if options.view == "projections" else _slices(volume, rows, options)
    return replace(found, fingerprint=voxel_fingerprint(volume))


def _require_inside(volume: Volume, row: Row) -> None:
    if row.point is None:
        return
    size = np.array(volume.grid.size)
    ijk = volume.grid.to_ijk(row.point)
    if bool(((ijk < -0.5) | (ijk > size - 0.5)).any()):
        raise InputError(
            f"{row.path} (line {row.line}): the centre point {row.point} lies outside the image, at voxel "
            f"{tuple(ijk.round(1).tolist())} of {volume.grid.size}; volumes take LPS mm, pictures column and row"
        )


def _slices(volume: Volume, rows: Sequence[Row], options: InputOptions) -> Prepared:
    plane = _plane(volume, options.view, rows[0].path)
    spacing = options.spacing_mm or _own_spacing_mm(volume, plane, rows[0].path)
    size = options.size or _own_size(volume, plane, spacing)
    stack = SliceStack(volume, plane, spacing_mm=spacing, size=size, centre=options.centre)
    slices = stack.batch(0, len(stack))
    present = has_content(slices)
    chosen = [(row, index) for row in rows for index in _indices(row, present, stack.filled)]
    points = [_slice_point(stack, row, index) for row, index in chosen]
    wanted = [index for _, index in chosen]
    several = len(stack) > 1
    return Prepared(
        normalise_slices(slices[wanted], options.normalisation),
        tuple(row for row, _ in chosen),
        np.array(points, dtype=np.float32).reshape(-1, 2),
        tuple(replace(row, slice=index).name if several else row.file for row, index in chosen),
        (plane,),
        spacing,
    )


def _plane(volume: Volume, view: str, path: Path) -> str:
    acquired = acquisition_plane(volume.grid)
    if view not in ("auto", acquired) and 1 in volume.grid.size:
        raise InputError(f"{path}: is a single {acquired} image, but [input] view is {view!r}; take auto")
    return acquired if view == "auto" else view


def _indices(row: Row, present: NDArray[np.bool_], filled: NDArray[np.bool_]) -> list[int]:
    if row.slice is None:
        return np.flatnonzero(present & filled).tolist()
    if row.slice >= len(present):
        raise InputError(f"{row.path} (line {row.line}): has no slice {row.slice}, only 0 to {len(present) - 1}")
    if not present[row.slice]:
        raise InputError(f"{row.path} (line {row.line}): slice {row.slice} is blank; leave it out")
    return [row.slice]


def _slice_point(stack: SliceStack, row: Row, index: int) -> tuple[float, float]:
    if row.point is None:
        return NO_POINT
    column, line, through = stack.grid.to_ijk(row.point).tolist()
    if row.slice is None and round(through) != index:
        return NO_POINT
    return _in_view(row, column, line, stack.size)


def _in_view(row: Row, column: float, line: float, size: tuple[int, int]) -> tuple[float, float]:
    if not (-0.5 <= column <= size[0] - 0.5 and -0.5 <= line <= size[1] - 0.5):
        raise InputError(
            f"{row.path} (line {row.line}): the centre point {row.point} lies outside what the network sees, "
            f"{size[0]} x {size[1]} pixels; enlarge [input] size or spacing_mm"
        )
    return column, line


def _own_spacing_mm(volume: Volume, plane: str, path: Path) -> float:
    columns, rows = (volume.grid.spacing_mm[axis] for axis in plane_axes(volume.grid, plane).axes[:2])
    if abs(columns - rows) > SPACING_TOLERANCE * columns:
        raise InputError(f"{path}: pixels of {columns:.4g} x {rows:.4g} mm are not square; give [input] spacing_mm")
    return columns


def _own_size(volume: Volume, plane: str, spacing_mm: float) -> tuple[int, int]:
    grid = volume.grid
    columns, rows = plane_axes(grid, plane).axes[:2]
    width, height = (max(1, round(grid.size[axis] * grid.spacing_mm[axis] / spacing_mm)) for axis in (columns, rows))
    return width, height


def _projections(volume: Volume, rows: Sequence[Row], options: InputOptions) -> Prepared:
    row = rows[0]
    if row.slice is not None:
        raise InputError(f"{row.path} (line {row.line}): projections are labelled as a whole, not by slice")
    assert options.spacing_mm is not None
    pair = ProjectionPair(volume, spacing_mm=options.spacing_mm, size=options.size)
    points = [NO_POINT, NO_POINT]
    if row.point is not None:
        pixels = [pair.to_pixels(plane, row.point).tolist() for plane in PROJECTIONS]
        points = [_in_view(row, column, line, pair.pixels) for column, line in pixels]
    return Prepared(
        normalise_slices(pair.images, options.normalisation),
        (row, row),
        np.array(points, dtype=np.float32),
        tuple(f"{row.file}:{plane}" for plane in PROJECTIONS),
        PROJECTIONS,
        options.spacing_mm,
    )
