"""Simple image statistics, to detect volumes that differ from those a model was trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .foreground import image_foreground

STATISTICS = ("foreground_share", "spread", "sharpness")
MIN_PIXELS = 200
MAX_IMAGES = 24
BRIGHTEST_PERCENTILE = 99.5


def image_statistics(images: NDArray[np.float32]) -> dict[str, float]:
    """Compute statistics of the images of one volume, independent of scale and offset of the intensities.

    The foreground exceeds half of Otsu's threshold; intensities are relative to its 99.5th percentile.

    Args:
        images: normalised as for the network, shape (n, height, width).

    Returns:
        Medians over the images with at least 200 foreground pixels: ``foreground_share``, the fraction of foreground
        pixels; ``spread``, the interquartile range of the foreground; ``sharpness``, the median of the absolute
        Laplacian where the foreground extends by at least two pixels in each direction. Empty if no image has enough
        foreground.
    """
    measured = [values for image in images if (values := _measure(image)) is not None]
    if not measured:
        return {}
    medians = np.median(np.array(measured), axis=0)
    return dict(zip(STATISTICS, medians.tolist(), strict=True))


def sampled_images(count: int) -> list[int]:
    """Return evenly spaced indices of at most 24 of ``count`` images, which suffice for the statistics."""
    return np.unique(np.linspace(0, count - 1, min(count, MAX_IMAGES)).round().astype(int)).tolist()


def _measure(image: NDArray[np.float32]) -> tuple[float, float, float] | None:
    raised, inside = image_foreground(image)
    if np.count_nonzero(inside) < MIN_PIXELS:
        return None
    low, high, brightest = np.percentile(raised[inside], (25.0, 75.0, BRIGHTEST_PERCENTILE))
    return float(inside.mean()), float((high - low) / brightest), _sharpness(raised / brightest, inside)


def _sharpness(image: NDArray[np.floating], inside: NDArray[np.bool_]) -> float:
    padded = np.pad(image, 1, mode="edge")
    neighbours = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    edges = np.pad(inside, 2)
    core = inside & edges[:-4, 2:-2] & edges[4:, 2:-2] & edges[2:-2, :-4] & edges[2:-2, 4:]
    laplacian = np.abs(4 * image - neighbours)[core]
    return float(np.median(laplacian)) if laplacian.size else 0.0
