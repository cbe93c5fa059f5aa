"""Copy arrays between grids whose voxels coincide: axes in another order or direction, or a part of the volume."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError

TOLERANCE_VOXELS = 0.02


def same_voxels(grid: Grid, other: Grid) -> bool:
    """Return whether two grids have the same voxels, in any order and direction of their axes."""
    found = _steps(grid, other)
    if found is None:
        return False
    turn, start = found
    size = np.abs(turn) @ grid.size
    first = start + np.minimum(turn.sum(axis=1), 0) * (size - 1)
    return bool(np.array_equal(size, other.size) and not first.any())


def voxels_coincide(grid: Grid, other: Grid) -> bool:
    """Return whether the voxels of a grid are voxels of another grid or of its extension."""
    return _steps(grid, other) is not None


def copy_to_grid(array_kji: NDArray, grid: Grid, onto: Grid) -> NDArray:
    """Copy an array to another grid whose voxels coincide with its own, without interpolation.

    Args:
        array_kji: shape ``grid.shape_kji``.
        grid: grid of the array.
        onto: grid of the result, which is zero outside ``grid``.

    Returns:
        Shape ``onto.shape_kji``.

    Raises:
        GridError: voxels that do not coincide, or non-zero values outside ``onto``; the message names both grids.
    """
    found = _steps(grid, onto)
    if found is None:
        raise GridError(f"the voxels of {describe_grid(grid)} do not coincide with those of {describe_grid(onto)}")
    turn, start = found
    turned = array_kji.T.transpose(np.abs(turn).argmax(axis=1))  # (i, j, k) of the other grid
    signs = turn.sum(axis=1)
    turned = turned[tuple(slice(None, None, sign) for sign in signs)]
    first = start + np.minimum(signs, 0) * (np.array(turned.shape) - 1)
    low, high = np.maximum(first, 0), np.minimum(first + turned.shape, onto.size)
    inside = turned[tuple(slice(a, max(a, b)) for a, b in zip(low - first, high - first, strict=True))]
    if np.count_nonzero(inside) != np.count_nonzero(turned):
        raise GridError(f"the content of {describe_grid(grid)} reaches beyond {describe_grid(onto)}")
    result = np.zeros(onto.size, array_kji.dtype)
    if inside.size:
        result[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = inside
    return np.ascontiguousarray(result.T)


def _steps(grid: Grid, onto: Grid) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Return signed permutation and offset from indices of one grid to the other; None if voxels do not coincide."""
    matrix = onto.lps_to_ijk @ grid.ijk_to_lps
    rounded = np.rint(matrix)
    turn = rounded[:3, :3].astype(np.intp)
    if not (np.array_equal(np.abs(turn).sum(axis=0), [1, 1, 1]) and np.array_equal(np.abs(turn).sum(axis=1), [1] * 3)):
        return None
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in grid.size])).reshape(3, -1)
    difference = (matrix - rounded)[:3]
    if np.abs(difference[:, :3] @ corners + difference[:, 3:]).max() > TOLERANCE_VOXELS:
        return None
    return turn, rounded[:3, 3].astype(np.intp)


def describe_grid(grid: Grid) -> str:
    """Describe a grid in a few words."""
    spacing = " x ".join(f"{value:.4g}" for value in grid.spacing_mm)
    origin = ", ".join(f"{value:.1f}" for value in grid.origin_mm)
    axes = " ".join(f"({', '.join(f'{value:.3g}' for value in axis)})" for axis in (grid.direction.T.round(3) + 0.0))
    return f"{' x '.join(map(str, grid.size))} voxels of {spacing} mm from ({origin}) mm along {axes}"
