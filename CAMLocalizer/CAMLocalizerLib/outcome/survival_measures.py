"""Measures of survival predictions: discrimination of risks, calibration of probabilities."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from .survival_data import Observations, SurvivalData
from .survival_models import sksurv_module, survival_outcome

MEASURES = ("c_index", "auc", "calibration_slope", "observed_over_predicted")
TIED_RISKS = 1e-8  # as in scikit-survival
SMALLEST_PROBABILITY = 1e-6
CALIBRATION_BINS = 5


@dataclass(frozen=True)
class ObservedRisk:
    """Probability of the event by the horizon, as observed in some cases (Kaplan-Meier).

    Args:
        cases: their number.
        predicted: mean of their predicted probabilities.
        observed: share that has the event by the horizon.
        low, high: limits of the 95 % interval of ``observed``; nan where there is none.
    """

    cases: int
    predicted: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Curve:
    """A Kaplan-Meier curve.

    Args:
        times_years: shape (N,), from 0 on.
        surviving: share without event from each time on, the same shape.
        low, high: limits of its 95 % interval, the same shape.
    """

    times_years: NDArray[np.float64]
    surviving: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def at(self, years: float) -> tuple[float, float, float]:
        """Return share and limits at a time."""
        index = int(np.searchsorted(self.times_years, years, side="right")) - 1
        return float(self.surviving[index]), float(self.low[index]), float(self.high[index])


def check_horizon(data: SurvivalData, horizon_years: float) -> None:
    """Refuse a horizon before the first event or beyond the longest observation.

    Raises:
        InputError: such a horizon.
    """
    first, longest = data.observed.times_years[data.observed.events].min(), data.observed.times_years.max()
    if not first <= horizon_years < longest:
        raise InputError(
            f"{data.source}: the first event is at {first:.3g} years and the longest observation {longest:.3g} years, "
            f"so nothing can be said of {horizon_years:g} years; choose a horizon between them or check the time unit"
        )


def c_index_of(observed: Observations, risks: NDArray[np.float64]) -> Callable[[NDArray[np.intp]], float]:
    """Prepare Harrell's C-index of cases drawn with repetitions.

    All pairs are compared once; a draw only counts how often each case is in it. The result is that of scikit-survival
    on the cases drawn.

    Args:
        observed: times and events of N cases.
        risks: higher for earlier events, shape (N,).

    Returns:
        Takes indices of cases and returns 0 to 1, nan where no pair can be compared.

    Source:
        Harrell et al., Evaluating the yield of medical tests, JAMA 247:2543 (1982).
    """
    times_years, events = observed.times_years, observed.events
    earlier = times_years[:, None] < times_years
    outlived = (times_years[:, None] == times_years) & ~events
    pairs = (events[:, None] & (earlier | outlived)).astype(np.float64)  # (N, N): row has the event before column
    lead = risks[:, None] - risks
    right = pairs * np.where(np.abs(lead) <= TIED_RISKS, 0.5, lead > 0)

    def measure(drawn: NDArray[np.intp]) -> float:
        counts = np.bincount(drawn, minlength=len(risks)).astype(np.float64)
        total = counts @ pairs @ counts
        return float(counts @ right @ counts / total) if total else float("nan")

    return measure


def auc_at(observed: Observations, risks: NDArray[np.float64], years: float) -> float:
    """Return the AUC of cases with an event until a time against cases observed beyond it; see :func:`aucs_at`."""
    return float(aucs_at(observed, risks, np.array([years]))[0])


def aucs_at(observed: Observations, risks: NDArray[np.float64], years: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the AUC of cases with an event until each time against cases observed beyond it.

    Censored cases are made up for by inverse probability of censoring weights.

    Args:
        observed: times and events of N cases.
        risks: higher for earlier events, shape (N,).
        years: the times, rising, shape (T,).

    Returns:
        Shape (T,), 0 to 1; all nan where there is no event until the first time or no case beyond the last.

    Source:
        Uno et al., Evaluating prediction rules for t-year survivors, JASA 102:527 (2007).
    """
    beyond = years[-1] * 1.001 + 1e-9  # what happens later has no influence
    times, events = np.minimum(observed.times_years, beyond), observed.events & (observed.times_years <= years[-1])
    if not (events & (times <= years[0])).any() or times.max() < beyond:
        return np.full(len(years), np.nan)
    outcome = sksurv_module("util").Surv.from_arrays(events, times)
    areas: NDArray[np.float64] = sksurv_module("metrics").cumulative_dynamic_auc(outcome, outcome, risks, years)[0]
    return areas


def calibration_slope(observed: Observations, probabilities: NDArray[np.float64]) -> float:
    """Return the slope of a Cox model on the predicted log cumulative hazard: 1 is right, less is overconfident.

    Returns:
        nan where all probabilities are equal.

    Source:
        van Houwelingen, Validation, calibration, revision and combination of prognostic survival models,
        Statistics in Medicine 19:3401 (2000).
    """
    clipped = np.clip(probabilities, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    hazard = np.log(-np.log1p(-clipped))
    if (spread := hazard.std()) < TIED_RISKS:
        return float("nan")
    model = sksurv_module("linear_model").CoxnetSurvivalAnalysis(alphas=[1e-6], l1_ratio=0.5)
    model.fit(((hazard - hazard.mean()) / spread)[:, None], survival_outcome(observed))
    return float(model.coef_[0, 0] / spread)


def kaplan_meier(observed: Observations, cases: NDArray[Any]) -> Curve:
    """Estimate the share without event over time from some cases, with 95 % log-log intervals."""
    estimate = sksurv_module("nonparametric").kaplan_meier_estimator
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # limits are undefined where nobody or everybody is left
        part = observed.of(cases)
        times, surviving, (low, high) = estimate(part.events, part.times_years, conf_type="log-log")
    start = [np.concatenate([[first], values]) for first, values in ((0, times), (1, surviving), (1, low), (1, high))]
    return Curve(*start)


def observed_risk(
    observed: Observations, probabilities: NDArray[np.float64], cases: NDArray[Any], horizon_years: float
) -> ObservedRisk:
    """Compare the mean predicted probability of some cases with what was observed."""
    surviving, low, high = kaplan_meier(observed, cases).at(horizon_years)
    chosen = probabilities[cases]
    return ObservedRisk(len(chosen), float(chosen.mean()), 1 - surviving, 1 - high, 1 - low)


def calibration_bins(
    observed: Observations, probabilities: NDArray[np.float64], horizon_years: float
) -> tuple[ObservedRisk, ...]:
    """Sort cases by predicted probability into parts of equal size, those with least risk first."""
    parts = np.array_split(np.argsort(probabilities, kind="stable"), CALIBRATION_BINS)
    return tuple(observed_risk(observed, probabilities, part, horizon_years) for part in parts if len(part))


def log_rank_p(observed: Observations, high_risk: NDArray[np.bool_], cases: NDArray[np.intp]) -> float:
    """Return the p-value of the log-rank test between the groups; nan where all cases are in one."""
    if len(set(high_risk[cases])) < 2:
        return float("nan")
    compare = sksurv_module("compare").compare_survival
    return float(compare(survival_outcome(observed.of(cases)), high_risk[cases])[1])


def one_image_each(patients: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return the index of the first image of every patient: curves and tests count patients."""
    return np.sort(np.unique(patients, return_index=True)[1])


def measures_of(
    observed: Observations,
    risks: NDArray[np.float64],
    probabilities: NDArray[np.float64],
    horizon_years: float,
) -> Callable[[NDArray[np.intp]], list[float]]:
    """Prepare :data:`MEASURES` of cases drawn with repetitions; each is nan where it is undefined."""
    c_index = c_index_of(observed, risks)

    def measure(drawn: NDArray[np.intp]) -> list[float]:
        part = observed.of(drawn)
        if not part.events.any():
            return [float("nan")] * len(MEASURES)
        seen = observed_risk(part, probabilities[drawn], np.arange(len(drawn)), horizon_years)
        return [
            c_index(drawn),
            auc_at(part, risks[drawn], horizon_years),
            calibration_slope(part, probabilities[drawn]),
            seen.observed / max(seen.predicted, SMALLEST_PROBABILITY),
        ]

    return measure
