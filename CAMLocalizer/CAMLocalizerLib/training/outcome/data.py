"""Features and outcomes of cases, joined by the name of the image."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core import InputError

IMAGE, SEGMENT, NOTE = "Image", "Segment", "Note"
OUTCOME, PATIENT = "outcome", "patient"
TABLE_COLUMNS = (IMAGE, "Mask", SEGMENT, NOTE)
NO_FEATURES = "diagnostics_"
Row = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class OutcomeData:
    """Features and outcome of every case.

    Args:
        features: shape (cases, features); nan where a case has none.
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
    rows = _measured(features, segment)
    known = _outcomes(outcomes)
    cases = [name for name in known if name in rows]
    notes = _left_out(features, outcomes, set(rows), set(known))
    if not cases:
        raise InputError(f"{features} and {outcomes} have no {IMAGE} in common; both must name the same images")
    values = [known[name][0] for name in cases]
    if len(set(values)) < 2:
        raise InputError(f"{outcomes}: every case has the outcome {values[0]}; both 0 and 1 are needed")
    names = tuple(name for name in rows[cases[0]] if _is_feature(name, [rows[case] for case in cases]))
    if not names:
        raise InputError(f"{features}: has no column of numbers beside {', '.join(TABLE_COLUMNS)}")
    table = np.array([[_number(rows[case].get(name, "")) for name in names] for case in cases])
    patients = np.array([known[name][1] for name in cases])
    return OutcomeData(table, names, np.array(values), patients, tuple(cases), notes)


def _rows(path: Path, needed: Sequence[str]) -> list[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header = stream.readline()
            stream.seek(0)
            delimiter = ";" if header.count(";") > header.count(",") else ","
            reader = csv.DictReader(stream, delimiter=delimiter)
            rows: list[Row] = [{name: (value or "").strip() for name, value in row.items() if name} for row in reader]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: is no table of comma-separated values ({error})") from error
    if missing := [name for name in needed if name not in (reader.fieldnames or ())]:
        raise InputError(
            f"{path}: has no column {', '.join(missing)}; it has {', '.join(reader.fieldnames or ())[:200]}"
        )
    if not rows:
        raise InputError(f"{path}: has no rows")
    return rows


def _measured(path: Path, segment: str | None) -> dict[str, Row]:
    """Take one row of each image: that of its segment."""
    rows = [row for row in _rows(path, (IMAGE, SEGMENT)) if ", region " not in row[SEGMENT]]
    if segment is not None:
        rows = [row for row in rows if row[SEGMENT] == segment]
        if not rows:
            raise InputError(f"{path}: no image has a segment {segment!r}")
    found: dict[str, Row] = {}
    for row in rows:
        if row[IMAGE] in found:
            raise InputError(f"{path}: image {row[IMAGE]} comes with several segments; choose one with --segment")
        found[row[IMAGE]] = row
    return found


def _outcomes(path: Path) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for line, row in enumerate(_rows(path, (IMAGE, OUTCOME)), start=2):
        name, outcome = row[IMAGE], row[OUTCOME]
        if outcome not in ("0", "1"):
            raise InputError(f"{path}, line {line}: outcome must be 0 or 1, got {outcome!r}")
        if name in found:
            raise InputError(f"{path}, line {line}: image {name} comes twice")
        found[name] = int(outcome), row.get(PATIENT) or name
    return found


def _left_out(features: Path, outcomes: Path, measured: set[str], known: set[str]) -> tuple[str, ...]:
    notes = []
    if lacking := known - measured:
        notes.append(f"{len(lacking)} cases of {outcomes.name} have no features and are left out")
    if lacking := measured - known:
        notes.append(f"{len(lacking)} cases of {features.name} have no outcome and are left out")
    return tuple(notes)


def _is_feature(name: str, rows: Sequence[Row]) -> bool:
    """Tell whether a column holds numbers throughout, cells that are empty aside, and at least one."""
    if name in TABLE_COLUMNS or name.startswith(NO_FEATURES):
        return False
    cells = [row.get(name, "") for row in rows]
    return any(cells) and all(not cell or np.isfinite(_number(cell)) for cell in cells)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")
