"""Pictures of a survival study: survival of the predicted groups, calibration, and AUC over time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..metrics import bootstrap_interval
from .survival_measures import Curve, aucs_at, calibration_bins, kaplan_meier, log_rank_p, one_image_each
from .survival_study import GROUPS, SurvivalStudy

COLOURS = {"low risk": "#08519c", "high risk": "#b30000"}
GREY = "#636363"
DPI = 130
AUC_TIMES, AUC_DRAWS = 16, 200
FEWEST_LEFT = 0.1


def draw_kaplan_meier(study: SurvivalStudy, path: Path, *, description: str = "") -> None:
    """Draw the share without event over time in the groups of low and high predicted risk, with 95 % bands."""
    figure, axes = _figure((5.4, 4.4))
    observed, high_risk = study.data.observed, study.result.predictions.high_risk
    cases = one_image_each(study.data.patients)
    longest = float(observed.times_years.max())
    for name, is_high in GROUPS.items():
        group = cases[high_risk[cases] == is_high]
        if len(group):
            curve = kaplan_meier(observed, group)
            label = f"{name}: {len(group)} patients, {int(observed.events[group].sum())} events"
            _draw_steps(axes, curve, COLOURS[name], label)
            ended = observed.times_years[group][~observed.events[group]]
            axes.plot(ended, [curve.at(time)[0] for time in ended], "|", color=COLOURS[name], markersize=5)
    axes.axvline(study.horizon_years, color="0.6", linestyle=":", linewidth=1)
    p_value = log_rank_p(observed, high_risk, cases)
    axes.set(xlim=(0, longest), ylim=(0, 1.02), xlabel="years", ylabel="share without event")
    axes.legend(loc="upper right", frameon=False, title=f"log-rank p {p_value:.2g}" if p_value == p_value else None)
    figure.savefig(path, metadata={"Description": description})


def draw_calibration(study: SurvivalStudy, path: Path, *, description: str = "") -> None:
    """Draw predicted against observed risk at the horizon in five parts of the cases, with 95 % intervals."""
    figure, axes = _figure((4.6, 4.6))
    results = {"all features": (study.result, COLOURS["low risk"], "o")}
    if study.volume:
        results["volume alone"] = (study.volume, GREY, "s")
    for title, (result, colour, marker) in results.items():
        parts = calibration_bins(study.data.observed, result.predictions.probabilities, study.horizon_years)
        values = np.array([(part.predicted, part.observed, part.low, part.high) for part in parts]).T
        reach = np.nan_to_num(np.abs(values[2:] - values[1]))
        slope = result.measures["calibration_slope"]
        label = f"{title}, slope {slope:.2f}"
        axes.errorbar(values[0], values[1], yerr=reach, color=colour, marker=marker, markersize=5, lw=1, label=label)
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
    years = f"{study.horizon_years:g} years"
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set(xlabel=f"predicted risk at {years}", ylabel=f"observed risk at {years}")
    axes.legend(loc="upper left", frameon=False)
    figure.savefig(path, metadata={"Description": description})


def draw_auc(study: SurvivalStudy, path: Path, *, description: str = "") -> None:
    """Draw the AUC over time of all features, with the band that resampled patients give, and of volume alone."""
    figure, axes = _figure((5.4, 3.8))
    observed, settings = study.data.observed, study.result.settings
    times = np.linspace(*_span(study), AUC_TIMES)

    def aucs(risks: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        return aucs_at(observed.of(drawn), risks[drawn], times)

    everyone, risks = np.arange(len(study.data.cases)), study.result.predictions.risks
    low, high = bootstrap_interval(
        study.data.patients,
        lambda drawn: aucs(risks, drawn),
        draws=AUC_DRAWS,
        confidence=settings["confidence"],
        seed=settings["seed"],
    )
    axes.fill_between(times, low, high, color=COLOURS["low risk"], alpha=0.2, linewidth=0)
    axes.plot(times, aucs(risks, everyone), color=COLOURS["low risk"], label="all features")
    if study.volume:
        axes.plot(times, aucs(study.volume.predictions.risks, everyone), color=GREY, ls="--", label="volume alone")
    axes.axhline(0.5, color="0.6", linewidth=1)
    axes.axvline(study.horizon_years, color="0.6", linestyle=":", linewidth=1)
    axes.set(xlabel="years", ylabel="AUC", ylim=(0.3, 1))
    axes.legend(loc="upper right", frameon=False)
    figure.savefig(path, metadata={"Description": description})


def _span(study: SurvivalStudy) -> tuple[float, float]:
    """Return the times between which a tenth of the cases at least had the event, and a tenth is still observed."""
    observed = study.data.observed
    first = float(np.quantile(observed.times_years[observed.events], FEWEST_LEFT))
    last = float(np.quantile(observed.times_years, 1 - FEWEST_LEFT))
    return min(first, study.horizon_years), max(last, study.horizon_years)


def _draw_steps(axes: Any, curve: Curve, colour: str, label: str) -> None:
    axes.step(curve.times_years, curve.surviving, where="post", color=colour, label=label)
    band = {"color": colour, "alpha": 0.15, "linewidth": 0, "step": "post"}
    axes.fill_between(curve.times_years, curve.low, curve.high, **band)


def _figure(size: tuple[float, float]) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    return figure, figure.add_subplot()
