"""Detection metrics of scores of images with and without tumours."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core import InputError, SettingsError

SPECIFICITY = 0.95


def auc(truth: ArrayLike, scores: ArrayLike) -> float:
    r"""Area under the receiver operating characteristic: the Mann-Whitney statistic, where equal scores count half.

    .. math:: AUC = \frac{R - p (p + 1) / 2}{p\, n}

    where R is the sum of the ranks of the p positive images among all p + n images.

    Args:
        truth: whether each image is positive, shape (N,).
        scores: higher for positive images, the same shape, finite.

    Returns:
        0 to 1; nan if no or all images are positive.

    Raises:
        InputError: shapes that differ, or scores that are not finite.
    """
    from scipy.stats import rankdata  # only here: it takes long to import

    positive, values = _checked(truth, scores)
    count = int(positive.sum())
    if count in (0, len(positive)):
        return float("nan")
    ranks = rankdata(values)[positive].sum()
    return float((ranks - count * (count + 1) / 2) / (count * (len(positive) - count)))


def sensitivity_at_specificity(truth: ArrayLike, scores: ArrayLike, specificity: float = SPECIFICITY) -> float:
    """Highest sensitivity of all thresholds with at least the given specificity.

    An image counts as positive if its score is at least the threshold.

    Args:
        truth: whether each image is positive, shape (N,).
        scores: higher for positive images, the same shape, finite.
        specificity: fraction of negative images that must be below the threshold, 0 to 1.

    Returns:
        0 to 1; nan if no or all images are positive.

    Raises:
        InputError: as for :func:`auc`.
        SettingsError: a specificity out of range.
    """
    if not 0 <= specificity <= 1:
        raise SettingsError(f"specificity must be 0 to 1, got {specificity}")
    positive, values = _checked(truth, scores)
    negatives = np.sort(values[~positive])[::-1]
    if not positive.any() or not negatives.size:
        return float("nan")
    allowed = int(np.floor((1 - specificity) * negatives.size + 1e-9))  # negative images above the threshold
    if allowed >= negatives.size:
        return 1.0
    return float((values[positive] > negatives[allowed]).mean())


def _checked(truth: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    positive, values = np.asarray(truth, dtype=bool), np.asarray(scores, dtype=np.float64)
    if positive.ndim != 1 or positive.shape != values.shape:
        raise InputError(f"truth has shape {positive.shape} and scores {values.shape}, expected (N,) for both")
    if not np.isfinite(values).all():
        raise InputError("scores must be finite, got nan or infinity")
    return positive, values
