"""Confidence intervals from a bootstrap over patients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core import SettingsError

DRAWS, CONFIDENCE = 1000, 0.95
MOST_DRAWS = 20  # per draw that is wanted, where a measure is often undefined


def bootstrap_interval(
    patients: ArrayLike,
    measure: Callable[[NDArray[np.intp]], ArrayLike],
    *,
    draws: int = DRAWS,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Resample patients with replacement and take percentiles of what is measured on their cases.

    All cases of a patient that is drawn are taken, once for each time the patient is drawn, because cases of one
    patient resemble each other. A draw in which the measure is undefined is repeated.

    Args:
        patients: patient of each case, shape (N,).
        measure: takes indices of cases, with repetitions, and returns a number or an array of a fixed shape, with nan
            where it is undefined.
        draws: number of resamplings, at least 1.
        confidence: of the interval, between 0 and 1.
        seed: of the resampling.

    Returns:
        Lower and upper limit, shape (2,) or (2, ...) with the measure's shape. Both are nan where there are fewer than
        two patients, or where the measure is undefined in almost all draws.

    Raises:
        SettingsError: no draw, or a confidence out of range.

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
    while len(members) > 1 and len(found) < draws and tried < MOST_DRAWS * draws:
        tried += 1
        drawn = generator.choice(len(members), len(members))
        value = np.asarray(measure(np.concatenate([members[number] for number in drawn])), dtype=np.float64)
        if not np.isnan(value).any():
            found.append(value)
    if len(found) < draws:
        return np.full((2, *np.shape(measure(np.arange(len(membership))))), np.nan)
    margin = 50 * (1 - confidence)
    return np.percentile(found, [margin, 100 - margin], axis=0)
