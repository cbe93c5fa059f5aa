"""Studies of shuffled outcomes: the performance by chance, about 0.5 unless information leaks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics import auc
from .data import OutcomeData
from .study import OutcomeSettings
from .study import out_of_fold as outcomes_out_of_fold
from .survival import SurvivalSettings
from .survival import out_of_fold as survival_out_of_fold
from .survival_data import SurvivalData
from .survival_measures import c_index_of


@dataclass(frozen=True)
class Shuffled:
    """Figures of studies whose outcomes were dealt to patients at random.

    Args:
        values: C-index or AUC of each study.
        mean: of them; about 0.5 where nothing leaks.
        p_value: share of studies at least as good as the true one, which counts as one of them.
    """

    values: tuple[float, ...]
    mean: float
    p_value: float

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        values = [round(value, 4) for value in self.values]
        return {"values": values, "mean": round(self.mean, 4), "p_value": round(self.p_value, 4)}

    def sentence(self, measure: str) -> str:
        """Return the result of shuffled outcomes in a sentence that names the measure."""
        count = len(self.values)
        return f"{count} times with shuffled outcomes: mean {measure} {self.mean:.3f}, p {self.p_value:.2g}"


def shuffled_survival(data: SurvivalData, settings: SurvivalSettings, true_c_index: float, count: int) -> Shuffled:
    """Repeat a study with times and events dealt to other patients, and take the C-index.

    Args:
        data: the true cases.
        settings: of every study.
        true_c_index: of the study with the true outcomes.
        count: number of studies, at least 1.
    """

    def c_index(cases: NDArray[np.intp]) -> float:
        given = replace(data, observed=data.observed.of(cases))
        risks = survival_out_of_fold(given, settings).risks
        return c_index_of(given.observed, risks)(np.arange(len(risks)))

    return _summary([c_index(_shuffled_cases(data.patients, seed)) for seed in range(count)], true_c_index)


def shuffled_outcomes(data: OutcomeData, settings: OutcomeSettings, true_auc: float, count: int) -> Shuffled:
    """Repeat a study with outcomes dealt to other patients, and take the AUC.

    Args:
        data: the true cases.
        settings: of every study.
        true_auc: of the study with the true outcomes.
        count: number of studies, at least 1.
    """

    def area(cases: NDArray[np.intp]) -> float:
        given = replace(data, outcomes=data.outcomes[cases])
        return auc(given.outcomes == 1, outcomes_out_of_fold(given, settings)[0])

    return _summary([area(_shuffled_cases(data.patients, seed)) for seed in range(count)], true_auc)


def _shuffled_cases(patients: NDArray[np.str_], seed: int) -> NDArray[np.intp]:
    """Return the case whose outcome each case gets: the first one of a patient drawn for its own patient."""
    names, first, owner = np.unique(patients, return_index=True, return_inverse=True)
    dealt: NDArray[np.intp] = first[np.random.default_rng(seed).permutation(len(names))][owner]
    return dealt


def _summary(values: list[float], true: float) -> Shuffled:
    as_good = sum(value >= true for value in values)
    return Shuffled(tuple(values), float(np.mean(values)), (1 + as_good) / (1 + len(values)))
