"""Models of the time to an event, through scikit-survival, fitted on the given cases alone."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, SettingsError
from .folds import patient_folds, sklearn_module
from .survival_data import Observations, SurvivalData

if TYPE_CHECKING:
    from .survival import SurvivalSettings

EVENTS_NEEDED = {1: "an event"}
PENALTIES = (0.01, 0.05, 0.2)
SHARES_OF_L1 = (0.1, 0.9)
TREES, LEAF_CASES = 200, 10


def fitted(data: SurvivalData, training: NDArray[np.bool_], options: SurvivalSettings) -> Any:
    """Choose features and model on inner folds of the training part, and fit them to all of it.

    Args:
        data: features, times and events.
        training: cases that may be seen.
        options: how.

    Returns:
        A scikit-learn pipeline; ``predict`` gives risks.

    Raises:
        InputError: too few patients with an event, or features that do not vary.
    """
    search = sklearn_module("model_selection")
    seen, patients = data.observed.of(training), data.patients[training]
    inner = patient_folds(
        seen.events.astype(np.int64),
        patients,
        options.inner_folds,
        options.seed,
        needed=EVENTS_NEEDED,
        source=f"{data.source}, training part of a fold",
    )
    grid = search.GridSearchCV(
        _pipeline(options),
        _grid(options, data.features.shape[1]),
        scoring=_held_out_likelihood if options.model == "cox" else None,  # None: the C-index
        cv=search.PredefinedSplit(inner - 1),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # features that are constant within a fold, penalties that leave no feature
        try:
            return grid.fit(data.features[training], survival_outcome(seen)).best_estimator_
        except ValueError as error:
            raise InputError(
                f"{data.source}: no feature differs between the cases of a fold; take features that do, or fewer folds"
            ) from error


def survival_outcome(observed: Observations) -> NDArray[Any]:
    """Return events and times as scikit-survival takes them."""
    outcome: NDArray[Any] = sksurv_module("util").Surv.from_arrays(observed.events, observed.times_years)
    return outcome


def probabilities_by(model: Any, features: NDArray[np.float64], horizon_years: float) -> NDArray[np.float64]:
    """Return the probability of an event by the horizon; the last known time of the model stands for later ones."""
    curves = model.predict_survival_function(features)
    return np.array([1 - curve(min(horizon_years, curve.domain[1])) for curve in curves])


def selected(model: Any, names: tuple[str, ...]) -> list[str]:
    """Return the features that a model uses."""
    kept = np.flatnonzero(model["vary"].get_support())[model["choose"].get_support()]
    weights = getattr(model["predict"], "coef_", None)
    return [names[index] for index in (kept if weights is None else kept[weights[:, -1] != 0])]


def null_residual_score(features: NDArray[np.float64], outcome: NDArray[Any]) -> Any:
    """Score each feature by its correlation with the martingale residuals of the model without features.

    The numerator is the score of a Cox model of this feature alone at 0.

    Source:
        Therneau, Grambsch and Fleming, Martingale-based residuals for survival models, Biometrika 77:147 (1990).
    """
    times, hazard = sksurv_module("nonparametric").nelson_aalen_estimator(outcome["event"], outcome["time"])
    residuals = outcome["event"] - hazard[np.searchsorted(times, outcome["time"])]
    return sklearn_module("feature_selection").f_regression(features, residuals)


def partial_log_likelihood(outcome: NDArray[Any], risks: NDArray[np.float64]) -> float:
    """Return Cox's partial log likelihood (Breslow's for equal times): higher for risks that fit, in size too.

    Source:
        Verweij and van Houwelingen, Cross-validation in survival analysis, Statistics in Medicine 12:2305 (1993).
    """
    order = np.argsort(-outcome["time"], kind="stable")
    times = outcome["time"][order]
    at_risk = np.logaddexp.accumulate(risks[order])  # of those observed as long or longer
    last = np.searchsorted(-times, -times, side="right") - 1
    return float((risks[order] - at_risk[last])[outcome["event"][order]].sum())


def _held_out_likelihood(model: Any, features: NDArray[np.float64], outcome: NDArray[Any]) -> float:
    return partial_log_likelihood(outcome, model.predict(features))


def sksurv_module(name: str) -> Any:
    """Import a part of scikit-survival.

    Raises:
        SettingsError: it is not installed.
    """
    try:
        return import_module(f"sksurv.{name}")
    except ImportError:
        raise SettingsError(
            'predicting times needs scikit-survival; install it with pip install "camlocalizer[survival]"'
        ) from None


def _pipeline(options: SurvivalSettings) -> Any:
    """Impute, draw in long tails, scale, choose features, predict."""
    choose, prepare = sklearn_module("feature_selection"), sklearn_module("preprocessing")
    steps = [
        ("impute", sklearn_module("impute").SimpleImputer(strategy="median", keep_empty_features=True)),
        ("vary", choose.VarianceThreshold()),
        ("centre", prepare.RobustScaler()),
        ("draw in", prepare.FunctionTransformer(np.arcsinh)),
        ("scale", prepare.StandardScaler()),
        ("choose", choose.SelectKBest(null_residual_score)),
        ("predict", _model(options)),
    ]
    return sklearn_module("pipeline").Pipeline(steps)


def _model(options: SurvivalSettings) -> Any:
    if options.model == "cox":
        return sksurv_module("linear_model").CoxnetSurvivalAnalysis(fit_baseline_model=True)
    return sksurv_module("ensemble").RandomSurvivalForest(
        TREES, min_samples_leaf=LEAF_CASES, max_features="sqrt", random_state=options.seed
    )


def _grid(options: SurvivalSettings, features: int) -> dict[str, list[Any]]:
    grid: dict[str, list[Any]] = {"choose__k": sorted({min(count, features) for count in options.feature_counts})}
    if options.model == "cox":
        grid["predict__alphas"] = [[penalty] for penalty in PENALTIES]
        grid["predict__l1_ratio"] = list(SHARES_OF_L1)
    return grid
