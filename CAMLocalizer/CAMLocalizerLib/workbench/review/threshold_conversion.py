"""The threshold of another method that takes the same voxels."""

from __future__ import annotations

import math

import numpy as np

from ...segment import ActivationLevels, Threshold

USUAL_PERCENTILE = 99.0  # of an activation that is zero everywhere
LEVEL_DECIMALS = range(3, 10)
PERCENTILE_DECIMALS = range(2, 7)


def equal_threshold(method: str, value: float, levels: ActivationLevels) -> str:
    """Return the threshold of a method that takes the same voxels as a level of the activation, as text.

    It has as few decimals as that allows; where no number of decimals gives the same voxels, the nearest one.

    Args:
        method: ``fixed``, ``percentile`` or ``otsu``, whose level cannot be chosen.
        value: lowest activation that belongs to the tumour now.
        levels: of the activation.

    Raises:
        SettingsError: another method.
    """
    if method == "fixed":
        return _fixed(min(value, 1.0), levels)
    if method == "percentile":
        return f"q{_percentile(value, levels)}"
    return str(Threshold(method))


def _fixed(value: float, levels: ActivationLevels) -> str:
    voxels = _voxels(levels, value)
    for decimals in LEVEL_DECIMALS:
        text = _decimal(value, decimals)
        if _voxels(levels, float(text)) == voxels:
            return text
    return f"{value:.9g}"


def _percentile(value: float, levels: ActivationLevels) -> str:
    if not levels.contributing:
        return f"{USUAL_PERCENTILE:g}"
    voxels = _voxels(levels, value)
    rank = levels.contributing - voxels  # of the lowest voxel that is taken, from 0
    percent = min(100 * rank / max(levels.contributing - 1, 1), 100.0)
    texts = [_decimal(_floor(percent, decimals), decimals) for decimals in PERCENTILE_DECIMALS]
    return next((text for text in texts if _voxels(levels, levels.percentile(float(text))) == voxels), texts[0])


def _voxels(levels: ActivationLevels, value: float) -> int:
    """Count the voxels above 0 that are at or above a value."""
    return int(levels.at_or_above(np.array([value], dtype=np.float32))[0]) if value > 0 else levels.positive


def _floor(percent: float, decimals: int) -> float:
    """Round down: a percentile just below a voxel's rank still takes that voxel, one just above does not."""
    return math.floor(percent * 10**decimals) / 10**decimals


def _decimal(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".")
