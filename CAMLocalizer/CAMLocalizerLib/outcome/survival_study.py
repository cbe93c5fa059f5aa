"""A survival study: the model, volume alone by the same folds, their difference, and shuffled outcomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..version import VERSION
from .shuffling import Shuffled, shuffled_survival
from .survival import SurvivalResult, SurvivalSettings, gain_over, predict_survival
from .survival_data import SurvivalData
from .survival_measures import calibration_bins, kaplan_meier, log_rank_p, one_image_each

GROUPS = {"low risk": False, "high risk": True}
SHOWN = {
    "c_index": "C-index",
    "auc": "AUC at {horizon:g} years",
    "calibration_slope": "calibration slope",
    "observed_over_predicted": "observed / predicted risk",
}


@dataclass(frozen=True, eq=False)
class SurvivalStudy:
    """What is found in a table of times.

    Args:
        data: the cases.
        result: of the model with all features.
        volume_name: feature that holds the volume; None where there is none.
        volume: result of Cox regression on volume alone by the same folds; None without volume.
        gain: C-index and AUC of the model minus those of volume alone, with limits; empty without volume.
        shuffled: studies of shuffled outcomes; None if not requested.
    """

    data: SurvivalData
    result: SurvivalResult
    volume_name: str | None
    volume: SurvivalResult | None
    gain: dict[str, tuple[float, float, float]]
    shuffled: Shuffled | None

    @property
    def horizon_years(self) -> float:
        """Time at which AUC and calibration are taken."""
        return float(self.result.settings["horizon_years"])


def study_survival(
    data: SurvivalData,
    settings: SurvivalSettings,
    *,
    volume_name: str | None,
    shuffles: int = 0,
    report: Callable[[str], None] | None = None,
) -> SurvivalStudy:
    """Predict times by all features and by volume alone, and compare.

    Args:
        data: the cases.
        settings: of the model; volume alone is always predicted by Cox regression.
        volume_name: feature that holds the volume, if any.
        shuffles: number of studies of shuffled outcomes.
        report: called with a sentence after each fold.

    Raises:
        InputError: data that cannot be used.
        SettingsError: scikit-survival is not installed.
    """
    result = predict_survival(data, settings, report=report)
    volume = None
    if volume_name is not None:
        column = data.names.index(volume_name)
        alone = replace(data, features=data.features[:, [column]], names=(volume_name,))
        volume = predict_survival(alone, replace(settings, model="cox"))
    gain = gain_over(data, result, volume) if volume else {}
    shuffled = shuffled_survival(data, settings, result.measures["c_index"], shuffles) if shuffles else None
    return SurvivalStudy(data, result, volume_name, volume, gain, shuffled)


def describe(study: SurvivalStudy) -> dict[str, Any]:
    """Return the figures as JSON values; what is undefined is null."""
    import sklearn
    import sksurv

    data, result = study.data, study.result
    p_value = log_rank_p(data.observed, result.predictions.high_risk, one_image_each(data.patients))
    chosen: dict[str, Any] = {
        "cases": len(data.cases),
        "patients": len(set(data.patients)),
        "events": int(data.observed.events.sum()),
        "time_unit": "years",
        "horizon_years": study.horizon_years,
        "features": len(data.names),
        "measures": _figures(result.measures),
        "intervals": _figures(result.intervals),
        "volume_alone": None,
        "gain_over_volume": _figures(study.gain),
        "risk_groups": _groups(study),
        "log_rank_p": _number(p_value, 6),
        "calibration": [
            {name: _number(value) for name, value in asdict(part).items()}
            for part in calibration_bins(data.observed, result.predictions.probabilities, study.horizon_years)
        ],
        "shuffled": None,
        "chosen_features": dict(result.predictions.chosen),
        "settings": dict(result.settings),
        "versions": {
            "camlocalizer": VERSION,
            "scikit-learn": sklearn.__version__,
            "scikit-survival": sksurv.__version__,
            "numpy": np.__version__,
        },
        "notes": list(data.notes),
    }
    if study.volume:
        measures, intervals = _figures(study.volume.measures), _figures(study.volume.intervals)
        chosen["volume_alone"] = {"feature": study.volume_name, "measures": measures, "intervals": intervals}
    if study.shuffled:
        chosen["shuffled"] = study.shuffled.as_json()
    return chosen


def sentences(study: SurvivalStudy) -> list[str]:
    """Return what was found in sentences, with confidence intervals."""
    lines = [_measured("all features", study.result, study.horizon_years)]
    if study.volume:
        lines.append(_measured(f"volume alone ({study.volume_name})", study.volume, study.horizon_years))
        lines.append(comparison_with_volume(study))
    cases = one_image_each(study.data.patients)
    p_value = log_rank_p(study.data.observed, study.result.predictions.high_risk, cases)
    if np.isnan(p_value):
        lines.append("low and high risk: all cases are in one group")
    else:
        lines.append(f"low and high risk: log-rank p {p_value:.2g}")
    if study.shuffled:
        lines.append(study.shuffled.sentence("C-index"))
    return lines


def comparison_with_volume(study: SurvivalStudy) -> str:
    """Return a sentence on whether the features predict better than volume alone."""
    value, low, high = study.gain["c_index"]
    difference = f"the difference in C-index is {value:+.3f} ({low:+.3f} to {high:+.3f})"
    if low > 0:
        return f"the features tell more than volume alone: {difference}"
    if high < 0:
        return f"the features tell less than volume alone: {difference}"
    return f"the features are not shown to tell more than volume alone: {difference}"


def _measured(title: str, result: SurvivalResult, horizon: float) -> str:
    parts = []
    for name, shown in SHOWN.items():
        low, high = result.intervals[name]
        parts.append(f"{shown.format(horizon=horizon)} {result.measures[name]:.3f} ({low:.3f} to {high:.3f})")
    return f"{title}: {', '.join(parts)}"


def _groups(study: SurvivalStudy) -> dict[str, Any]:
    """Describe the groups, one image of each patient."""
    cases = one_image_each(study.data.patients)
    found: dict[str, Any] = {}
    for name, high_risk in GROUPS.items():
        group = cases[study.result.predictions.high_risk[cases] == high_risk]
        if len(group):
            surviving, low, high = kaplan_meier(study.data.observed, group).at(study.horizon_years)
            events = int(study.data.observed.events[group].sum())
            free = {"event_free_at_horizon": _number(surviving), "low": _number(low), "high": _number(high)}
            found[name] = {"patients": len(group), "events": events, **free}
    return found


def _figures(values: Any) -> Any:
    if isinstance(values, dict):
        return {name: _figures(value) for name, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [_figures(value) for value in values]
    return _number(values)


def _number(value: float, digits: int = 4) -> float | None:
    return None if np.isnan(value) else round(float(value), digits)
