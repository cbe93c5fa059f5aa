"""Overlap measures against hand-counted masks."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import GridError
from CAMLocalizerLib.metrics import dice, iou, slice_ious

TRUTH = np.array([[1, 1, 0], [1, 0, 0]])
FOUND = np.array([[0, 1, 1], [1, 0, 0]])


def test_two_of_four_voxels_shared_give_half_and_two_thirds() -> None:
    assert iou(TRUTH, FOUND) == 2 / 4
    assert dice(TRUTH, FOUND) == 4 / 6


def test_slices_whose_truth_is_empty_are_left_out() -> None:
    empty = np.zeros_like(TRUTH)
    assert slice_ious(np.stack([TRUTH, empty, TRUTH, TRUTH]), np.stack([FOUND, FOUND, empty, TRUTH])) == (0.5, 0.0, 1.0)
    assert slice_ious(empty[None], FOUND[None]) == ()


@pytest.mark.parametrize("measure", [iou, dice])
def test_empty_masks_agree_with_each_other_and_with_nothing_else(measure) -> None:
    empty = np.zeros_like(TRUTH)
    assert measure(empty, empty) == 1.0
    assert measure(TRUTH, empty) == 0.0
    assert measure(empty, FOUND) == 0.0


@pytest.mark.parametrize("measure", [iou, dice, slice_ious])
def test_masks_of_other_shapes_are_refused(measure) -> None:
    with pytest.raises(GridError, match=r"\(2, 3\).*\(3, 2\)"):
        measure(TRUTH, TRUTH.T)
