"""A label map on the grid of another image."""

from __future__ import annotations

import numpy as np

from ..core import Grid, GridError, LabelMap

TOLERANCE_VOXELS = 1e-3


def place_label_map(label_map: LabelMap, grid: Grid, *, resample: bool = False) -> LabelMap:
    """Bring a label map onto another grid.

    A label map whose voxels coincide with voxels of the grid, as segmentations cropped to their content do, is placed
    exactly. Any other is resampled by nearest neighbour, if that is allowed.

    Args:
        label_map: what to bring.
        grid: where to.
        resample: allow voxels that do not coincide.

    Returns:
        A label map on ``grid`` with the same segments; labels outside of it are lost only in resampling.

    Raises:
        GridError: grids that differ, if resampling is not allowed, or labels that lie outside ``grid``.
    """
    if label_map.grid.matches(grid):
        return LabelMap(label_map.array_kji, grid, label_map.segments)
    start = _offset(label_map.grid, grid)
    if start is not None:
        return _embedded(label_map, grid, start)
    if not resample:
        raise GridError(
            f"the label map lies on another grid than the image: {_described(label_map.grid)} against "
            f"{_described(grid)}; allow resampling or give the label map of this image"
        )
    return _resampled(label_map, grid)


def _offset(small: Grid, grid: Grid) -> np.ndarray | None:
    """Return the index in ``grid`` of the first voxel of ``small`` if their voxels coincide."""
    corners = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), np.subtract(small.size, 1)])
    found = grid.to_ijk(small.to_lps(corners))
    start = np.rint(found[0])
    return start.astype(int) if np.abs(found - start - corners).max() <= TOLERANCE_VOXELS else None


def _embedded(label_map: LabelMap, grid: Grid, start_ijk: np.ndarray) -> LabelMap:
    k, j, i = np.nonzero(label_map.array_kji)
    placed = np.stack([k, j, i], axis=1) + start_ijk[::-1]
    if placed.size and (placed.min() < 0 or (placed >= grid.shape_kji).any()):
        raise GridError(
            f"the label map reaches beyond the image: {_described(label_map.grid)} against {_described(grid)}; "
            f"give the label map of this image"
        )
    array = np.zeros(grid.shape_kji, np.uint8)
    array[tuple(placed.T)] = label_map.array_kji[k, j, i]
    return LabelMap(array, grid, label_map.segments)


def _resampled(label_map: LabelMap, grid: Grid) -> LabelMap:
    """Take for every voxel of ``grid`` the label of the voxel that its centre lies in."""
    array = np.zeros(grid.shape_kji, np.uint8)
    j, i = np.indices(grid.shape_kji[1:])
    for k in range(grid.shape_kji[0]):  # a plane at a time keeps memory low
        points = grid.to_lps(np.stack([i, j, np.full_like(i, k)], axis=-1))
        nearest = np.rint(label_map.grid.to_ijk(points)).astype(int)  # (j, i, 3)
        inside = ((nearest >= 0) & (nearest < label_map.grid.size)).all(axis=-1)
        x, y, z = nearest[inside].T
        array[k][inside] = label_map.array_kji[z, y, x]
    return LabelMap(array, grid, label_map.segments)


def _described(grid: Grid) -> str:
    spacing = " x ".join(f"{value:.4g}" for value in grid.spacing_mm)
    origin = ", ".join(f"{value:.1f}" for value in grid.origin_mm)
    return f"{' x '.join(map(str, grid.size))} voxels of {spacing} mm from ({origin}) mm"
