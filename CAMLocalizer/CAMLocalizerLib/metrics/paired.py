"""Differences between two systems on the same cases: interval and p-value by patient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core import SettingsError
from .bootstrap import CONFIDENCE, DRAWS, bootstrap_interval

Measure = Callable[[NDArray[np.intp], NDArray[np.intp]], float]


@dataclass(frozen=True)
class PairedDifference:
    """Two values of a measure on the same cases.

    Args:
        first, second: value of each system.
        low, high: of the interval of second minus first; nan if there are fewer than two patients.
        p: probability of a difference at least as large if the systems were alike; nan where it is not defined.
    """

    first: float
    second: float
    low: float
    high: float
    p: float

    @property
    def difference(self) -> float:
        """Second minus first."""
        return self.second - self.first


def paired_difference(
    patients: ArrayLike, measure: Measure, *, draws: int = DRAWS, confidence: float = CONFIDENCE, seed: int = 0
) -> PairedDifference:
    """Compare two systems on the same cases.

    The interval is that of a bootstrap that draws patients, with the cases of both systems together. The p-value is
    that of a permutation test that exchanges the systems patient by patient. With fewer than six patients it cannot be
    below 0.05 but by chance, however large the difference, which the interval of so few patients does not show.

    Args:
        patients: patient of each case, shape (N,).
        measure: function of the indices of cases, with repetitions, and of the system of each (0 or 1, same shape),
            that returns a number, nan where undefined.
        draws: of the bootstrap and of the permutation test, at least 1.
        confidence: of the interval, between 0 and 1.
        seed: of both.

    Raises:
        SettingsError: as for :func:`bootstrap_interval`.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 15.
    """
    names, membership = np.unique(np.asarray(patients), return_inverse=True)
    everyone = np.arange(len(membership))

    def of_system(cases: NDArray[np.intp], system: int) -> float:
        return measure(cases, np.full(len(cases), system, dtype=np.intp))

    def difference(cases: NDArray[np.intp]) -> float:
        return of_system(cases, 1) - of_system(cases, 0)

    low, high = bootstrap_interval(patients, difference, draws=draws, confidence=confidence, seed=seed)
    observed = difference(everyone)
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        system = generator.integers(0, 2, len(names))[membership]
        found.append(measure(everyone, system) - measure(everyone, 1 - system))
    return PairedDifference(
        of_system(everyone, 0), of_system(everyone, 1), float(low), float(high), _p_value(observed, np.array(found))
    )


def _p_value(observed: float, exchanged: NDArray[np.float64]) -> float:
    known = exchanged[np.isfinite(exchanged)]
    if not np.isfinite(observed) or not len(known):
        return float("nan")
    as_large = np.abs(known) >= abs(observed) - 1e-12
    return float((1 + as_large.sum()) / (1 + len(known)))


def holm_adjusted(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for the number of comparisons; those that are nan stay so and do not count.

    Args:
        p_values: 0 to 1, or nan.

    Raises:
        SettingsError: a value out of range.

    Source:
        Holm, A simple sequentially rejective multiple test procedure, Scand J Statist 6:65 (1979).
    """
    if any(not 0 <= value <= 1 for value in p_values if not np.isnan(value)):
        raise SettingsError(f"p-values must be 0 to 1, got {list(p_values)}")
    order = sorted((index for index, value in enumerate(p_values) if not np.isnan(value)), key=lambda i: p_values[i])
    adjusted, highest = list(map(float, p_values)), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted
