"""Features and outcomes of cases, joined by the name of the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core import InputError
from ...io.tables import Table, read_table

IMAGE, SEGMENT, NOTE = "Image", "Segment", "Note"
OUTCOME, PATIENT = "outcome", "patient"
TABLE_COLUMNS = (IMAGE, "Mask", SEGMENT, NOTE)
NO_FEATURES = ("diagnostics_", "CAMLocalizer_", "sitk_version")
OUTCOMES = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
Row = Mapping[str, str]


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
            Rows of single regions are left out.
        outcomes: CSV with ``Image``, ``outcome`` (0 or 1) and perhaps ``patient``; without it every image is a patient.
        segment: segment that is taken of each image; may be left out where each has one.

    Returns:
        The cases in both tables, in the order of ``outcomes``.

    Raises:
        InputError: columns that are missing, outcomes that are not 0 or 1, images that come twice, one outcome only,
            no case or no feature in common.
    """
    table, rows, unmeasured = _measured(features, segment)
    known = _outcomes(outcomes)
    cases = [name for name in known if name in rows]
    notes = _left_out(features, outcomes, set(rows), set(known) - unmeasured)
    if lacking := len(unmeasured & set(known)):
        notes = (*notes, f"{lacking} cases of {features.name} could not be measured and are left out")
    if not cases:
        raise InputError(f"{features} and {outcomes} have no {IMAGE} in common; both must name the same images")
    values = [known[name][0] for name in cases]
    if len(set(values)) < 2:
        raise InputError(f"{outcomes}: every case has the outcome {values[0]}; both 0 and 1 are needed")
    columns = {name: _column(table, [rows[case][name] for case in cases]) for name in table.columns if _wanted(name)}
    numbers = {name: column for name, column in columns.items() if column is not None and not np.isnan(column).all()}
    varying = {name: column for name, column in numbers.items() if np.nanmin(column) < np.nanmax(column)}
    if not numbers:
        raise InputError(f"{features}: has no column of numbers beside {', '.join(TABLE_COLUMNS)}")
    if not varying:
        raise InputError(f"{features}: every feature is the same in all cases; nothing can be predicted from them")
    if texts := [name for name, column in columns.items() if column is None]:
        notes = (*notes, f"{len(texts)} columns of {features.name} hold no numbers and are left out: {_few(texts)}")
    patients = np.array([known[name][1] for name in cases])
    found = np.stack(list(varying.values()), axis=1)
    return OutcomeData(found, tuple(varying), np.array(values), patients, tuple(cases), notes)


def _measured(path: Path, segment: str | None) -> tuple[Table, dict[str, Row], set[str]]:
    """Take one row of each image, that of its segment; name the images that have no feature but a note."""
    table = read_table(path, (IMAGE, SEGMENT), known=(NOTE,))
    if not table.lines:
        raise InputError(f"{path}: has no rows")
    rows = [line.cells for line in table.lines if ", region " not in line.cells[SEGMENT]]
    if segment is not None:
        rows = [row for row in rows if row[SEGMENT] == segment]
        if not rows:
            raise InputError(f"{path}: no image has a segment {segment!r}")
    found: dict[str, Row] = {}
    for row in rows:
        if row[IMAGE] in found:
            raise InputError(f"{path}: image {row[IMAGE]} comes with several segments; choose one with --segment")
        found[row[IMAGE]] = row
    empty = {name for name, row in found.items() if not any(row[column] for column in row if _wanted(column))}
    unmeasured = {name for name in empty if found[name].get(NOTE)}
    return table, {name: row for name, row in found.items() if name not in unmeasured}, unmeasured


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


def _left_out(features: Path, outcomes: Path, measured: set[str], known: set[str]) -> tuple[str, ...]:
    notes = []
    if lacking := known - measured:
        notes.append(f"{len(lacking)} cases of {outcomes.name} have no features and are left out")
    if lacking := measured - known:
        notes.append(f"{len(lacking)} cases of {features.name} have no outcome and are left out")
    return tuple(notes)


def _wanted(name: str) -> bool:
    return bool(name) and name not in TABLE_COLUMNS and not name.startswith(NO_FEATURES)


def _column(table: Table, cells: Sequence[str]) -> NDArray[np.float64] | None:
    """Return a column as numbers, nan where there is none or it is infinite; None if it holds something else."""
    try:
        values = np.array([table.number(cell) for cell in cells])
    except ValueError:
        return None
    return np.where(np.isfinite(values), values, np.nan)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" and more" if len(names) > 3 else "")
