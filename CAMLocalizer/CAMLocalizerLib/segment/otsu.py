"""Otsu's threshold of a histogram."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def otsu(counts: NDArray, centres: NDArray) -> float:
    r"""Return the centre of the bin after which two classes differ most.

    .. math:: \arg\max_t \; w_1(t)\, w_2(t)\, (\mu_1(t) - \mu_2(t))^2

    with the weights w and means of the bins up to t and of those beyond it; the first of equal ones.

    Args:
        counts: voxels per bin, above 0 in the first and the last.
        centres: centre of each bin, growing.

    Source:
        Otsu, A threshold selection method from gray-level histograms, IEEE Trans. SMC 9(1):62-66, 1979. Precision and
        ties are those of scikit-image's ``threshold_otsu``, which Slicer's Python lacks.
    """
    counts = counts.astype(np.float32)
    below, above = np.cumsum(counts), np.cumsum(counts[::-1])[::-1]
    sums = counts * centres
    mean_below = np.cumsum(sums) / below
    mean_above = (np.cumsum(sums[::-1]) / above[::-1])[::-1]
    between = below[:-1] * above[1:] * (mean_below[:-1] - mean_above[1:]) ** 2
    return float(centres[np.argmax(between)])
