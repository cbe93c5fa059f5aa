"""Nested cross-validation over patients for the time to an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import SettingsError
from ..metrics import bootstrap_interval
from .folds import patient_folds
from .settings import StudySettings
from .survival_data import SurvivalData
from .survival_measures import MEASURES, auc_at, c_index_of, check_horizon, measures_of
from .survival_models import EVENTS_NEEDED, fitted, probabilities_by, selected

MODELS = ("cox", "forest")
GAINS = ("c_index", "auc")


@dataclass(frozen=True, kw_only=True)
class SurvivalSettings(StudySettings):
    """How the time to an event is predicted.

    Args:
        model: ``cox`` (Cox regression with elastic net) or ``forest`` (random survival forest).
        horizon_years: time at which AUC and calibration are taken, above 0.
    """

    bootstraps: int = 1000
    model: str = "cox"
    horizon_years: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model not in MODELS:
            raise SettingsError(f"model of times must be one of {', '.join(MODELS)}, got {self.model!r}")
        if not 0 < self.horizon_years < float("inf"):
            raise SettingsError(f"horizon must be above 0 years, got {self.horizon_years:g}")


@dataclass(frozen=True, eq=False)
class Predictions:
    """What models that never saw a case's patient say of it.

    Args:
        risks: higher for earlier events; of Cox, the logarithm of the hazard relative to the training part's mean.
        probabilities: of the event by the horizon.
        high_risk: whether the risk is above the median of the cases that the model was fitted to.
        folds: outer fold of each case, from 1.
        chosen: name of each feature to the number of outer folds that used it.
    """

    risks: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    high_risk: NDArray[np.bool_]
    folds: NDArray[np.int64]
    chosen: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class SurvivalResult:
    """What the cross-validation found.

    Args:
        predictions: of every case.
        measures: Harrell's C-index, AUC at the horizon, calibration slope, and risk observed by the horizon divided by
            the mean predicted one; nan where undefined.
        intervals: confidence interval of each, by resampling patients; nan where it is often undefined.
        settings: as used.
    """

    predictions: Predictions
    measures: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    settings: Mapping[str, Any]


def predict_survival(
    data: SurvivalData, settings: SurvivalSettings | None = None, *, report: Callable[[str], None] | None = None
) -> SurvivalResult:
    """Predict the risk of every case from the features, times and events of other patients.

    Imputing, scaling, choosing features, tuning the model and the border between low and high risk all happen within
    the training part of each outer fold, so that no held-out case has a say in them.

    Args:
        data: features, times and events.
        settings: how.
        report: called with a sentence after each outer fold.

    Raises:
        InputError: too few patients with an event for the folds, a horizon without events before or observations
            after it, or features that do not vary.
        SettingsError: scikit-survival is not installed.

    Source:
        Cox with elastic net: Simon et al., J Stat Softw 39(5) (2011). Random survival forest: Ishwaran et al., Ann Appl
        Stat 2:841 (2008). The nesting follows Varma and Simon, BMC Bioinformatics 7:91 (2006).
    """
    options = settings or SurvivalSettings()
    check_horizon(data, options.horizon_years)
    found = out_of_fold(data, options, report=report)
    measure = measures_of(data.observed, found.risks, found.probabilities, options.horizon_years)
    values = np.array(measure(np.arange(len(data.cases))))
    defined = np.flatnonzero(~np.isnan(values))
    limits = np.full((2, len(MEASURES)), np.nan)
    limits[:, defined] = bootstrap_interval(
        data.patients,
        lambda drawn: np.array(measure(drawn))[defined],
        draws=options.bootstraps,
        confidence=options.confidence,
        seed=options.seed,
    )
    return SurvivalResult(
        predictions=found,
        measures=dict(zip(MEASURES, values.tolist(), strict=True)),
        intervals={name: (float(limits[0, n]), float(limits[1, n])) for n, name in enumerate(MEASURES)},
        settings=asdict(options),
    )


def out_of_fold(
    data: SurvivalData, options: SurvivalSettings, *, report: Callable[[str], None] | None = None
) -> Predictions:
    """Predict every case by a model that never saw its patient."""
    folds = patient_folds(
        data.observed.events.astype(np.int64),
        data.patients,
        options.folds,
        options.seed,
        needed=EVENTS_NEEDED,
        source=data.source,
    )
    risks, probabilities = np.zeros(len(folds)), np.zeros(len(folds))
    high_risk = np.zeros(len(folds), dtype=bool)
    chosen: dict[str, int] = {}
    for fold in range(1, options.folds + 1):
        training, held_out = folds != fold, folds == fold
        model = fitted(data, training, options)
        risks[held_out] = model.predict(data.features[held_out])
        probabilities[held_out] = probabilities_by(model, data.features[held_out], options.horizon_years)
        high_risk[held_out] = risks[held_out] > np.median(model.predict(data.features[training]))
        for name in selected(model, data.names):
            chosen[name] = chosen.get(name, 0) + 1
        if report is not None:
            report(f"fold {fold} of {options.folds}: {int(held_out.sum())} cases predicted")
    often = dict(sorted(chosen.items(), key=lambda entry: (-entry[1], entry[0])))
    return Predictions(risks, probabilities, high_risk, folds, often)


def gain_over(
    data: SurvivalData, result: SurvivalResult, other: SurvivalResult
) -> dict[str, tuple[float, float, float]]:
    """Compare two studies of the same cases.

    Args:
        data: the cases.
        result: one study.
        other: the study it is held against, with the same horizon.

    Returns:
        C-index and AUC at the horizon of ``result`` minus those of ``other``, each with the limits of an interval from
        the same resampled patients for both.
    """
    settings, observed = result.settings, data.observed
    risks = [study.predictions.risks for study in (result, other)]
    c_indices = [c_index_of(observed, each) for each in risks]
    horizon = settings["horizon_years"]

    def gains(drawn: NDArray[np.intp]) -> list[float]:
        ours, theirs = (measure(drawn) for measure in c_indices)
        our_auc, their_auc = (auc_at(observed.of(drawn), each[drawn], horizon) for each in risks)
        return [ours - theirs, our_auc - their_auc]

    limits = bootstrap_interval(
        data.patients,
        gains,
        draws=settings["bootstraps"],
        confidence=settings["confidence"],
        seed=settings["seed"],
    )
    found = gains(np.arange(len(data.cases)))
    return {name: (found[n], float(limits[0, n]), float(limits[1, n])) for n, name in enumerate(GAINS)}
