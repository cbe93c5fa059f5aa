"""Settings that all studies of outcomes share."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import SettingsError


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """How cases are dealt, features chosen and intervals drawn.

    Args:
        folds: outer folds, at least 2.
        inner_folds: folds within each training part, on which features and model are chosen; at least 2.
        feature_counts: numbers of features to choose among.
        bootstraps: resamplings of patients for the confidence intervals, at least 100.
        confidence: of the intervals, 0 to 1.
        seed: of folds, model and resampling.
    """

    folds: int = 5
    inner_folds: int = 4
    feature_counts: tuple[int, ...] = (3, 6, 12)
    bootstraps: int = 2000
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.folds, self.inner_folds) < 2:
            raise SettingsError(f"folds must be at least 2, got {self.folds} and {self.inner_folds}")
        if self.bootstraps < 100:
            raise SettingsError(f"resamplings must be at least 100, got {self.bootstraps}")
        if not 0 <= self.seed < 2**32:
            raise SettingsError(f"seed must lie between 0 and 2**32 - 1, got {self.seed}")
        if not 0 < self.confidence < 1:
            raise SettingsError(f"confidence must lie between 0 and 1, got {self.confidence}")
