"""A few simple measures of images, by which a volume is told from those that a model was trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .foreground import image_foreground

STATISTICS = ("foreground_share", "spread", "sharpness")
FEWEST_PIXELS = 200
MOST_IMAGES = 24
BRIGHTEST_PERCENTILE = 99.5


def image_statistics(images: NDArray[np.float32]) -> dict[str, float]:
    """Measure the images of one volume; the scale and offset of the intensities do not matter.

    The foreground exceeds half of Otsu's threshold; intensities are relative to its 99.5th percentile.

    Args:
        images: normalised as for the network, shape (n, height, width).

    Returns:
        Medians over the images with at least 200 foreground pixels: ``foreground_share``, the part of the image that
        is foreground; ``spread``, the interquartile range of the foreground; ``sharpness``, the median of the absolute
        Laplacian where the foreground goes on for two pixels in each direction. Empty if no image has as much
        foreground.
    """
    measured = [values for image in images if (values := _measured(image)) is not None]
    if not measured:
        return {}
    medians = np.median(np.array(measured), axis=0)
    return dict(zip(STATISTICS, medians.tolist(), strict=True))


def sampled_images(count: int) -> list[int]:
    """Return the indices of at most 24 of ``count`` images, evenly spaced; these are enough for the statistics."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST_IMAGES)).round().astype(int)).tolist()


def _measured(image: NDArray[np.float32]) -> tuple[float, float, float] | None:
    raised, inside = image_foreground(image)
    if np.count_nonzero(inside) < FEWEST_PIXELS:
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
