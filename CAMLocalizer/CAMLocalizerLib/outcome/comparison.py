"""Comparisons for a study of binary outcomes: volume alone by the same folds, and shuffled outcomes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics import auc, bootstrap_interval
from .data import OutcomeData
from .shuffling import Shuffled, shuffled_outcomes
from .study import OutcomeResult, OutcomeSettings, predict_outcome


@dataclass(frozen=True, eq=False)
class OutcomeComparison:
    """Figures beside those of a study.

    Args:
        volume_name: feature that holds the volume; None where there is none.
        volume: result of logistic regression on volume alone by the same folds; None without volume.
        auc_gain: AUC of the study minus that of volume alone, and limits of its interval; None without volume.
        shuffled: studies of shuffled outcomes; None if not requested.
    """

    volume_name: str | None = None
    volume: OutcomeResult | None = None
    auc_gain: tuple[float, float, float] | None = None
    shuffled: Shuffled | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        found: dict[str, Any] = {"volume_alone": None, "auc_gain_over_volume": None, "shuffled": None}
        if self.volume and self.auc_gain:
            measures = {name: round(value, 4) for name, value in self.volume.measures.items()}
            intervals = {name: [round(limit, 4) for limit in pair] for name, pair in self.volume.intervals.items()}
            found["volume_alone"] = {"feature": self.volume_name, "measures": measures, "intervals": intervals}
            found["auc_gain_over_volume"] = [round(value, 4) for value in self.auc_gain]
        if self.shuffled:
            found["shuffled"] = self.shuffled.as_json()
        return found


def compare_outcome(
    data: OutcomeData,
    result: OutcomeResult,
    settings: OutcomeSettings,
    *,
    volume_name: str | None,
    shuffles: int = 0,
) -> OutcomeComparison:
    """Predict the outcome by volume alone, and shuffled outcomes by all features.

    Args:
        data: the cases.
        result: of the study with all features.
        settings: of that study; volume alone is always predicted by logistic regression.
        volume_name: feature that holds the volume, if any.
        shuffles: number of studies of shuffled outcomes.

    Raises:
        InputError: too few patients of an outcome for the folds.
    """
    shuffled = shuffled_outcomes(data, settings, result.measures["auc"], shuffles) if shuffles else None
    if volume_name is None:
        return OutcomeComparison(shuffled=shuffled)
    column = data.names.index(volume_name)
    alone = replace(data, features=data.features[:, [column]], names=(volume_name,))
    volume = predict_outcome(alone, replace(settings, classifier="logistic"))
    return OutcomeComparison(volume_name, volume, _gain(data, result, volume, settings), shuffled)


def _gain(
    data: OutcomeData, result: OutcomeResult, other: OutcomeResult, settings: OutcomeSettings
) -> tuple[float, float, float]:
    positive = data.outcomes == 1

    def gain(drawn: NDArray[np.intp]) -> float:
        truth = positive[drawn]
        return auc(truth, result.probabilities[drawn]) - auc(truth, other.probabilities[drawn])

    low, high = bootstrap_interval(
        data.patients, gain, draws=settings.bootstraps, confidence=settings.confidence, seed=settings.seed
    )
    return gain(np.arange(len(positive))), float(low), float(high)
