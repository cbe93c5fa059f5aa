"""Simulated outcomes: what a study must find when features tell the outcome, and must not when they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import SettingsError


def simulate_outcomes(features: NDArray[np.float64], strength: float, seed: int) -> NDArray[np.int64]:
    """Draw outcomes whose odds follow features.

    The features are standardised over the cases and their mean ``z``, standardised again, gives the odds
    ``exp(strength * z)``. A strength of 0 tosses a coin.

    Args:
        features: shape (cases, features that tell), finite.
        strength: at least 0; 1 makes one standard deviation multiply the odds by 2.7.
        seed: of the draw.

    Returns:
        0 or 1 per case.

    Raises:
        SettingsError: a strength below 0.
    """
    if not strength >= 0:
        raise SettingsError(f"strength of the signal must be at least 0, got {strength}")
    chances = 1 / (1 + np.exp(-strength * _standardised(_standardised(features).mean(axis=1))))
    return (np.random.default_rng(seed).random(len(features)) < chances).astype(np.int64)


def signal_of(rows: Sequence[Mapping[str, float | str]], names: Sequence[str]) -> NDArray[np.float64]:
    """Return the features by ``names`` of every case, shape (cases, names)."""
    return np.array([[float(row[name]) for name in names] for row in rows])


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = values.std(axis=0)
    centred: NDArray[np.float64] = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return centred
