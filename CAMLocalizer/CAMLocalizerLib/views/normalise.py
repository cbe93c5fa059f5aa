"""Intensity normalisation of slices, each by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..core import SettingsError

EPSILON = 1e-6
CLIP_PERCENTILE = 99.0
LOWEST, HIGHEST = -4.0, 6.0


def _foreground_zscore(image: NDArray[np.float32]) -> NDArray[np.float32]:
    values = image[image > image.mean(dtype=np.float64)]
    if not values.size:
        return np.zeros_like(image)
    values = np.minimum(values, np.percentile(values, CLIP_PERCENTILE))
    mean, deviation = values.mean(dtype=np.float64), values.std(dtype=np.float64)
    scaled = np.clip((image - mean) / (deviation + EPSILON), LOWEST, HIGHEST)
    return scaled - scaled.mean()


def _zscore(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return (image - image.mean(dtype=np.float64)) / (image.std(dtype=np.float64) + EPSILON)


def _unchanged(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return image


NORMALISATIONS: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "foreground-zscore": _foreground_zscore,
    "zscore": _zscore,
    "none": _unchanged,
}


def normalise_slices(batch: NDArray[np.float32], method: str = "foreground-zscore") -> NDArray[np.float32]:
    """Normalise every slice of a batch by its own intensities.

    Args:
        batch: intensities, shape (slices, height, width).
        method: ``foreground-zscore``: the foreground is what lies above the slice's mean, its values cut at their
            99th percentile; the slice minus their mean, over their standard deviation, cut to -4 .. 6, minus the mean
            of the result. ``zscore``: mean 0 and standard deviation 1. ``none``: unchanged.

    Returns:
        A new float32 array of the same shape; a constant slice becomes zero by both z-scores.

    Raises:
        SettingsError: an unknown method.
    """
    if method not in NORMALISATIONS:
        raise SettingsError(f"normalisation must be one of {', '.join(NORMALISATIONS)}, got {method!r}")
    result = np.empty(batch.shape, dtype=np.float32)
    for index, image in enumerate(batch):
        result[index] = NORMALISATIONS[method](image)
    return result
