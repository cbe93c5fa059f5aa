"""Limits of what is typical come from the images of a training."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.training.typical import typical_limits
from CAMLocalizerLib.views import STATISTICS, image_statistics


def squares(side: int, seed: int) -> np.ndarray:
    images = np.zeros((3, 60, 60), dtype=np.float32)
    images[:, 5 : 5 + side, 8 : 8 + side] = np.random.default_rng(seed).uniform(60, 100, (3, side, side))
    return images


def test_limits_are_quantiles_of_the_volumes() -> None:
    volumes = [squares(20 + n, n) for n in range(20)]
    limits = typical_limits(volumes, quantiles=(0.1, 0.9), margin=0.0)
    assert tuple(limits) == STATISTICS
    for name, ends in limits.items():
        expected = np.quantile([image_statistics(images)[name] for images in volumes], (0.1, 0.9))
        assert ends == pytest.approx(tuple(expected), rel=0.01)


def test_a_margin_moves_the_limits_apart() -> None:
    volumes = [squares(20 + n, n) for n in range(20)]
    (low, high), (lower, higher) = (
        typical_limits(volumes, (0.0, 1.0), margin)["foreground_share"] for margin in (0.0, 0.5)
    )
    assert lower == pytest.approx(max(0.0, low - (high - low) / 2), abs=1e-3)
    assert higher == pytest.approx(high + (high - low) / 2, rel=0.01)


def test_few_volumes_or_empty_ones_have_no_limits() -> None:
    assert typical_limits([squares(30, n) for n in range(9)]) == {}
    assert typical_limits([np.zeros((2, 60, 60), dtype=np.float32)] * 12) == {}
