"""Calibration: agreement of predicted probabilities with the fraction of correct predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..core import InputError

BINS = 10


@dataclass(frozen=True)
class ReliabilityBin:
    """Images whose probability lies in one interval.

    Args:
        low: lower end of the interval.
        high: upper end of the interval; excluded, except in the last bin.
        images: number of images.
        mean_probability: mean probability; nan without images.
        fraction_correct: fraction of correct predictions; nan without images.
    """

    low: float
    high: float
    images: int
    mean_probability: float
    fraction_correct: float


def reliability_bins(probabilities: ArrayLike, right: ArrayLike, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """Group images into intervals of equal width by the probability of their most probable class.

    Args:
        probabilities: probability of the most probable class of each image, 0 to 1, shape (N,).
        right: whether this class is the true one, the same shape.
        bins: number of intervals, at least 1.

    Returns:
        The intervals from 0 to 1, including those without images.

    Raises:
        InputError: shapes that differ, probabilities outside 0 to 1, or fewer than 1 interval.

    Source:
        Guo et al., On calibration of modern neural networks, ICML 2017, section 2.
    """
    values, hits = np.asarray(probabilities, dtype=np.float64), np.asarray(right, dtype=bool)
    if values.ndim != 1 or values.shape != hits.shape or bins < 1:
        raise InputError(
            f"got shapes {values.shape} and {hits.shape} and {bins} bins, expected (N,) twice and at least 1 bin"
        )
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError("probabilities must be 0 to 1")
    place = np.minimum((values * bins).astype(np.int64), bins - 1)
    return tuple(_bin(number, bins, values[place == number], hits[place == number]) for number in range(bins))


def _bin(number: int, bins: int, values: np.ndarray, hits: np.ndarray) -> ReliabilityBin:
    nan = float("nan")
    means = (float(values.mean()), float(hits.mean())) if values.size else (nan, nan)
    return ReliabilityBin(number / bins, (number + 1) / bins, int(values.size), *means)


def expected_calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    r"""Mean difference of probability and fraction of correct predictions, weighted by the images of each interval.

    .. math:: ECE = \sum_b \frac{n_b}{N}\, |\bar{p}_b - r_b|

    Args:
        bins: as from :func:`reliability_bins`.

    Returns:
        0 to 1; nan without images. Bins with few images increase it even for a perfectly calibrated model.

    Source:
        Guo et al., On calibration of modern neural networks, ICML 2017, Eq. 3.
    """
    total = sum(each.images for each in bins)
    if not total:
        return float("nan")
    return sum(each.images * abs(each.mean_probability - each.fraction_correct) for each in bins if each.images) / total
