"""Connected regions of a mask in 3D."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..core import Grid, GridError, LabelMap, SettingsError

# Voxels that share a face, an edge or a corner are connected (26 neighbours).
NEIGHBOURS = np.ones((3, 3, 3), dtype=bool)
MM3_PER_ML = 1000.0


@dataclass(frozen=True)
class Component:
    """One connected region.

    Args:
        label: 1 for the largest region, then counting down in volume.
        volume_mm3: volume in cubic millimetres.
        centre_lps_mm: centre of mass of its voxels (all weigh the same), LPS in mm.
        peak: highest activation within; None where no activation was given.
        voxels: number of voxels.
    """

    label: int
    volume_mm3: float
    centre_lps_mm: tuple[float, float, float]
    peak: float | None
    voxels: int


def components(
    mask: LabelMap | NDArray, grid: Grid | None = None, activation: NDArray[np.float32] | None = None
) -> tuple[Component, ...]:
    """List the connected regions (26 neighbours) of everything that is not zero, largest first.

    Args:
        mask: label map, or an array whose shape is ``grid.shape_kji``.
        grid: where the voxels lie; a label map brings its own.
        activation: activation of the same shape, for the peaks.

    Returns:
        The regions; equal volumes in storage order; empty for an empty mask.

    Raises:
        GridError: no grid, or shapes that differ.
    """
    array, grid = _array_and_grid(mask, grid)
    if activation is not None and activation.shape != array.shape:
        raise GridError(f"activation has shape {activation.shape}, the mask {array.shape}")
    labels, order = _labelled(array)
    kji = np.nonzero(labels)
    found = labels[kji]
    voxels = np.bincount(found, minlength=len(order) + 1)
    sums = [np.bincount(found, weights=axis, minlength=len(order) + 1) for axis in reversed(kji)]  # i, j, k
    peaks = None if activation is None else _peaks(activation[kji], found, len(order))
    result = []
    for label, old in enumerate(order, start=1):
        x, y, z = grid.to_lps([total[old] / voxels[old] for total in sums]).tolist()
        volume = float(voxels[old]) * grid.voxel_volume_mm3
        peak = None if peaks is None else float(peaks[old])
        result.append(Component(label, volume, (x, y, z), peak, int(voxels[old])))
    return tuple(result)


def filter_components(
    mask: LabelMap | NDArray, grid: Grid | None = None, min_volume_ml: float = 0.0, keep_largest: int | None = None
) -> NDArray[np.bool_]:
    """Keep the regions (26 neighbours) that are large enough.

    Args:
        mask: label map, or an array whose shape is ``grid.shape_kji``.
        grid: where the voxels lie; a label map brings its own.
        min_volume_ml: regions below this volume in millilitres are left out; at least 0.
        keep_largest: number of regions to keep, at least 1; None for all.

    Returns:
        A new mask, bool, the same shape.

    Raises:
        GridError: no grid, or shapes that differ.
        SettingsError: a negative volume or a number below 1.
    """
    array, grid = _array_and_grid(mask, grid)
    if not np.isfinite(min_volume_ml) or min_volume_ml < 0:
        raise SettingsError(f"minimum volume must be at least 0 ml, got {min_volume_ml}")
    if keep_largest is not None and keep_largest < 1:
        raise SettingsError(f"number of largest regions to keep must be at least 1, got {keep_largest}")
    if min_volume_ml == 0 and keep_largest is None:
        return array != 0
    labels, order = _labelled(array)
    volumes_ml = np.bincount(labels.ravel()) * (grid.voxel_volume_mm3 / MM3_PER_ML)
    kept = np.zeros(len(order) + 1, dtype=bool)
    kept[order[:keep_largest]] = True
    kept &= volumes_ml >= min_volume_ml * (1 - 1e-9)  # a region of exactly the minimum survives rounding
    return kept[labels]


def _array_and_grid(mask: LabelMap | NDArray, grid: Grid | None) -> tuple[NDArray, Grid]:
    array = mask.array_kji if isinstance(mask, LabelMap) else np.asarray(mask)
    grid = mask.grid if isinstance(mask, LabelMap) and grid is None else grid
    if grid is None or array.shape != grid.shape_kji:
        raise GridError(f"mask has shape {array.shape}, its grid expects {None if grid is None else grid.shape_kji}")
    return array, grid


def _labelled(array: NDArray) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the regions as labels 1, 2, ... in storage order, and those labels sorted by size, largest first."""
    labels, _ = ndimage.label(array != 0, structure=NEIGHBOURS)
    sizes = np.bincount(labels.ravel())[1:]
    return labels, np.argsort(-sizes, kind="stable") + 1


def _peaks(values: NDArray[np.float32], labels: NDArray[np.int32], count: int) -> NDArray[np.float32]:
    peaks = np.full(count + 1, -np.inf, dtype=np.float32)
    np.maximum.at(peaks, labels, values)
    return peaks
