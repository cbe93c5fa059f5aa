"""Outcome: from the radiomics of tumours to a prediction, judged by nested cross-validation over patients."""

from .data import OutcomeData, read_outcome_data
from .features import volume_feature
from .study import OutcomeResult, OutcomeSettings, predict_outcome
from .survival import SurvivalResult, SurvivalSettings, predict_survival
from .survival_data import Observations, SurvivalData, has_times, read_survival_data

__all__ = [
    "Observations",
    "OutcomeData",
    "OutcomeResult",
    "OutcomeSettings",
    "SurvivalData",
    "SurvivalResult",
    "SurvivalSettings",
    "has_times",
    "predict_outcome",
    "predict_survival",
    "read_outcome_data",
    "read_survival_data",
    "volume_feature",
]
