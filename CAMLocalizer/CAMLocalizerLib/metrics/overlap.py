"""Overlap metrics of label maps against the truth."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core import GridError, InputError

LEVELS = 256


def iou(truth: NDArray, found: NDArray) -> float:
    """Intersection over union (Jaccard index) of two masks.

    Args:
        truth: true mask; voxels above 0 are foreground.
        found: predicted mask of the same shape.

    Returns:
        0 to 1; 1 if both are empty, 0 if one is.

    Raises:
        GridError: arrays of different shapes.
    """
    shared, together = _counts(truth, found)
    return 1.0 if together == 0 else shared / together


def dice(truth: NDArray, found: NDArray) -> float:
    """Dice coefficient of two masks: twice the intersection over the sum of both; arguments as for :func:`iou`.

    Returns:
        0 to 1; 1 if both are empty, 0 if one is.

    Raises:
        GridError: arrays of different shapes.
    """
    shared, together = _counts(truth, found)
    return 1.0 if together == 0 else 2 * shared / (shared + together)


def mean_iou(truths: Iterable[NDArray], predictions: Iterable[NDArray]) -> float:
    """Average the IoU over images: the mIoU of the quantitative study of class activation maps.

    Every image has the same weight, whatever its class. This is what the study means by the "average of all IoU values
    obtained over all classes": its 0.122 is the mean of 0.369, 0.071 and 0.009 weighted by the 708, 1,426 and 930
    images of the classes, while their unweighted mean is 0.150. The 0.666 of its U-Net agrees in the same way.

    Args:
        truths: N true masks.
        predictions: N predicted masks of the same shapes; pairs of empty masks count as 1, see :func:`iou`.

    Returns:
        0 to 1; nan without images.

    Raises:
        GridError: masks of different shapes.
        InputError: different numbers of true and predicted masks.

    Source:
        The quantitative study of class activation maps on brain tumours, section 3.4.2 and Tables 3 and 4.
    """
    truths, predictions = list(truths), list(predictions)
    if len(truths) != len(predictions):
        raise InputError(f"got {len(truths)} true masks and {len(predictions)} predicted ones, expected equal numbers")
    values = [iou(truth, found) for truth, found in zip(truths, predictions, strict=True)]
    return float(np.mean(values)) if values else float("nan")


def slice_ious(truths: NDArray, predictions: NDArray) -> tuple[float, ...]:
    """IoU of each slice with a non-empty truth.

    Args:
        truths: true masks of the slices, shape (N, height, width).
        predictions: predicted masks of the same shape.

    Returns:
        0 to 1 for each slice with a non-empty truth, in order.

    Raises:
        GridError: arrays of different shapes.
    """
    if truths.shape != predictions.shape:
        raise GridError(f"truth has shape {truths.shape}, the label map {predictions.shape}; both must lie on one grid")
    return tuple(iou(truth, found) for truth, found in zip(truths, predictions, strict=True) if (truth > 0).any())


def fraction_below(values: ArrayLike, limit: float = 0.01) -> float:
    """Fraction of values at or below a limit: for IoU and 0.01, the fraction of images whose tumour was missed.

    Args:
        values: one value per image; nan does not count as below.
        limit: upper limit, inclusive.

    Returns:
        0 to 1; nan without values.

    Source:
        The quantitative study of class activation maps on brain tumours, Table 5.
    """
    array = np.asarray(values, dtype=np.float64)
    return float(np.mean(array <= limit)) if array.size else float("nan")


def mean_dice_over_thresholds(truth: NDArray, activation: NDArray) -> float:
    r"""Average the Dice coefficient over all thresholds of an 8-bit map, which needs no choice of a threshold.

    .. math:: \frac{1}{256} \sum_{t = 0}^{255} Dice(truth, map > t)

    No value is above 255, so a map cannot reach 1 unless the truth is empty.

    Args:
        truth: true mask; voxels above 0 are foreground.
        activation: map of the same shape: uint8, or a floating dtype in 0..1, which is rounded to 8 bits.

    Returns:
        0 to 1; for an empty truth, the fraction of thresholds with an empty mask (see :func:`dice`), which is 1 for a
        map that is zero everywhere.

    Raises:
        GridError: arrays of different shapes.
        InputError: another dtype, or values that are not finite or outside 0..1.

    Source:
        Classifiers as segmenters (Guan and Loew), Eq. 9.
    """
    if truth.shape != activation.shape:
        raise GridError(f"truth has shape {truth.shape}, the map {activation.shape}; both must lie on one grid")
    levels, inside = _eight_bits(activation), truth > 0
    shared, found = _above(levels[inside]), _above(levels)
    total = found + np.count_nonzero(inside)
    values = np.divide(2 * shared, total, out=np.ones(LEVELS), where=total > 0)
    return float(values.mean())


def _eight_bits(activation: NDArray) -> NDArray[np.uint8]:
    if activation.dtype == np.uint8:
        return activation
    if not np.issubdtype(activation.dtype, np.floating):
        raise InputError(f"the map has dtype {activation.dtype}, expected uint8 or a floating one in 0..1")
    if activation.size and not (activation.min() >= 0 and activation.max() <= 1):
        raise InputError(f"the map ranges from {activation.min()} to {activation.max()}, expected 0..1")
    return np.rint(activation * (LEVELS - 1)).astype(np.uint8)


def _above(levels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count the values above each threshold 0 to 255."""
    counts = np.bincount(levels.ravel(), minlength=LEVELS)
    return levels.size - np.cumsum(counts)


def _counts(truth: NDArray, found: NDArray) -> tuple[int, int]:
    if truth.shape != found.shape:
        raise GridError(f"truth has shape {truth.shape}, the label map {found.shape}; both must lie on one grid")
    first, second = truth > 0, found > 0
    return int(np.count_nonzero(first & second)), int(np.count_nonzero(first | second))
