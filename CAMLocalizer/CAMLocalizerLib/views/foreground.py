"""Foreground of an image or a volume: intensities above half of Otsu's threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 256
VOLUME_BINS = 4096
LOWEST_PERCENTILE = 0.5
OTSU_FRACTION = 0.5
MIN_PLANE_VOXELS = 3
MIN_PLANE_FRACTION = 0.01


def otsu_level(counts: NDArray[np.integer]) -> float:
    """Return Otsu's threshold of a histogram.

    Args:
        counts: values per bin, shape (bins,), at least one bin; all bins have the same width.

    Returns:
        Threshold in bins; n + 0.5 is the middle of bin n. The lowest of equally good thresholds.

    Source:
        N. Otsu, IEEE Trans. SMC 9(1):62-66, 1979, equation 18.
    """
    weights = counts.astype(np.float64)
    below = np.cumsum(weights)[:-1]
    above = weights.sum() - below
    moments = np.cumsum(weights * np.arange(len(weights)))
    apart = np.divide(moments[:-1], below, out=np.zeros_like(below), where=below > 0)
    apart -= np.divide(moments[-1] - moments[:-1], above, out=apart.copy(), where=above > 0)
    variance = below * above * apart**2
    return int(variance.argmax()) + 0.5 if variance.size else 0.5


def image_foreground(image: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Subtract the background of an image and find its foreground.

    Args:
        image: any intensities, including negative ones, shape (height, width).

    Returns:
        The intensities minus the 0.5th percentile, at least 0, and the mask where they exceed half of Otsu's threshold;
        the mask of a constant image is empty.
    """
    lowest = np.percentile(image, LOWEST_PERCENTILE)
    raised = np.maximum(image - lowest.astype(np.float32), np.float32(0))
    highest = raised.max()
    if not highest > 0:
        return raised, np.zeros(image.shape, dtype=bool)
    bins = np.minimum(raised * np.float32(BINS / highest), np.float32(BINS - 1)).astype(np.int64)
    level = otsu_level(np.bincount(bins.ravel(), minlength=BINS)) * highest / BINS
    return raised, raised > np.float32(OTSU_FRACTION * level)


def foreground_counts(array_kji: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Count the foreground voxels of each plane of a volume.

    Args:
        array_kji: any intensities, shape (k, j, i); at least one voxel.

    Returns:
        The counts of the planes along i, j and k. They do not depend on scale and offset of the intensities.
    """
    level = _volume_level(array_kji)
    totals = [np.zeros(n, dtype=np.int64) for n in array_kji.shape]
    for k, plane in enumerate(array_kji):
        inside = plane > level  # (j, i)
        rows = inside.sum(axis=1)
        totals[0][k] = rows.sum()
        totals[1] += rows
        totals[2] += inside.sum(axis=0)
    return totals[2], totals[1], totals[0]


def content_extent(counts: NDArray[np.int64]) -> tuple[int, int]:
    """Find the first and last plane of the foreground along an axis.

    A plane counts if it has more than 3 foreground voxels and more than a hundredth of those of the fullest plane, so
    that noise and ghosts outside the body are ignored.

    Args:
        counts: foreground voxels of each plane along the axis, see :func:`foreground_counts`.

    Returns:
        Index of the first and the last plane that counts; the whole axis if none does.
    """
    counted = np.flatnonzero(counts > max(MIN_PLANE_VOXELS, MIN_PLANE_FRACTION * counts.max()))
    return (int(counted[0]), int(counted[-1])) if counted.size else (0, len(counts) - 1)


def _volume_level(array_kji: NDArray[np.float32]) -> float:
    """Return the lowest intensity of the foreground, from a histogram to avoid a second volume."""
    low, high = float(array_kji.min()), float(array_kji.max())
    width = (high - low) / VOLUME_BINS
    if not width > 0:
        return high
    counts = np.zeros(VOLUME_BINS, dtype=np.int64)
    for plane in array_kji:
        bins = np.minimum((plane - low) / np.float32(width), VOLUME_BINS - 1).astype(np.int64)
        counts += np.bincount(bins.ravel(), minlength=VOLUME_BINS)
    reached = np.cumsum(counts) >= counts.sum() * LOWEST_PERCENTILE / 100
    lowest = int(reached.argmax())
    raised = counts[lowest:].copy()
    raised[0] += counts[:lowest].sum()
    return low + width * (lowest + OTSU_FRACTION * otsu_level(raised))
