"""Features and outcomes of cases, joined by the name of the image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from ..io.tables import read_table
from .features import IMAGE, PATIENT, features_of

OUTCOME = "outcome"
OUTCOMES = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}


@dataclass(frozen=True, eq=False)
class OutcomeData:
    """Features and outcome of every case.

    Args:
        features: shape (cases, features); nan where a case has none. Every feature differs between cases.
        names: of the features.
        outcomes: 0 or 1 per case.
        patients: whose case it is; cases of one patient never lie on both sides of a split.
        cases: names of the images.
        notes: what was left out, in sentences.
    """

    features: NDArray[np.float64]
    names: tuple[str, ...]
    outcomes: NDArray[np.int64]
    patients: NDArray[np.str_]
    cases: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_outcome_data(features: Path, outcomes: Path, *, segment: str | None = None) -> OutcomeData:
    """Join a table of radiomics with a table of outcomes.

    Args:
        features: CSV of ``camlocalizer radiomics``, or several of them in one: ``Image``, ``Segment`` and features.
            Rows of single components are left out.
        outcomes: CSV with ``Image``, ``outcome`` (0 or 1) and perhaps ``patient``; without it every image is a patient.
        segment: segment that is taken of each image; may be left out where each has one.

    Returns:
        The cases in both tables, in the order of ``outcomes``.

    Raises:
        InputError: columns that are missing, outcomes that are not 0 or 1, images that come twice, one outcome only,
            no case or no feature in common.
    """
    known = _outcomes(outcomes)
    found = features_of(tuple(known), features, outcomes, segment=segment)
    values = [known[name][0] for name in found.cases]
    if len(set(values)) < 2:
        raise InputError(f"{outcomes}: every case has the outcome {values[0]}; both 0 and 1 are needed")
    patients = np.array([known[name][1] for name in found.cases])
    return OutcomeData(found.features, found.names, np.array(values), patients, found.cases, found.notes)


def _outcomes(path: Path) -> dict[str, tuple[int, str]]:
    table = read_table(path, (IMAGE, OUTCOME), known=(PATIENT,))
    if not table.lines:
        raise InputError(f"{path}: has no rows")
    found: dict[str, tuple[int, str]] = {}
    for line in table.lines:
        name, outcome = line.cells[IMAGE], line.cells[OUTCOME]
        if outcome not in OUTCOMES:
            raise InputError(f"{path}, line {line.number}: outcome must be 0 or 1, got {outcome!r}")
        if name in found:
            raise InputError(f"{path}, line {line.number}: image {name} comes twice")
        found[name] = OUTCOMES[outcome], line.cells.get(PATIENT) or name
    return found
