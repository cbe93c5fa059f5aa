"""Averages of overlap over images and thresholds, against loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from CAMLocalizerLib.core import GridError, InputError
from CAMLocalizerLib.metrics import dice, fraction_below, mean_dice_over_thresholds, mean_iou

EMPTY = np.zeros((2, 3), dtype=bool)
FULL = np.ones((2, 3), dtype=bool)


def naive(truth: np.ndarray, levels: np.ndarray) -> float:
    return sum(dice(truth, levels > threshold) for threshold in range(256)) / 256


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 1.0])
def test_mean_dice_equals_a_loop_over_the_thresholds(share: float) -> None:
    generator = np.random.default_rng(7)
    truth = generator.random((9, 13, 2)) < share
    levels = generator.integers(0, 256, truth.shape, dtype=np.uint8)
    assert mean_dice_over_thresholds(truth, levels) == pytest.approx(naive(truth, levels), abs=1e-12)


def test_mean_dice_of_a_map_in_fractions_is_that_of_its_rounded_bytes() -> None:
    activation = np.random.default_rng(3).random((6, 5)).astype(np.float32)
    truth = activation > 0.6
    expected = naive(truth, np.rint(activation * 255).astype(np.uint8))
    assert mean_dice_over_thresholds(truth, activation) == pytest.approx(expected, abs=1e-12)


def test_a_perfect_map_misses_the_last_threshold_only() -> None:
    assert mean_dice_over_thresholds(FULL, FULL.astype(np.float32)) == 255 / 256


def test_mean_dice_of_empty_masks_follows_dice() -> None:
    assert mean_dice_over_thresholds(EMPTY, EMPTY.astype(np.uint8)) == 1.0
    assert mean_dice_over_thresholds(FULL, EMPTY.astype(np.uint8)) == 0.0
    assert mean_dice_over_thresholds(EMPTY, np.full((2, 3), 127, np.uint8)) == 129 / 256


@pytest.mark.parametrize(
    ("activation", "error", "match"),
    [
        (np.zeros((3, 2), np.uint8), GridError, r"\(2, 3\).*\(3, 2\)"),
        (np.zeros((2, 3), np.int64), InputError, "dtype int64"),
        (np.full((2, 3), 1.5), InputError, r"to 1.5, expected 0\.\.1"),
        (np.full((2, 3), np.nan), InputError, "nan"),
    ],
)
def test_invalid_maps_are_refused(activation: np.ndarray, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        mean_dice_over_thresholds(FULL, activation)


def test_every_image_counts_once_in_the_mean_iou() -> None:
    half = FULL.copy()
    half[0] = False
    assert mean_iou([FULL, FULL, EMPTY, FULL], [FULL, half, EMPTY, EMPTY]) == (1 + 0.5 + 1 + 0) / 4


def test_the_mean_iou_of_no_image_is_undefined() -> None:
    assert math.isnan(mean_iou([], []))


def test_different_numbers_of_masks_are_refused() -> None:
    with pytest.raises(InputError, match="2 true masks and 1 predicted"):
        mean_iou([FULL, FULL], [FULL])


def test_the_share_of_missed_tumours_includes_the_limit() -> None:
    assert fraction_below([0.0, 0.01, 0.011, 0.5]) == 0.5
    assert fraction_below([0.2, 0.4, float("nan")], limit=0.3) == 1 / 3
    assert math.isnan(fraction_below([]))
