"""Lesions touched and false components."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import GridError
from CAMLocalizerLib.metrics import LesionCounts, count_lesions


def test_lesions_and_components_are_counted_by_touch() -> None:
    truth, found = np.zeros((4, 6, 8), dtype=np.uint8), np.zeros((4, 6, 8), dtype=bool)
    truth[0, 0, 0], truth[1, 1, 1] = 1, 1  # one lesion over a corner
    truth[3, 5, 7] = 1  # missed
    truth[3, 0, 3:5] = 1
    found[1, 1, 1:6] = True
    found[3, 0, 4] = True
    found[0, 5, 0] = True  # false
    assert count_lesions(truth, found) == LesionCounts(lesions=3, touched=2, components=3, false_components=1)


def test_one_component_over_two_lesions_touches_both() -> None:
    truth = np.array([[1, 0, 1]])
    assert count_lesions(truth, np.ones((1, 3))) == LesionCounts(2, 2, 1, 0)


def test_empty_masks_have_nothing_to_count() -> None:
    empty, full = np.zeros((2, 3, 4)), np.ones((2, 3, 4))
    assert count_lesions(empty, empty) == LesionCounts(0, 0, 0, 0)
    assert count_lesions(empty, full) == LesionCounts(0, 0, 1, 1)
    assert count_lesions(full, empty) == LesionCounts(1, 0, 0, 0)


def test_masks_of_different_shapes_are_refused() -> None:
    with pytest.raises(GridError, match="one grid"):
        count_lesions(np.zeros((2, 2)), np.zeros((2, 3)))
