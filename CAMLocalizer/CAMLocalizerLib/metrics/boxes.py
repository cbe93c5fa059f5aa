"""Bounding boxes of components, and their comparison with true boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..core import GridError, InputError, label_components

IOBB_LIMIT = 0.2


class Box(NamedTuple):
    """An axis-aligned box in pixels: columns ``x0`` to ``x1`` and rows ``y0`` to ``y1``, ends excluded.

    A single pixel at column 3 and row 2 is ``Box(3, 2, 4, 3)``; its area is 1.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def area(self) -> float:
        """Area in pixels."""
        return (self.x1 - self.x0) * (self.y1 - self.y0)


def boxes(mask: NDArray) -> list[Box]:
    """Return the bounding box of each component (8 neighbours) of a mask.

    Args:
        mask: shape (rows, columns); pixels above 0 are foreground.

    Returns:
        The boxes in storage order of the components; empty for an empty mask.

    Raises:
        GridError: a mask that does not have two axes.
    """
    if mask.ndim != 2:
        raise GridError(f"mask has shape {mask.shape}, expected (rows, columns)")
    labels, _ = label_components(mask > 0)
    return [Box(x.start, y.start, x.stop, y.stop) for y, x in ndimage.find_objects(labels)]


def iobb(found: Box, truth: Box) -> float:
    r"""Intersection over the bounding box that was found: :math:`|found \cap truth| / |found|`.

    Returns:
        0 to 1; 1 for a box within the true one, whatever its size.

    Raises:
        InputError: a box without area.

    Source:
        PG-CAM (Lee et al., 2018), section 3.3.
    """
    if not (found.x1 > found.x0 and found.y1 > found.y0):
        raise InputError(f"{found} has no area, expected x1 above x0 and y1 above y0")
    width = min(found.x1, truth.x1) - max(found.x0, truth.x0)
    height = min(found.y1, truth.y1) - max(found.y0, truth.y0)
    return max(width, 0.0) * max(height, 0.0) / found.area


@dataclass(frozen=True)
class BoxScore:
    """Counts of hits and misses; add scores of several images with ``+`` or ``sum(scores, BoxScore())``.

    Args:
        true_positives: found boxes that hit a true one.
        false_positives: found boxes that hit none.
        false_negatives: true boxes that no found one hits.
    """

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0

    def __add__(self, other: BoxScore) -> BoxScore:
        return BoxScore(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
        )

    @property
    def precision(self) -> float:
        """TP / (TP + FP); nan if nothing was found."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def accuracy(self) -> float:
        """TP / (TP + FP + FN); nan without found and true boxes."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN), which equals 2 A / (1 + A) of the accuracy A; nan if A is nan."""
        doubled = 2 * self.true_positives
        return _ratio(doubled, doubled + self.false_positives + self.false_negatives)


def score_boxes(found: Sequence[Box], truth: Sequence[Box], limit: float = IOBB_LIMIT) -> BoxScore:
    """Count the hits and misses of the boxes found in one image.

    A found box hits a true one if their IoBB is above ``limit``. The paper does not say how boxes are paired. Here each
    found box is evaluated separately: several boxes may hit one tumour, and each counts as a true positive; a true box
    that no found box hits is a false negative. The paper's precision, accuracy and F1 are consistent with these counts,
    for which F1 = 2 A / (1 + A).

    Args:
        found: boxes around the components of the map.
        truth: boxes around the tumours.
        limit: IoBB that a hit must exceed.

    Returns:
        The counts. Without true boxes all found ones are false positives; without found boxes all true ones are false
        negatives.

    Source:
        PG-CAM (Lee et al., 2018), section 3.3 and Table 2.
    """
    overlaps = np.array([[iobb(box, true) for true in truth] for box in found]).reshape(len(found), len(truth))
    hits = overlaps > limit
    hitting, hit = int(hits.any(axis=1).sum()), int(hits.any(axis=0).sum())
    return BoxScore(hitting, len(found) - hitting, len(truth) - hit)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
