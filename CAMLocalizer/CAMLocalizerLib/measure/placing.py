"""Transfer a label map to the grid of another image."""

from __future__ import annotations

import numpy as np

from ..core import Grid, GridError, LabelMap
from ..io.grid_copy import copy_to_grid, describe_grid, voxels_coincide


def place_label_map(label_map: LabelMap, grid: Grid, *, resample: bool = False) -> LabelMap:
    """Transfer a label map to another grid.

    A label map whose voxels coincide with those of the grid is copied exactly, such as a segmentation that is cropped
    to its content or has axes in another order or direction. Any other label map is resampled by nearest neighbour, if
    that is allowed.

    Args:
        label_map: label map to transfer.
        grid: grid of the result.
        resample: allow voxels that do not coincide, and labels outside ``grid``, which are dropped.

    Returns:
        A label map on ``grid`` with the same segments.

    Raises:
        GridError: grids that differ without permission to resample, or no label within ``grid``.
    """
    if label_map.grid.matches(grid):
        return LabelMap(label_map.array_kji, grid, label_map.segments)
    both = f"{describe_grid(label_map.grid)} against {describe_grid(grid)}"
    coinciding = voxels_coincide(label_map.grid, grid)
    try:
        if coinciding:
            return LabelMap(copy_to_grid(label_map.array_kji, label_map.grid, grid), grid, label_map.segments)
    except GridError as error:
        if not resample:
            raise GridError(
                f"the label map extends beyond the image: {both}; allow resampling (--resample), which drops labels "
                f"outside the image, or give the label map of this image"
            ) from error
    if not resample:
        raise GridError(
            f"the label map lies on another grid than the image: {both}; allow resampling (--resample) or give the "
            f"label map of this image"
        )
    resampled = _resampled(label_map, grid)
    if label_map.array_kji.any() and not resampled.array_kji.any():
        raise GridError(f"no label lies within the image: {both}; give the label map of this image")
    return resampled


def _resampled(label_map: LabelMap, grid: Grid) -> LabelMap:
    """Assign to every voxel of ``grid`` the label of the voxel that contains its centre."""
    array = np.zeros(grid.shape_kji, np.uint8)
    j, i = np.indices(grid.shape_kji[1:])
    for k in range(grid.shape_kji[0]):  # a plane at a time keeps memory low
        points = grid.to_lps(np.stack([i, j, np.full_like(i, k)], axis=-1))
        nearest = np.rint(label_map.grid.to_ijk(points)).astype(int)  # (j, i, 3)
        inside = ((nearest >= 0) & (nearest < label_map.grid.size)).all(axis=-1)
        x, y, z = nearest[inside].T
        array[k][inside] = label_map.array_kji[z, y, x]
    return LabelMap(array, grid, label_map.segments)
