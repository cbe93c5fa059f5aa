"""Connected components of a mask in 3D."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError, LabelMap
from .component_set import Component, ComponentSet, check_rules


def components(
    mask: LabelMap | NDArray, grid: Grid | None = None, activation: NDArray[np.float32] | None = None
) -> tuple[Component, ...]:
    """List the connected components (26 neighbours) of everything that is not zero, largest first.

    Args:
        mask: label map, or an array whose shape is ``grid.shape_kji``.
        grid: where the voxels lie; a label map brings its own.
        activation: activation of the same shape, for the peaks.

    Returns:
        The components; equal volumes in storage order; empty for an empty mask.

    Raises:
        GridError: no grid, or shapes that differ.
    """
    return ComponentSet.of(*_array_and_grid(mask, grid), activation).components


def filter_components(
    mask: LabelMap | NDArray,
    grid: Grid | None = None,
    min_volume_ml: float = 0.0,
    keep_largest: int | None = None,
    *,
    min_share: float = 0.0,
    min_extent_mm: float = 0.0,
    slice_axis: int = 0,
) -> NDArray[np.bool_]:
    """Keep the components (26 neighbours) that are large enough.

    Args:
        mask: label map, or an array whose shape is ``grid.shape_kji``.
        grid: where the voxels lie; a label map brings its own.
        min_volume_ml: components below this volume in millilitres are left out; at least 0.
        keep_largest: number of components to keep, at least 1; None for all.
        min_share: components below this share of the largest one's volume are left out, 0 to 1.
        min_extent_mm: components thinner than this across the slices are left out; see
            :meth:`ComponentSet.large_enough`.
        slice_axis: axis of the mask (k, j, i) that counts the slices.

    Returns:
        A new mask, bool, the same shape.

    Raises:
        GridError: no grid, or shapes that differ.
        SettingsError: a negative volume or extent, a share above 1, or a number below 1.
    """
    array, grid = _array_and_grid(mask, grid)
    check_rules(min_volume_ml, keep_largest, min_extent_mm, min_share)
    if min_volume_ml == min_extent_mm == min_share == 0 and keep_largest is None:
        return array != 0
    component_set = ComponentSet.of(array, grid).large_enough(
        min_volume_ml, keep_largest, min_share=min_share, min_extent_mm=min_extent_mm, slice_axis=slice_axis
    )
    return component_set.mask()


def _array_and_grid(mask: LabelMap | NDArray, grid: Grid | None) -> tuple[NDArray, Grid]:
    array = mask.array_kji if isinstance(mask, LabelMap) else np.asarray(mask)
    grid = mask.grid if isinstance(mask, LabelMap) and grid is None else grid
    if grid is None or array.shape != grid.shape_kji:
        raise GridError(f"mask has shape {array.shape}, its grid expects {None if grid is None else grid.shape_kji}")
    return array, grid
