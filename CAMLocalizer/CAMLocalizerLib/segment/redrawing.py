"""Redrawing: how a region's border is moved to the edges of an image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..core import Volume, label_components
from .geodesic import geodesic
from .random_walk import random_walk
from .voxel_runs import Box, Runs

SOFTNESS = 0.2
LOWEST_LEVEL = 1e-3
# Seeds of the expansion, relative to the lowest activation within the label map, or to a weak region's peak.
PEAK, NEAR_PEAK, BACKGROUND = 1.3, 0.95, 0.7
# At one half, a low threshold of the map lets tumours grow into their surroundings.
PROBABILITY = 0.55


def redraw(
    region: NDArray[np.bool_], activation: NDArray[np.float32], volume: Volume, method: str, margin_mm: float
) -> NDArray[np.bool_]:
    """Redraw the border of a region, see :func:`refine`.

    Args:
        region: not empty, the volume's shape.
        activation: of the same shape.
        volume: the image.
        method: ``random-walk`` or ``geodesic``.
        margin_mm: how far a voxel may lie from the region to join it.

    Returns:
        A new mask of the same shape.
    """
    compute = {"random-walk": _walk, "geodesic": _expand}[method]
    level = max(float(activation[region].min()), LOWEST_LEVEL)
    spacing_mm = np.array(volume.grid.spacing_mm[::-1])
    refined = np.zeros(region.shape, dtype=bool)
    for box, inside in _parts(region, spacing_mm, margin_mm):
        old = region[box] & inside
        new = compute(activation[box] / level, volume.array_kji[box], inside, old, spacing_mm)
        kept = _overlapping(new & inside, old)
        refined[box][kept if kept.any() else old] = True
    return refined


def _parts(
    region: NDArray[np.bool_], spacing_mm: NDArray[np.float64], margin_mm: float
) -> Iterator[tuple[Box, NDArray[np.bool_]]]:
    """Give the neighbourhoods of the region that do not touch each other: a box of the volume, and which of its voxels.

    Each is worked on by itself, so that memory follows the tumours and not the volume.
    """
    for whole in _apart([_widened(box, margin_mm / spacing_mm) for box, _ in Runs.of(region).boxes()]):
        near = ndimage.distance_transform_edt(~region[whole], sampling=spacing_mm) <= margin_mm
        labels, _ = label_components(near)
        for number, box in enumerate(ndimage.find_objects(labels), start=1):
            shifted = [slice(a.start + b.start, a.start + b.stop) for a, b in zip(whole, box, strict=True)]
            yield (shifted[0], shifted[1], shifted[2]), labels[box] == number


def _apart(boxes: Sequence[Box]) -> list[Box]:
    """Join boxes that overlap or touch, until none do."""
    apart: list[Box] = []
    for box in boxes:
        joined = box
        while near := [other for other in apart if _touch(joined, other)]:
            apart = [other for other in apart if other not in near]
            k, j, i = (
                slice(min(line.start for line in lines), max(line.stop for line in lines))
                for lines in zip(joined, *near, strict=True)
            )
            joined = (k, j, i)
        apart.append(joined)
    return apart


def _touch(first: Box, second: Box) -> bool:
    return all(a.start <= b.stop and b.start <= a.stop for a, b in zip(first, second, strict=True))


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
    labels, count = label_components(old)
    highest = np.concatenate([[np.inf], ndimage.maximum(relative, labels, np.arange(1, count + 1))])
    peaks = old & (relative >= np.minimum(PEAK, NEAR_PEAK * highest[labels]))
    background = (relative < BACKGROUND) | ((relative >= 1) & ~old)
    return geodesic(peaks, background, image, inside, spacing_mm)


def _overlapping(mask: NDArray[np.bool_], old: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the connected regions of a mask that share a voxel with the old one."""
    labels, count = label_components(mask)
    kept = np.zeros(count + 1, dtype=bool)
    kept[labels[old]] = True
    kept[0] = False
    return kept[labels]
