"""Nested cross-validation over patients."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, SettingsError
from ..metrics import auc, bootstrap_interval, classification_report
from .data import OutcomeData
from .folds import patient_folds, sklearn_module
from .settings import StudySettings

CLASSIFIERS = ("logistic", "forest")
POSITIVE_FROM = 0.5
BOTH_OUTCOMES = {0: "the outcome 0", 1: "the outcome 1"}
MEASURES = ("accuracy", "sensitivity", "specificity", "auc")


@dataclass(frozen=True, kw_only=True)
class OutcomeSettings(StudySettings):
    """How outcomes are predicted.

    Args:
        classifier: ``logistic`` (L2 regression) or ``forest`` (random forest).
    """

    classifier: str = "logistic"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.classifier not in CLASSIFIERS:
            raise SettingsError(f"classifier must be one of {', '.join(CLASSIFIERS)}, got {self.classifier!r}")


@dataclass(frozen=True, eq=False)
class OutcomeResult:
    """What the cross-validation found; every case was predicted once, by a model that never saw its patient.

    Args:
        probabilities: of outcome 1 per case.
        folds: outer fold of each case, from 1.
        measures: accuracy, sensitivity and specificity at a probability of 0.5, and AUC.
        intervals: confidence interval of each measure, by resampling patients.
        chosen: name of each feature to the number of outer folds that chose it, most often chosen first.
        settings: as used.
    """

    probabilities: NDArray[np.float64]
    folds: NDArray[np.int64]
    measures: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    chosen: Mapping[str, int]
    settings: Mapping[str, Any]


def predict_outcome(
    data: OutcomeData, settings: OutcomeSettings | None = None, *, report: Callable[[str], None] | None = None
) -> OutcomeResult:
    """Predict every outcome from the features of other patients.

    Imputing, scaling, choosing features and tuning the classifier all happen within the training part of each outer
    fold, so that no held-out case has a say in them.

    Args:
        data: features and outcomes.
        settings: how.
        report: called with a sentence after each outer fold.

    Raises:
        InputError: too few patients of an outcome for the folds, or features that do not vary.
        SettingsError: scikit-learn is not installed.

    Source:
        The last step of Amyar et al. 2020: radiomics of the tumour, then a classifier of outcome, fivefold
        cross-validation. The nesting follows Varma and Simon, BMC Bioinformatics 7:91 (2006).
    """
    options = settings or OutcomeSettings()
    probabilities, folds, chosen = out_of_fold(data, options, report=report)
    return OutcomeResult(
        probabilities=probabilities,
        folds=folds,
        measures=_measures(data.outcomes, probabilities),
        intervals=_intervals(data, probabilities, options),
        chosen=dict(sorted(chosen.items(), key=lambda entry: (-entry[1], entry[0]))),
        settings=asdict(options),
    )


def out_of_fold(
    data: OutcomeData, options: OutcomeSettings, *, report: Callable[[str], None] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.int64], dict[str, int]]:
    """Return probability and outer fold of each case, and how many folds chose each feature."""
    folds = patient_folds(data.outcomes, data.patients, options.folds, options.seed, needed=BOTH_OUTCOMES)
    probabilities = np.zeros(len(data.outcomes))
    chosen: dict[str, int] = {}
    for fold in range(1, options.folds + 1):
        training = folds != fold
        model = _fitted(data, training, options)
        probabilities[~training] = model.predict_proba(data.features[~training])[:, 1]
        for name in _selected(model, data.names):
            chosen[name] = chosen.get(name, 0) + 1
        if report is not None:
            report(f"fold {fold} of {options.folds}: {int((~training).sum())} cases predicted")
    return probabilities, folds, chosen


def _fitted(data: OutcomeData, training: NDArray[np.bool_], options: OutcomeSettings) -> Any:
    selection = sklearn_module("model_selection")
    outcomes, patients = data.outcomes[training], data.patients[training]
    inner = patient_folds(outcomes, patients, options.inner_folds, options.seed, needed=BOTH_OUTCOMES)
    search = selection.GridSearchCV(
        _pipeline(options),
        _grid(options, data.features.shape[1]),
        scoring="roc_auc",
        cv=selection.PredefinedSplit(inner - 1),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # features that are constant within a fold have no F value
        try:
            return search.fit(data.features[training], outcomes).best_estimator_
        except ValueError as error:
            raise InputError("no feature differs between the cases of a fold; nothing can be learnt there") from error


def _pipeline(options: OutcomeSettings) -> Any:
    choose = sklearn_module("feature_selection")
    if options.classifier == "logistic":
        classifier = sklearn_module("linear_model").LogisticRegression(class_weight="balanced", max_iter=2000)
    else:
        classifier = sklearn_module("ensemble").RandomForestClassifier(
            200, class_weight="balanced", min_samples_leaf=3, random_state=options.seed
        )
    steps = [
        ("impute", sklearn_module("impute").SimpleImputer(strategy="median", keep_empty_features=True)),
        ("vary", choose.VarianceThreshold()),
        ("scale", sklearn_module("preprocessing").StandardScaler()),
        ("choose", choose.SelectKBest(choose.f_classif)),
        ("classify", classifier),
    ]
    return sklearn_module("pipeline").Pipeline(steps)


def _grid(options: OutcomeSettings, features: int) -> dict[str, list[Any]]:
    counts = sorted({min(count, features) for count in options.feature_counts})
    grid: dict[str, list[Any]] = {"choose__k": counts}
    if options.classifier == "logistic":
        grid["classify__C"] = [0.01, 0.1, 1.0]
    return grid


def _selected(model: Any, names: tuple[str, ...]) -> list[str]:
    kept = np.flatnonzero(model["vary"].get_support())[model["choose"].get_support()]
    return [names[index] for index in kept]


def _measures(outcomes: NDArray[np.int64], probabilities: NDArray[np.float64]) -> dict[str, float]:
    found = classification_report(outcomes, np.stack([1 - probabilities, probabilities], axis=1))
    return {name: float(getattr(found, name)) for name in MEASURES}


def _intervals(
    data: OutcomeData, probabilities: NDArray[np.float64], options: OutcomeSettings
) -> dict[str, tuple[float, float]]:
    """Resample patients with replacement; resamplings that lack an outcome are drawn again."""

    def measure(drawn: NDArray[np.intp]) -> list[float]:
        outcomes = data.outcomes[drawn]
        if not 0 < outcomes.sum() < len(outcomes):
            return [float("nan")] * len(MEASURES)
        return _quick_measures(outcomes, probabilities[drawn])

    limits = bootstrap_interval(  # (2, measures)
        data.patients, measure, draws=options.bootstraps, confidence=options.confidence, seed=options.seed
    )
    return {name: (float(limits[0, n]), float(limits[1, n])) for n, name in enumerate(MEASURES)}


def _quick_measures(outcomes: NDArray[np.int64], probabilities: NDArray[np.float64]) -> list[float]:
    """Return :data:`MEASURES` of cases with both outcomes, as :func:`classification_report` does, in less time."""
    positive, found = outcomes == 1, probabilities > POSITIVE_FROM
    return [
        float((positive == found).mean()),
        float(found[positive].mean()),
        float((~found[~positive]).mean()),
        auc(positive, probabilities),
    ]
