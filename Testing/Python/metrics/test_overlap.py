"""Overlap measures against hand-counted masks."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import GridError
from CAMLocalizerLib.metrics import dice, iou

TRUTH = np.array([[1, 1, 0], [1, 0, 0]])
FOUND = np.array([[0, 1, 1], [1, 0, 0]])


def test_two_of_four_voxels_shared_give_half_and_two_thirds() -> None:
    assert iou(TRUTH, FOUND) == 2 / 4
    assert dice(TRUTH, FOUND) == 4 / 6


@pytest.mark.parametrize("measure", [iou, dice])
def test_empty_masks_agree_with_each_other_and_with_nothing_else(measure) -> None:
    empty = np.zeros_like(TRUTH)
    assert measure(empty, empty) == 1.0
    assert measure(TRUTH, empty) == 0.0
    assert measure(empty, FOUND) == 0.0


@pytest.mark.parametrize("measure", [iou, dice])
def test_masks_of_other_shapes_are_refused(measure) -> None:
    with pytest.raises(GridError, match=r"\(2, 3\).*\(3, 2\)"):
        measure(TRUTH, TRUTH.T)
