"""Confidence intervals by patient against a naive bootstrap and the normal theory."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.metrics import bootstrap_interval


def test_the_interval_is_that_of_a_naive_bootstrap() -> None:
    patients, values = np.array(["b", "a", "b", "c", "a", "b"]), np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    generator, means = np.random.default_rng(3), []
    for _ in range(50):
        taken = [
            value for n in generator.choice(3, 3) for value, p in zip(values, patients, strict=True) if p == "abc"[n]
        ]
        means.append(sum(taken) / len(taken))
    expected = np.percentile(means, [5, 95])
    found = bootstrap_interval(patients, lambda drawn: values[drawn].mean(), draws=50, confidence=0.9, seed=3)
    np.testing.assert_allclose(found, expected)


def test_the_interval_of_a_mean_agrees_with_the_normal_theory() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    low, high = bootstrap_interval(np.arange(400), lambda drawn: values[drawn].mean())
    error = values.std() / np.sqrt(400)
    assert (low, high) == pytest.approx((values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.15 * error)


def test_copies_of_a_patients_images_do_not_narrow_the_interval() -> None:
    values = np.random.default_rng(1).normal(size=12)
    once = bootstrap_interval(np.arange(12), lambda drawn: values[drawn].mean(), draws=60)
    often = np.repeat(values, 9)
    ninefold = bootstrap_interval(np.repeat(np.arange(12), 9), lambda drawn: often[drawn].mean(), draws=60)
    np.testing.assert_allclose(once, ninefold)


def test_draws_in_which_a_measure_is_undefined_are_repeated() -> None:
    values = np.array([0.0, 1.0, 2.0])

    def measure(drawn: np.ndarray) -> list[float]:
        return [float("nan")] * 2 if 0 not in drawn else [values[drawn].min(), values[drawn].max()]

    found = bootstrap_interval(np.arange(3), measure, draws=30)
    assert found.shape == (2, 2)
    assert found[:, 0].tolist() == [0, 0]


def test_one_patient_has_no_interval_and_a_measure_that_is_never_defined_neither() -> None:
    assert np.isnan(bootstrap_interval(["a", "a"], lambda drawn: [1.0, 2.0])).tolist() == [[True] * 2] * 2
    assert np.isnan(bootstrap_interval(["a", "b"], lambda drawn: np.nan, draws=5)).all()


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match="at least 1 draw"):
        bootstrap_interval(["a", "b"], lambda drawn: 1.0, draws=0)
    with pytest.raises(SettingsError, match="between 0 and 1"):
        bootstrap_interval(["a", "b"], lambda drawn: 1.0, confidence=1.0)
