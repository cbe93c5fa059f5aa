"""Boxes and their scores against hand-counted pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from CAMLocalizerLib.core import GridError, InputError
from CAMLocalizerLib.metrics import Box, BoxScore, boxes, iobb, score_boxes

MASK = np.array(
    [
        [0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 2, 0, 0],
        [0, 0, 0, 0, 1],
    ]
)


def test_boxes_are_tight_and_corners_connect() -> None:
    assert boxes(MASK) == [Box(1, 1, 3, 3), Box(4, 3, 5, 4)]
    assert [box.area for box in boxes(MASK)] == [4, 1]


def test_an_empty_mask_has_no_box() -> None:
    assert boxes(np.zeros((3, 4), dtype=bool)) == []


def test_a_volume_is_no_picture() -> None:
    with pytest.raises(GridError, match=r"\(2, 2, 2\), expected \(rows, columns\)"):
        boxes(np.ones((2, 2, 2)))


def test_iobb_divides_by_the_found_box() -> None:
    small, large = Box(2, 2, 4, 4), Box(0, 0, 10, 10)
    assert iobb(small, large) == 1.0
    assert iobb(large, small) == 4 / 100
    assert iobb(Box(3, 3, 5, 5), small) == 1 / 4
    assert iobb(Box(4, 2, 6, 4), small) == 0.0
    assert iobb(Box(8, 8, 9, 9), small) == 0.0


def test_a_found_box_without_area_is_refused() -> None:
    with pytest.raises(InputError, match="has no area"):
        iobb(Box(2, 2, 2, 5), Box(0, 0, 4, 4))


def test_hits_false_alarms_and_misses_are_counted() -> None:
    truth = [Box(0, 0, 10, 10), Box(20, 20, 30, 30)]
    found = [Box(1, 1, 3, 3), Box(5, 5, 9, 9), Box(40, 0, 50, 10)]
    score = score_boxes(found, truth)
    assert score == BoxScore(2, 1, 1)
    assert score.precision == 2 / 3
    assert score.accuracy == 2 / 4
    assert score.f1 == pytest.approx(2 * score.accuracy / (1 + score.accuracy))


def test_the_limit_itself_is_no_hit() -> None:
    truth = [Box(0, 0, 1, 2)]
    assert score_boxes([Box(0, 0, 5, 2)], truth) == BoxScore(0, 1, 1)
    assert score_boxes([Box(0, 0, 5, 2)], truth, limit=0.19) == BoxScore(1, 0, 0)


def test_without_boxes_on_one_side_the_other_is_wrong() -> None:
    box = Box(0, 0, 2, 2)
    assert score_boxes([box], []) == BoxScore(0, 1, 0)
    assert score_boxes([], [box]) == BoxScore(0, 0, 1)
    nothing = score_boxes([], [])
    assert nothing == BoxScore()
    assert all(math.isnan(value) for value in (nothing.precision, nothing.accuracy, nothing.f1))
    assert math.isnan(BoxScore(0, 0, 3).precision)


def test_scores_of_images_add_up() -> None:
    total = sum([BoxScore(1, 2, 3), BoxScore(4, 0, 1)], BoxScore())
    assert total == BoxScore(5, 2, 4)
