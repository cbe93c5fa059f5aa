"""From a fused activation to a label map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, LabelMap
from .components import filter_components
from .threshold import Threshold, apply_threshold


def label_map_from_activation(
    activation: NDArray[np.float32],
    grid: Grid,
    threshold: Threshold | str | float,
    *,
    min_volume_ml: float = 0.0,
    keep_largest: int | None = None,
    min_share: float = 0.0,
    min_extent_mm: float = 0.0,
    slice_axis: int = 0,
    segment_name: str = "Tumour",
) -> LabelMap:
    """Threshold an activation and keep the connected components that are large enough.

    Args:
        activation: fused activation in 0..1, shape ``grid.shape_kji``.
        grid: where the voxels lie.
        threshold: a rule or its text: ``"0.4"``, ``"200/255"``, ``"q95"``, ``"otsu"``.
        min_volume_ml: components below this volume in millilitres are left out; at least 0.
        keep_largest: number of components to keep, at least 1; None for all.
        min_share: components below this share of the largest one's volume are left out, 0 to 1.
        min_extent_mm: components thinner than this across the slices are left out; see
            :meth:`ComponentSet.large_enough`.
        slice_axis: axis of the activation (k, j, i) that counts the slices.
        segment_name: name of label 1.

    Returns:
        Label map on ``grid``; empty where the activation is zero everywhere.

    Raises:
        GridError: the activation's shape is not the grid's.
        SettingsError: a setting out of range.
    """
    mask = apply_threshold(activation, threshold)
    kept = filter_components(
        mask,
        grid,
        min_volume_ml,
        keep_largest,
        min_share=min_share,
        min_extent_mm=min_extent_mm,
        slice_axis=slice_axis,
    )
    return LabelMap(kept.view(np.uint8), grid, (segment_name,))
