"""Resample a volume to isotropic voxels along the anatomical axes, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError, SettingsError, Volume
from .planes import plane_axes
from .resampling import apply_weights, centred_weights


def isotropic_grid(grid: Grid, edge_mm: float) -> Grid:
    """Return an isotropic grid with the same centre, axis i to the left, j to posterior and k to superior.

    An oblique grid keeps its direction: the axes are those nearest to the anatomical ones.

    Args:
        grid: grid in any storage order.
        edge_mm: edge length of the voxels; positive.

    Raises:
        SettingsError: an edge that is not positive.
    """
    if not np.isfinite(edge_mm) or edge_mm <= 0:
        raise SettingsError(f"edge of the voxels must be positive, got {edge_mm} mm")
    display = plane_axes(grid, "axial")
    axes = list(display.axes)
    extent_mm = np.array(grid.size)[axes] * np.array(grid.spacing_mm)[axes]
    size = np.maximum(1, np.round(extent_mm / edge_mm).astype(int))
    direction = grid.direction[:, axes] * np.array(display.signs)
    origin = grid.to_lps((np.array(grid.size) - 1) / 2) - direction @ (edge_mm * (size - 1) / 2)
    return Grid(tuple(size.tolist()), (edge_mm,) * 3, tuple(origin), direction)


def isotropic(volume: Volume, edge_mm: float) -> Volume:
    """Resample a volume to the voxels of :func:`isotropic_grid`.

    Axes with a spacing below ``edge_mm`` are averaged, axes with a larger one are interpolated linearly.

    Args:
        volume: volume in any storage order.
        edge_mm: edge length of the voxels; positive.

    Returns:
        Intensities in the volume's unit, float32, with its name and unit.

    Raises:
        SettingsError: an edge that is not positive.
    """
    source, grid = volume.grid, isotropic_grid(volume.grid, edge_mm)
    display = plane_axes(source, "axial")
    columns, rows, slices = (
        centred_weights(pixels, edge_mm, count=source.size[axis], source_mm=source.spacing_mm[axis], sign=sign)
        for pixels, axis, sign in zip(grid.size, display.axes, display.signs, strict=True)
    )
    stored = volume.array_kji.transpose([2 - axis for axis in reversed(display.axes)])  # (superior, posterior, left)
    planes = np.tensordot(slices, np.asarray(stored, dtype=np.float32), axes=1)
    return Volume(apply_weights(rows, planes, columns), grid, name=volume.name, unit=volume.unit)


def nearest_isotropic(array: NDArray, grid: Grid, edge_mm: float) -> NDArray:
    """Resample an array from the :func:`isotropic_grid` of a grid to the grid by nearest neighbour.

    Args:
        array: array on the isotropic grid, shape (k, j, i).
        grid: grid of the volume that was resampled.
        edge_mm: edge length of the isotropic voxels.

    Returns:
        A new array of the same dtype, shape ``grid.shape_kji``.

    Raises:
        GridError: an array of another shape.
        SettingsError: an edge that is not positive.
    """
    coarse = isotropic_grid(grid, edge_mm)
    if array.shape != coarse.shape_kji:
        raise GridError(f"array has shape {array.shape}, the isotropic grid {coarse.shape_kji}")
    display = plane_axes(grid, "axial")
    lines = {}
    for pixels, axis, sign in zip(coarse.size, display.axes, display.signs, strict=True):
        offsets_mm = (np.arange(grid.size[axis]) - (grid.size[axis] - 1) / 2) * grid.spacing_mm[axis] * sign
        lines[axis] = np.clip(np.round(offsets_mm / edge_mm + (pixels - 1) / 2).astype(int), 0, pixels - 1)
    left, posterior, superior = display.axes
    found = array[np.ix_(lines[superior], lines[posterior], lines[left])]  # (superior, posterior, left)
    place = {axis: position for position, axis in enumerate((superior, posterior, left))}
    return np.ascontiguousarray(found.transpose([place[axis] for axis in (2, 1, 0)]))
