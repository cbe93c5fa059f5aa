"""Back-projection: from the feature cells of slices to the voxels of the volume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError
from .planes import plane_axes
from .resampling import apply_weights, linear_weights

ALIGNMENT_TOLERANCE = 1e-3
# A cache line holds 16 float32 values, so whole lines are written even if slices are the fastest storage axis.
SLICES_PER_BLOCK = 16


def back_project(
    array_kji: NDArray[np.float32], cell_grid: Grid, target_grid: Grid, *, plane: str
) -> NDArray[np.float32]:
    """Project a feature map of slices back to the voxels of the volume that was sliced.

    In-plane, values are interpolated linearly between cell centres and constant from the outermost centres to the
    borders of their cells; outside the cells the result is zero. Slices correspond one to one.

    Args:
        array_kji: values of the cells, shape ``cell_grid.shape_kji``.
        cell_grid: centres of the cells, from ``SliceStack.cell_grid``.
        target_grid: grid of the volume.
        plane: anatomical plane of the slices.

    Returns:
        float32, shape ``target_grid.shape_kji``; the only array of this size that is allocated.

    Raises:
        GridError: the array's shape is not its grid's, or the cells are not slices of the volume in this plane.
        SettingsError: an unknown plane.
    """
    way = BackProjection.of(array_kji, cell_grid, target_grid, plane)
    result = np.empty(target_grid.shape_kji, dtype=np.float32)
    slices = plane_axes(target_grid, plane).as_slices(result)  # (slices, rows, columns)
    for part in slice_parts(len(slices)):
        slices[part] = way.slices(part)
    return result


def slice_parts(count: int) -> Iterator[slice]:
    """Yield the blocks of slices that are projected back together."""
    for start in range(0, count, SLICES_PER_BLOCK):
        yield slice(start, start + SLICES_PER_BLOCK)


@dataclass(frozen=True, eq=False)
class BackProjection:
    """Back-projection of a feature map, a few slices at a time; see :func:`back_project`.

    Args:
        array_kji: values of the cells.
        rows: weights of the cells for each row of voxels.
        columns: weights of the cells for each column of voxels.
    """

    array_kji: NDArray[np.float32]
    rows: NDArray[np.float32]
    columns: NDArray[np.float32]

    @classmethod
    def of(cls, array_kji: NDArray[np.float32], cell_grid: Grid, target_grid: Grid, plane: str) -> BackProjection:
        """Compute the weights; arguments and errors as for :func:`back_project`."""
        axes = plane_axes(target_grid, plane)
        if array_kji.shape != cell_grid.shape_kji:
            raise GridError(f"feature map has shape {array_kji.shape}, its grid expects {cell_grid.shape_kji}")
        steps, starts = _target_in_cells(cell_grid, target_grid, axes.axes, plane)
        columns, rows = (
            linear_weights(starts[n] + steps[n] * np.arange(target_grid.size[axes.axes[n]]), cell_grid.size[n])
            for n in range(2)
        )
        return cls(array_kji, rows, columns)

    def slices(self, part: slice) -> NDArray[np.float32]:
        """Return some slices in display order of the plane, shape (slices, rows, columns)."""
        return apply_weights(self.rows, self.array_kji[part], self.columns)


def _target_in_cells(
    cell_grid: Grid, target_grid: Grid, axes: tuple[int, int, int], plane: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return cells per voxel and the cell index of the first voxel, each for columns, rows and slices."""
    matrix = cell_grid.lps_to_ijk @ target_grid.ijk_to_lps
    linear = matrix[:3, list(axes)]  # voxel axes in display order
    steps = np.diag(linear).copy()
    first_and_last = np.sort([matrix[2, 3], matrix[2, 3] + steps[2] * (target_grid.size[axes[2]] - 1)])
    oblique = np.abs(linear - np.diag(steps)).max() * max(target_grid.size)
    shifted = np.abs(first_and_last - [0, cell_grid.size[2] - 1]).max()
    if max(oblique, shifted) > ALIGNMENT_TOLERANCE:
        raise GridError(
            f"feature cells (size {cell_grid.size}) are not the {plane} slices of the volume (size {target_grid.size}):"
            " use the grid of the volume that was sliced, and the plane it was sliced in"
        )
    return steps, matrix[:3, 3]
