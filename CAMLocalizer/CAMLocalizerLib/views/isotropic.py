"""A volume on isotropic voxels along the anatomical axes."""

from __future__ import annotations

import numpy as np

from ..core import Grid, SettingsError, Volume
from .planes import plane_axes
from .resampling import apply_weights, centred_weights


def isotropic(volume: Volume, edge_mm: float) -> Volume:
    """Resample a volume to isotropic voxels, axis i to the left, j to posterior and k to superior.

    Oblique volumes keep their direction: the axes are those nearest to the anatomical ones. Axes that are finer than
    ``edge_mm`` are averaged over it, coarser ones interpolated linearly. The voxels are centred on the volume.

    Args:
        volume: any storage order.
        edge_mm: edge of the voxels; positive.

    Returns:
        Intensities in the volume's unit, float32, with its name and unit.

    Raises:
        SettingsError: an edge that is not positive.
    """
    if not np.isfinite(edge_mm) or edge_mm <= 0:
        raise SettingsError(f"edge of the voxels must be positive, got {edge_mm} mm")
    source, display = volume.grid, plane_axes(volume.grid, "axial")
    axes = list(display.axes)
    spacing = np.array(source.spacing_mm)[axes]
    counts = np.array(source.size)[axes]
    size = np.maximum(1, np.round(counts * spacing / edge_mm).astype(int))
    columns, rows, slices = (
        centred_weights(int(pixels), edge_mm, count=int(count), source_mm=float(mm), sign=sign)
        for pixels, count, mm, sign in zip(size, counts, spacing, display.signs, strict=True)
    )
    stored = volume.array_kji.transpose([2 - axis for axis in reversed(axes)])  # (superior, posterior, left)
    planes = np.tensordot(slices, np.asarray(stored, dtype=np.float32), axes=1)
    direction = source.direction[:, axes] * np.array(display.signs)
    centre = source.to_lps((np.array(source.size) - 1) / 2)
    origin = centre - direction @ (edge_mm * (size - 1) / 2)
    grid = Grid(tuple(size.tolist()), (edge_mm,) * 3, tuple(origin), direction)
    return Volume(apply_weights(rows, planes, columns), grid, name=volume.name, unit=volume.unit)
