"""Intensity normalisation of single slices and projections."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..core import SettingsError
from .foreground import image_foreground

EPSILON = 1e-6
CLIP_PERCENTILE = 99.0
CLIP_LOW, CLIP_HIGH = -4.0, 6.0
MAX_SUV = 30.0
MIN_FOREGROUND_PIXELS = 16
FOREGROUND_PERCENTILE = 99.5
MEDIAN_AFTER_GAMMA = 0.35
GAMMA_LIMITS = (0.4, 2.5)
MAX_SHARE = 1.25


def _foreground_zscore(image: NDArray[np.float32]) -> NDArray[np.float32]:
    values = image[image > image.mean(dtype=np.float64)]
    if not values.size:
        return np.zeros_like(image)
    values = np.minimum(values, np.percentile(values, CLIP_PERCENTILE))
    mean, deviation = values.mean(dtype=np.float64), values.std(dtype=np.float64)
    scaled = np.clip((image - mean) / (deviation + EPSILON), CLIP_LOW, CLIP_HIGH)
    return scaled - scaled.mean()


def _zscore(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return (image - image.mean(dtype=np.float64)) / (image.std(dtype=np.float64) + EPSILON)


def _foreground_gamma(image: NDArray[np.float32]) -> NDArray[np.float32]:
    raised, inside = image_foreground(image)
    values = raised[inside]
    if values.size < MIN_FOREGROUND_PIXELS:
        return np.zeros_like(raised)
    median, bright = np.percentile(values, (50.0, FOREGROUND_PERCENTILE))
    share = min(max(float(median / bright), EPSILON), 1 - EPSILON)
    gamma = float(np.clip(np.log(MEDIAN_AFTER_GAMMA) / np.log(share), *GAMMA_LIMITS))
    return np.minimum((raised / np.float32(bright)) ** np.float32(gamma), np.float32(MAX_SHARE))


def _suv_30(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.clip(image, 0.0, MAX_SUV) / np.float32(MAX_SUV)


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
    """Normalise each slice of a batch separately.

    Args:
        batch: intensities, shape (slices, height, width).
        method: one of

            - ``foreground-zscore``: the foreground are the pixels above the slice's mean, clipped at their 99th
              percentile. Subtract its mean, divide by its standard deviation, clip to -4 .. 6 and subtract the mean of
              the result.
            - ``foreground-gamma``: subtract the slice's 0.5th percentile and clip at 0. The foreground are the pixels
              above half of Otsu's threshold. Divide by its 99.5th percentile, raise to the power, 0.4 to 2.5, that
              maps its median to 0.35, and clip at 1.25. Slices with fewer than 16 foreground pixels become zero.
            - ``zscore``: mean 0 and standard deviation 1.
            - ``suv-30``: clip standardised uptake values to 0 .. 30 and divide by 30, the same for every image.
            - ``none``: unchanged.

    Returns:
        A new float32 array of the same shape. Constant slices become zero, except with ``suv-30`` and ``none``.

    Raises:
        SettingsError: an unknown method.
    """
    if method not in NORMALISATIONS:
        raise SettingsError(f"normalisation must be one of {', '.join(NORMALISATIONS)}, got {method!r}")
    result = np.empty(batch.shape, dtype=np.float32)
    for index, image in enumerate(batch):
        result[index] = NORMALISATIONS[method](image)
    return result
