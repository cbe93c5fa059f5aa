"""The foreground of an image or a volume: what is brighter than half of Otsu's threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 256
LOWEST_PERCENTILE = 0.5
SHARE_OF_OTSU = 0.5


def otsu_level(counts: NDArray[np.integer]) -> float:
    """Return Otsu's threshold of a histogram.

    Args:
        counts: values per bin, shape (bins,), at least one bin; all bins have the same width.

    Returns:
        Threshold in bins: n + 0.5 is the middle of bin n. Of equally good thresholds the lowest one.

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
        image: any intensities, shape (height, width); negative ones too.

    Returns:
        The intensities above the 0.5th percentile, at least 0, and where they exceed half of Otsu's threshold;
        nowhere if the image is constant.
    """
    lowest = np.percentile(image, LOWEST_PERCENTILE)
    raised = np.maximum(image - lowest.astype(np.float32), np.float32(0))
    highest = raised.max()
    if not highest > 0:
        return raised, np.zeros(image.shape, dtype=bool)
    bins = np.minimum(raised * np.float32(BINS / highest), np.float32(BINS - 1)).astype(np.int64)
    level = otsu_level(np.bincount(bins.ravel(), minlength=BINS)) * highest / BINS
    return raised, raised > np.float32(SHARE_OF_OTSU * level)
