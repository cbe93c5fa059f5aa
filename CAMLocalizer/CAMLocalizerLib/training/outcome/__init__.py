"""Outcome: from the radiomics of tumours to a prediction, judged by nested cross-validation over patients."""

from .data import OutcomeData, read_outcome_data
from .study import OutcomeResult, OutcomeSettings, predict_outcome

__all__ = ["OutcomeData", "OutcomeResult", "OutcomeSettings", "predict_outcome", "read_outcome_data"]
