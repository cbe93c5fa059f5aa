"""Differences between two systems on the same cases."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.metrics import auc
from CAMLocalizerLib.metrics.paired import holm_adjusted, paired_difference


def mean_of(values: np.ndarray):
    return lambda cases, system: float(values[cases, system].mean())


def test_the_difference_is_that_of_the_two_values() -> None:
    values = np.random.default_rng(1).random((20, 2))
    found = paired_difference(np.arange(20), mean_of(values), draws=50)
    assert (found.first, found.second) == pytest.approx(tuple(values.mean(0)))
    assert found.difference == pytest.approx(values[:, 1].mean() - values[:, 0].mean())
    assert found.low < found.difference < found.high


def test_the_p_value_is_that_of_all_exchanges_of_patients() -> None:
    generator = np.random.default_rng(2)
    patients = np.repeat(np.arange(7), 3)
    values = generator.random((21, 2)) + np.array([0.0, 0.15])
    gains = (values[:, 1] - values[:, 0]).reshape(7, 3).sum(1)
    every = [abs(np.dot(signs, gains)) for signs in itertools.product((-1, 1), repeat=7)]
    exact = np.mean(np.array(every) >= abs(gains.sum()) - 1e-12)
    found = paired_difference(patients, mean_of(values), draws=4000, seed=3)
    assert found.p == pytest.approx(exact, abs=0.03)


def test_few_patients_prove_nothing_however_large_the_difference() -> None:
    values = np.tile([0.0, 1.0], (40, 1))
    few = paired_difference(np.arange(40) % 4, mean_of(values), draws=400)
    assert (few.low, few.high) == (1, 1)
    assert few.p > 0.05
    many = paired_difference(np.arange(40), mean_of(values), draws=400)
    assert many.p < 0.01


def test_systems_that_differ_by_chance_are_called_different_about_as_often_as_the_level_says() -> None:
    called = 0
    for seed in range(60):
        values = np.random.default_rng(seed).random((25, 2))
        called += paired_difference(np.arange(25), mean_of(values), draws=99, seed=seed).p < 0.05
    assert called <= 9  # a binomial of 60 and 0.05 is larger in 0.2 % of all cases


def test_an_auc_is_compared_case_by_case() -> None:
    truth = np.arange(30) % 2 == 0
    noise = np.random.default_rng(4).random((30, 2))
    scores = np.stack([noise[:, 0], truth + 0.1 * noise[:, 1]], axis=1)
    found = paired_difference(
        np.arange(30) // 2, lambda cases, system: auc(truth[cases], scores[cases, system]), draws=200
    )
    assert found.first == auc(truth, scores[:, 0])
    assert found.second == 1
    assert found.low > 0
    assert found.p < 0.05


def test_a_single_patient_has_no_interval() -> None:
    found = paired_difference(["P"] * 5, mean_of(np.tile([0.0, 1.0], (5, 1))), draws=20)
    assert math.isnan(found.low)
    assert found.p > 0.05


def test_p_values_are_adjusted_as_holm_did() -> None:
    assert holm_adjusted([0.01, 0.04, 0.03, math.nan, 0.005]) == pytest.approx(
        [0.03, 0.06, 0.06, math.nan, 0.02], nan_ok=True
    )
    assert holm_adjusted([0.6, 0.7]) == [1.0, 1.0]
    with pytest.raises(SettingsError, match="0 to 1"):
        holm_adjusted([1.5])
