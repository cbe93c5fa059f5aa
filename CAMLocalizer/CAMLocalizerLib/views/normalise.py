"""Intensity normalisation of slices and projections, each by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..core import SettingsError
from .foreground import image_foreground

EPSILON = 1e-6
CLIP_PERCENTILE = 99.0
LOWEST, HIGHEST = -4.0, 6.0
HIGHEST_SUV = 30.0
FEWEST_FOREGROUND_PIXELS = 16
FOREGROUND_PERCENTILE = 99.5
MEDIAN_AFTER_GAMMA = 0.35
GAMMA_LIMITS = (0.4, 2.5)
HIGHEST_SHARE = 1.25


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


def _foreground_gamma(image: NDArray[np.float32]) -> NDArray[np.float32]:
    raised, inside = image_foreground(image)
    values = raised[inside]
    if values.size < FEWEST_FOREGROUND_PIXELS:
        return np.zeros_like(raised)
    median, bright = np.percentile(values, (50.0, FOREGROUND_PERCENTILE))
    share = min(max(float(median / bright), EPSILON), 1 - EPSILON)
    gamma = float(np.clip(np.log(MEDIAN_AFTER_GAMMA) / np.log(share), *GAMMA_LIMITS))
    return np.minimum((raised / np.float32(bright)) ** np.float32(gamma), np.float32(HIGHEST_SHARE))


def _suv_30(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.clip(image, 0.0, HIGHEST_SUV) / np.float32(HIGHEST_SUV)


def _unchanged(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return image


NORMALISATIONS: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "suv-30": _suv_30,
    "foreground-gamma": _foreground_gamma,
    "foreground-zscore": _foreground_zscore,
    "zscore": _zscore,
    "none": _unchanged,
}


def normalise_slices(batch: NDArray[np.float32], method: str = "foreground-zscore") -> NDArray[np.float32]:
    """Normalise every slice of a batch by itself.

    Args:
        batch: intensities, shape (slices, height, width).
        method: ``foreground-zscore``: the foreground is what lies above the slice's mean, its values cut at their
            99th percentile; the slice minus their mean, over their standard deviation, cut to -4 .. 6, minus the mean
            of the result. ``foreground-gamma``: the slice minus its 0.5th percentile, at least 0, over the 99.5th
            percentile of the foreground, which is what exceeds half of Otsu's threshold; raised to the power, 0.4 to
            2.5, that brings the foreground's median to 0.35, and cut at 1.25; zero where fewer than 16 pixels are
            foreground. ``zscore``: mean 0 and standard deviation 1. ``suv-30``: standardised uptake values cut to
            0 .. 30 and divided by 30, the same for every image. ``none``: unchanged.

    Returns:
        A new float32 array of the same shape; a constant slice becomes zero by all but ``suv-30`` and ``none``.

    Raises:
        SettingsError: an unknown method.
    """
    if method not in NORMALISATIONS:
        raise SettingsError(f"normalisation must be one of {', '.join(NORMALISATIONS)}, got {method!r}")
    result = np.empty(batch.shape, dtype=np.float32)
    for index, image in enumerate(batch):
        result[index] = NORMALISATIONS[method](image)
    return result
