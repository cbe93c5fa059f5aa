"""Confidence intervals from a bootstrap over patients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core import SettingsError

DRAWS, CONFIDENCE = 1000, 0.95
MAX_ATTEMPTS_PER_DRAW = 20  # for measures that are often undefined


def bootstrap_interval(
    patients: ArrayLike,
    measure: Callable[[NDArray[np.intp]], ArrayLike],
    *,
    draws: int = DRAWS,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Resample patients with replacement and return percentiles of a measure of their cases.

    Each draw of a patient includes all of the patient's cases, because cases of one patient are correlated. A draw in
    which the measure is undefined is repeated.

    Args:
        patients: patient of each case, shape (N,).
        measure: function of the indices of cases, with repetitions, that returns a number or an array of fixed shape,
            nan where undefined.
        draws: number of bootstrap samples, at least 1.
        confidence: confidence level, between 0 and 1.
        seed: seed of the random generator.

    Returns:
        Lower and upper limit, shape (2,) or (2, ...) with the measure's shape. Both are nan if there are fewer than
        two patients, or if the measure is undefined in almost all draws.

    Raises:
        SettingsError: fewer than 1 draw, or a confidence out of range.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13 (percentile method).
    """
    if draws < 1 or not 0 < confidence < 1:
        raise SettingsError(
            f"expected at least 1 draw and a confidence between 0 and 1, got {draws} draws and {confidence}"
        )
    names, membership = np.unique(np.asarray(patients), return_inverse=True)
    members = [np.flatnonzero(membership == number) for number in range(len(names))]
    generator = np.random.default_rng(seed)
    found: list[NDArray[np.float64]] = []
    tried = 0
    while len(members) > 1 and len(found) < draws and tried < MAX_ATTEMPTS_PER_DRAW * draws:
        tried += 1
        drawn = generator.choice(len(members), len(members))
        value = np.asarray(measure(np.concatenate([members[number] for number in drawn])), dtype=np.float64)
        if not np.isnan(value).any():
            found.append(value)
    if len(found) < draws:
        return np.full((2, *np.shape(measure(np.arange(len(membership))))), np.nan)
    margin = 50 * (1 - confidence)
    return np.percentile(found, [margin, 100 - margin], axis=0)
