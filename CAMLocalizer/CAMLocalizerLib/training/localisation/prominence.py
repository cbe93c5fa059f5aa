"""The region of an image in which several maps together are highest."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..fit.batches import UNKNOWN
from .components import largest

CORE, RIM = 0.4, 0.25  # levels from the median to the highest value
LEAST_SPREAD = 1e-6


def joint_map(weighted: Iterable[tuple[float, NDArray[np.float32]]], body: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Add maps, each standardised to mean 0 and standard deviation 1 within the body, by weight; shape (h, w).

    A map that is the same everywhere adds nothing.
    """
    total = np.zeros(body.shape, dtype=np.float32)
    for weight, values in weighted:
        inside = values[body]
        if inside.size and (spread := float(inside.std())) > LEAST_SPREAD:
            total += weight * (values - float(inside.mean())) / spread
    return total


def prominent_region(values: NDArray[np.float32], body: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], float]:
    """Find the heaviest connected region in which a map is high against the rest of the body.

    High is what exceeds 0.4 of the way from the median to the highest value. What lies around it and exceeds a quarter
    of that way may belong to it or not. Holes are filled.

    Args:
        values: shape (h, w).
        body: the foreground, shape (h, w).

    Returns:
        1 in the region, `UNKNOWN` around it, 0 elsewhere, shape (h, w), all 0 if there is none; and how sure the region
        is: the height of the highest value above the median, times the region's share of all that is high.
    """
    found = np.zeros(body.shape, dtype=np.uint8)
    if not body.any():
        return found, 0.0
    median, highest = float(np.median(values[body])), float(values[body].max())
    if highest - median <= LEAST_SPREAD:
        return found, 0.0
    height = np.where(body, (values - median) / (highest - median), 0.0).astype(np.float32)
    high = height > CORE
    region = largest(high, height)
    share = float(height[region].sum() / height[high].sum())
    around = ndimage.binary_propagation(region, mask=height > RIM)
    found[ndimage.binary_fill_holes(around)] = UNKNOWN
    found[ndimage.binary_fill_holes(region)] = 1
    return found, (highest - median) * share
