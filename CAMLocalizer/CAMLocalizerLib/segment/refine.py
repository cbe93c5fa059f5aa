"""Refinement: a label map drawn to the edges of the image it was found in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..core import GridError, LabelMap, SettingsError, Volume
from .geodesic import geodesic
from .random_walk import random_walk
from .runs import NEIGHBOURS, Box

REFINEMENTS = ("none", "random-walk", "geodesic")
MARGIN_MM = 12.0
SOFTNESS = 0.2
LOWEST_LEVEL = 1e-3
# Seeds of the expansion, relative to the lowest activation within the label map, or to a weak region's peak.
PEAK, NEAR_PEAK, BACKGROUND = 1.3, 0.95, 0.7
# The walk flattens the map, so that tumours shrink at one half.
PROBABILITY = 0.45


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
    region = label_map.array_kji > 0
    if method == "none" or not region.any():
        return label_map
    compute = {"random-walk": _walk, "geodesic": _expand}[method]
    level = max(float(activation[region].min()), LOWEST_LEVEL)
    spacing_mm = np.array(volume.grid.spacing_mm[::-1])
    refined = np.zeros(region.shape, dtype=np.uint8)
    for box, inside in _parts(region, spacing_mm, margin_mm):
        old = region[box] & inside
        new = compute(activation[box] / level, volume.array_kji[box], inside, old, spacing_mm)
        kept = _overlapping(new & inside, old)
        refined[box][kept if kept.any() else old] = 1
    return LabelMap(refined, label_map.grid, label_map.segments)


def _check(activation: NDArray, label_map: LabelMap, volume: Volume, method: str, margin_mm: float) -> None:
    if method not in REFINEMENTS:
        raise SettingsError(f"refinement must be one of {', '.join(REFINEMENTS)}, got {method!r}")
    if not (np.isfinite(margin_mm) and margin_mm >= 0):
        raise SettingsError(f"margin of the refinement must be at least 0 mm, got {margin_mm}")
    if len(label_map.segments) > 1:
        raise SettingsError(f"refinement takes a label map of one segment, got {label_map.segments}")
    if not label_map.grid.matches(volume.grid) or activation.shape != volume.grid.shape_kji:
        raise GridError(
            f"activation has shape {activation.shape}, the label map {label_map.array_kji.shape} and the volume "
            f"{volume.array_kji.shape}; all must lie on one grid"
        )


def _parts(
    region: NDArray[np.bool_], spacing_mm: NDArray[np.float64], margin_mm: float
) -> Iterator[tuple[Box, NDArray[np.bool_]]]:
    """Give the neighbourhoods of the region that do not touch each other: a box of the volume, and which of its voxels.

    Each is worked on by itself, so that memory follows the tumours and not the volume.
    """
    bounds = ndimage.find_objects(region.astype(np.uint8))[0]
    whole = _widened(bounds, margin_mm / spacing_mm)
    near = ndimage.distance_transform_edt(~region[whole], sampling=spacing_mm) <= margin_mm
    labels, _ = ndimage.label(near, structure=NEIGHBOURS)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        shifted = [slice(a.start + b.start, a.start + b.stop) for a, b in zip(whole, box, strict=True)]
        yield (shifted[0], shifted[1], shifted[2]), labels[box] == number


def _widened(bounds: Sequence[slice], voxels: NDArray[np.float64]) -> Box:
    k, j, i = (
        slice(max(each.start - int(np.ceil(by)), 0), each.stop + int(np.ceil(by)))
        for each, by in zip(bounds, voxels, strict=True)
    )
    return k, j, i


def _walk(
    relative: NDArray, image: NDArray, inside: NDArray[np.bool_], old: NDArray[np.bool_], spacing_mm: NDArray
) -> NDArray[np.bool_]:
    prior = 1 / (1 + np.exp((1 - relative.astype(np.float64)) / SOFTNESS))
    prior[(relative >= 1) & ~old] = 0
    return random_walk(prior, image, inside, spacing_mm) >= PROBABILITY


def _expand(
    relative: NDArray, image: NDArray, inside: NDArray[np.bool_], old: NDArray[np.bool_], spacing_mm: NDArray
) -> NDArray[np.bool_]:
    labels, count = ndimage.label(old, structure=NEIGHBOURS)
    highest = np.concatenate([[np.inf], ndimage.maximum(relative, labels, np.arange(1, count + 1))])
    peaks = old & (relative >= np.minimum(PEAK, NEAR_PEAK * highest[labels]))
    background = (relative < BACKGROUND) | ((relative >= 1) & ~old)
    return geodesic(peaks, background, image, inside, spacing_mm)


def _overlapping(mask: NDArray[np.bool_], old: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the connected regions of a mask that share a voxel with the old one."""
    labels, count = ndimage.label(mask, structure=NEIGHBOURS)
    kept = np.zeros(count + 1, dtype=bool)
    kept[labels[old]] = True
    kept[0] = False
    return kept[labels]
