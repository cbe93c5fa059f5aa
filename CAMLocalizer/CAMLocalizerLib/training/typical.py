"""typical_limits: the usual range of image statistics in a training, for its model card."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..views import STATISTICS, image_statistics, sampled_images

QUANTILES = (0.01, 0.99)
MARGIN = 0.1
FEWEST_VOLUMES = 10


def typical_limits(
    volumes: Iterable[NDArray[np.float32]], quantiles: tuple[float, float] = QUANTILES, margin: float = MARGIN
) -> dict[str, tuple[float, float]]:
    """Return the limits between which the statistics of a training's volumes lie.

    Args:
        volumes: images of each volume, normalised as for the network, shape (n, height, width).
        quantiles: low and high one of the volumes, 0 to 1.
        margin: part of the distance between both by which the limits are moved apart, at least 0.

    Returns:
        Low and high limit of each of :data:`STATISTICS`; empty if fewer than 10 volumes can be measured.
    """
    found = [image_statistics(images[sampled_images(len(images))]) for images in volumes if len(images)]
    measured = np.array([[each[name] for name in STATISTICS] for each in found if each])
    if len(measured) < FEWEST_VOLUMES:
        return {}
    low, high = np.quantile(measured, quantiles, axis=0)
    apart = margin * (high - low)
    limits = np.stack([(low - apart).clip(0), high + apart], axis=1)  # (statistics, 2)
    return {name: (_rounded(ends[0]), _rounded(ends[1])) for name, ends in zip(STATISTICS, limits, strict=True)}


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
