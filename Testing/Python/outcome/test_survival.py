"""Times to an event: a known hazard is found, noise is not, nothing leaks, measures are those of the library."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from outcome_samples import simulated, true_probabilities
from scipy import stats

from CAMLocalizerLib.core import InputError, SettingsError
from CAMLocalizerLib.metrics import auc
from CAMLocalizerLib.outcome import Observations, SurvivalSettings, predict_survival
from CAMLocalizerLib.outcome import survival_models as models
from CAMLocalizerLib.outcome.shuffling import shuffled_survival
from CAMLocalizerLib.outcome.survival import gain_over, out_of_fold
from CAMLocalizerLib.outcome.survival_measures import (
    auc_at,
    aucs_at,
    c_index_of,
    calibration_bins,
    calibration_slope,
    kaplan_meier,
    log_rank_p,
    one_image_each,
)

sksurv_metrics = pytest.importorskip("sksurv.metrics", reason="scikit-survival is not installed")
QUICK = SurvivalSettings(folds=3, inner_folds=2, feature_counts=(2,), bootstraps=100)
STRENGTH = 1.0


@pytest.fixture(scope="module")
def signal():
    return simulated(150, 20, STRENGTH)


@pytest.fixture(scope="module")
def found(signal, little_to_search):
    return predict_survival(signal, QUICK)


@pytest.fixture(scope="module", autouse=True)
def little_to_search():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "TREES", 20)
        patch.setattr(models, "PENALTIES", (0.02, 0.1))
        patch.setattr(models, "SHARES_OF_L1", (0.5,))
        yield


@pytest.fixture
def observed():
    """Times in steps of a quarter, so that many are equal."""
    generator = np.random.default_rng(4)
    return Observations(np.ceil(generator.exponential(3, 60) * 4) / 4, generator.random(60) < 0.6)


def test_a_known_hazard_is_found_and_its_probabilities_too(signal, found):
    best = c_index_of(signal.observed, signal.features[:, 0])(np.arange(150))
    assert found.measures["c_index"] == pytest.approx(best, abs=0.02)
    assert found.intervals["c_index"][0] > 0.6
    assert found.predictions.chosen["feature_0"] == 3
    truth = true_probabilities(signal, STRENGTH, 2.0)
    assert np.abs(found.predictions.probabilities - truth).mean() < 0.1
    low, high = found.intervals["calibration_slope"]
    assert low < 1 < high
    assert log_rank_p(signal.observed, found.predictions.high_risk, np.arange(150)) < 1e-4


def test_a_forest_finds_the_hazard_too(signal):
    result = predict_survival(signal, replace(QUICK, model="forest"))
    assert result.intervals["c_index"][0] > 0.6
    truth = true_probabilities(signal, STRENGTH, 2.0)
    assert np.corrcoef(result.predictions.probabilities, truth)[0, 1] > 0.7


def test_shuffled_outcomes_give_half_although_features_are_many(found):
    many = simulated(90, 150, STRENGTH, seed=2)
    shuffled = shuffled_survival(many, QUICK, found.measures["c_index"], 6)
    assert shuffled.mean == pytest.approx(0.5, abs=0.06)
    assert shuffled.p_value == pytest.approx(1 / 7)


def test_what_is_held_out_has_no_say_in_its_own_prediction(signal, found):
    """Times and features of half a fold are changed; the other half is predicted as before."""
    first = np.flatnonzero(found.predictions.folds == 1)
    events = first[signal.observed.events[first]]
    times, features = signal.observed.times_years.copy(), signal.features.copy()
    times[first] = times[first][::-1]
    features[events] += 100
    changed = replace(signal, features=features, observed=Observations(times, signal.observed.events))
    again = out_of_fold(changed, QUICK)
    others = np.setdiff1d(first, events)
    np.testing.assert_array_equal(again.folds, found.predictions.folds)
    for name in ("risks", "probabilities", "high_risk"):
        np.testing.assert_array_equal(getattr(again, name)[others], getattr(found.predictions, name)[others])
    assert not np.array_equal(again.risks[events], found.predictions.risks[events])


def test_images_of_a_patient_lie_in_one_fold():
    patients = np.repeat(np.arange(40), 2).astype(str)
    folds = out_of_fold(simulated(80, 3, STRENGTH, patients=patients), QUICK).folds
    np.testing.assert_array_equal(folds[::2], folds[1::2])
    assert set(folds) == {1, 2, 3}


def test_the_c_index_of_a_draw_is_that_of_the_library(observed):
    generator = np.random.default_rng(1)
    risks = generator.integers(0, 9, 60).astype(float)
    measure = c_index_of(observed, risks)
    for _ in range(5):
        drawn = generator.choice(60, 60)
        part = observed.of(drawn)
        expected = sksurv_metrics.concordance_index_censored(part.events, part.times_years, risks[drawn])[0]
        assert measure(drawn) == pytest.approx(expected, abs=1e-12)


def test_the_auc_at_a_time_is_the_plain_one_where_nobody_is_censored(observed):
    risks = np.random.default_rng(2).normal(size=60)
    everyone = Observations(observed.times_years, np.ones(60, dtype=bool))
    assert auc_at(everyone, risks, 2.0) == pytest.approx(auc(everyone.times_years <= 2, risks))


def test_the_auc_at_a_time_weighs_censored_cases_as_the_library_does(observed):
    risks = np.random.default_rng(2).normal(size=60)
    outcome = models.survival_outcome(observed)
    expected = sksurv_metrics.cumulative_dynamic_auc(outcome, outcome, risks, [2.0])[0][0]
    assert auc_at(observed, risks, 2.0) == pytest.approx(expected)
    assert abs(expected - auc(observed.times_years <= 2, risks)) > 0.001  # which censored cases would change
    outcome_times = np.array([1.0, 2.0, 3.0])
    expected = sksurv_metrics.cumulative_dynamic_auc(outcome, outcome, risks, outcome_times)[0]
    np.testing.assert_allclose(aucs_at(observed, risks, outcome_times), expected)
    assert np.isnan(auc_at(observed, risks, 1000.0))
    assert np.isnan(auc_at(observed, risks, 0.01))


def test_the_calibration_slope_tells_overconfidence():
    from sksurv.linear_model import CoxPHSurvivalAnalysis

    data = simulated(2000, 1, STRENGTH)
    twice_too_far = 1 - np.exp(-np.exp(2 * STRENGTH * data.features[:, 0] - 4))
    cox = CoxPHSurvivalAnalysis(ties="breslow").fit(data.features, models.survival_outcome(data.observed))
    slope = calibration_slope(data.observed, twice_too_far)
    assert slope == pytest.approx(0.5, abs=0.05)
    assert slope == pytest.approx(cox.coef_[0] / 2, abs=0.002)
    assert np.isnan(calibration_slope(data.observed, np.full(2000, 0.3)))


def test_observed_risk_of_the_calibration_is_that_of_the_hazard():
    data = simulated(2000, 1, STRENGTH)
    parts = calibration_bins(data.observed, true_probabilities(data, STRENGTH, 2.0), 2.0)
    assert [part.cases for part in parts] == [400] * 5
    for part in parts:
        assert part.observed == pytest.approx(part.predicted, abs=0.06)
        assert part.low < part.observed < part.high


def test_the_curve_drops_by_the_share_of_those_still_observed():
    observed = Observations(np.array([1.0, 2, 3, 4]), np.array([True, False, True, True]))
    curve = kaplan_meier(observed, np.arange(4))
    assert [curve.at(years)[0] for years in (0.5, 1, 2.5, 3, 4)] == pytest.approx([1, 0.75, 0.75, 0.375, 0])


def test_the_log_rank_test_is_that_of_scipy(observed):
    high = np.arange(60) % 3 == 0
    samples = [
        stats.CensoredData(
            uncensored=observed.times_years[group & observed.events],
            right=observed.times_years[group & ~observed.events],
        )
        for group in (high, ~high)
    ]
    expected = stats.logrank(*samples).pvalue
    assert log_rank_p(observed, high, np.arange(60)) == pytest.approx(expected)
    assert np.isnan(log_rank_p(observed, np.zeros(60, dtype=bool), np.arange(60)))


def test_curves_count_each_patient_once():
    assert one_image_each(np.array(["b", "a", "b", "c", "a"])).tolist() == [0, 1, 3]


def test_the_gain_over_another_study_is_that_of_the_same_draws(signal, found):
    worse = predict_survival(replace(signal, features=signal.features[:, [1]], names=("feature_1",)), QUICK)
    gain = gain_over(signal, found, worse)
    for name in ("c_index", "auc"):
        value, low, high = gain[name]
        assert value == pytest.approx(found.measures[name] - worse.measures[name])
        assert 0 < low < value < high
    assert gain_over(signal, found, found) == {"c_index": (0, 0, 0), "auc": (0, 0, 0)}


def test_predictions_that_are_all_equal_are_told_as_chance(monkeypatch):
    monkeypatch.setattr(models, "PENALTIES", (100.0,))  # leaves no feature
    result = predict_survival(simulated(60, 3, STRENGTH), QUICK)
    assert result.measures["c_index"] == result.measures["auc"] == 0.5
    assert result.intervals["c_index"] == (0.5, 0.5)
    assert result.measures["observed_over_predicted"] == pytest.approx(1, abs=0.05)
    assert result.predictions.chosen == {}


def test_features_that_do_not_vary_are_refused(signal):
    rare = replace(signal, features=np.eye(150)[:, :2])
    with pytest.raises(InputError, match="no feature differs between the cases of a fold"):
        predict_survival(rare, QUICK)


def test_the_partial_likelihood_is_that_of_its_definition(observed):
    risks = np.random.default_rng(2).normal(size=60)
    expected = sum(
        risks[case] - np.log(np.exp(risks[observed.times_years >= observed.times_years[case]]).sum())
        for case in np.flatnonzero(observed.events)
    )
    assert models.partial_log_likelihood(models.survival_outcome(observed), risks) == pytest.approx(expected)


def test_too_few_patients_with_an_event_are_refused(signal):
    rare = replace(signal, observed=Observations(signal.observed.times_years, np.arange(150) < 2), source="x.csv")
    with pytest.raises(InputError, match=r"x\.csv: 2 patients have an event, 3 folds need at least 3; take fewer"):
        predict_survival(rare, replace(QUICK, horizon_years=signal.observed.times_years[:2].max()))


@pytest.mark.parametrize("years", [1e-6, 50.0])
def test_a_horizon_that_nobody_reaches_is_refused(signal, years):
    with pytest.raises(InputError, match="choose a horizon between them or check the time unit"):
        predict_survival(signal, replace(QUICK, horizon_years=years))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"model": "logistic"}, "one of cox, forest"),
        ({"horizon_years": 0.0}, "above 0"),
        ({"horizon_years": float("nan")}, "above 0"),
        ({"folds": 1}, "at least 2"),
    ],
)
def test_settings_out_of_range_are_refused(options, complaint):
    with pytest.raises(SettingsError, match=complaint):
        SurvivalSettings(**options)


def test_a_missing_library_is_named(signal, monkeypatch):
    monkeypatch.setitem(sys.modules, "sksurv.util", None)
    with pytest.raises(SettingsError, match=r"needs scikit-survival; install it with pip install .camlocalizer\[surv"):
        models.survival_outcome(signal.observed)
