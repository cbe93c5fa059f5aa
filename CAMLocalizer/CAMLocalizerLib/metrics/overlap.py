"""Overlap of a label map with the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core import GridError


def iou(truth: NDArray, found: NDArray) -> float:
    """Intersection over union (Jaccard index) of two masks.

    Args:
        truth: true mask; voxels above 0 belong.
        found: mask of the same shape.

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


def _counts(truth: NDArray, found: NDArray) -> tuple[int, int]:
    if truth.shape != found.shape:
        raise GridError(f"truth has shape {truth.shape}, the label map {found.shape}; both must lie on one grid")
    first, second = truth > 0, found > 0
    return int(np.count_nonzero(first & second)), int(np.count_nonzero(first | second))
