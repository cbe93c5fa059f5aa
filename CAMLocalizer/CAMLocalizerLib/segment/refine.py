"""Refinement: a label map drawn to the edges of the image it was found in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core import GridError, LabelMap, SettingsError, Volume, check_choice
from ..option_names import REFINEMENTS

MARGIN_MM = 12.0


def refine(
    activation: NDArray[np.float32],
    label_map: LabelMap,
    volume: Volume,
    method: str = "random-walk",
    *,
    margin_mm: float = MARGIN_MM,
) -> LabelMap:
    """Redraw the border of a label map along the edges of the image, in 3D.

    The activation becomes a prior probability, one half at the lowest activation within the label map; see
    :func:`random_walk` and :func:`geodesic` for what the image does to it. What a threshold or a filter of components
    left out does not come back: only regions that overlap the label map are kept. A region of which nothing would be
    left stays as it was. A dense conditional random field is not offered: its library (pydensecrf) is no longer
    maintained, and MONAI's layer has to be compiled.

    Args:
        activation: fused activation in 0..1 that the label map was made from, shape ``volume.grid.shape_kji``.
        label_map: one segment, on the volume's grid.
        volume: the image.
        method: ``random-walk``, ``geodesic``, or ``none`` for the label map as it is.
        margin_mm: how far a voxel may lie from the label map to join it; at least 0.

    Returns:
        A label map on the same grid with the same name; empty for an empty one.

    Raises:
        GridError: shapes or grids that differ.
        SettingsError: an unknown method, a margin below 0, or more than one segment.
    """
    _check(activation, label_map, volume, method, margin_mm)
    region = label_map.array_kji.view(bool)  # one segment: 0 and 1
    if method == "none" or not region.any():
        return label_map
    from .redrawing import redraw  # only here: it brings parts of scipy that take long to import

    refined = redraw(region, activation, volume, method, margin_mm)
    return LabelMap(refined.view(np.uint8), label_map.grid, label_map.segments)


def _check(activation: NDArray, label_map: LabelMap, volume: Volume, method: str, margin_mm: float) -> None:
    check_choice("refinement", method, REFINEMENTS)
    if not (np.isfinite(margin_mm) and margin_mm >= 0):
        raise SettingsError(f"margin of the refinement must be at least 0 mm, got {margin_mm}")
    if len(label_map.segments) > 1:
        raise SettingsError(f"refinement takes a label map of one segment, got {label_map.segments}")
    if not label_map.grid.matches(volume.grid) or activation.shape != volume.grid.shape_kji:
        raise GridError(
            f"activation has shape {activation.shape}, the label map {label_map.array_kji.shape} and the volume "
            f"{volume.array_kji.shape}; all must lie on one grid"
        )
