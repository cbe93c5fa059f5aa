"""Radiomics of the cases whose outcome is known."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from ..io.tables import Table, read_table

IMAGE, SEGMENT, NOTE, PATIENT = "Image", "Segment", "Note", "patient"
TABLE_COLUMNS = (IMAGE, "Mask", SEGMENT, NOTE)
NO_FEATURES = ("diagnostics_", "CAMLocalizer_", "sitk_version")
VOLUMES = ("original_shape_MeshVolume", "original_shape_VoxelVolume", "sitk_shape_PhysicalSize")
Row = Mapping[str, str]
PART_OF_SEGMENT = re.compile(r", (component|region) \d+$")  # region: tables of version 0.2 and earlier


@dataclass(frozen=True, eq=False)
class CaseFeatures:
    """Features of cases.

    Args:
        features: shape (cases, features); nan where a case has none. Every feature differs between cases.
        names: of the features.
        cases: names of the images.
        notes: what was left out, in sentences.
    """

    features: NDArray[np.float64]
    names: tuple[str, ...]
    cases: tuple[str, ...]
    notes: tuple[str, ...]


def features_of(known: Sequence[str], features: Path, outcomes: Path, *, segment: str | None = None) -> CaseFeatures:
    """Take the features of the images whose outcome is known.

    Args:
        known: names of the images in the table of outcomes.
        features: CSV of ``camlocalizer radiomics``, or several of them in one: ``Image``, ``Segment`` and features.
            Rows of single components are left out.
        outcomes: the table of outcomes, named in messages.
        segment: segment that is taken of each image; may be left out where each has one.

    Returns:
        The cases in both tables, in the order of ``known``.

    Raises:
        InputError: columns that are missing, images that come twice, no case or no feature in common.
    """
    table, rows, unmeasured = _measured(features, segment)
    cases = [name for name in known if name in rows]
    notes = _left_out(features, outcomes, set(rows), set(known) - unmeasured)
    if lacking := len(unmeasured & set(known)):
        notes = (*notes, f"{lacking} cases of {features.name} could not be measured and are left out")
    if not cases:
        raise InputError(f"{features} and {outcomes} have no {IMAGE} in common; both must name the same images")
    columns = {name: _column(table, [rows[case][name] for case in cases]) for name in table.columns if _wanted(name)}
    numbers = {name: column for name, column in columns.items() if column is not None and not np.isnan(column).all()}
    varying = {name: column for name, column in numbers.items() if np.nanmin(column) < np.nanmax(column)}
    if not numbers:
        raise InputError(f"{features}: has no column of numbers beside {', '.join(TABLE_COLUMNS)}")
    if not varying:
        raise InputError(f"{features}: every feature is the same in all cases; nothing can be predicted from them")
    if texts := [name for name, column in columns.items() if column is None]:
        notes = (*notes, f"{len(texts)} columns of {features.name} hold no numbers and are left out: {_few(texts)}")
    return CaseFeatures(np.stack(list(varying.values()), axis=1), tuple(varying), tuple(cases), notes)


def volume_feature(names: Sequence[str], wanted: str | None = None) -> str | None:
    """Return the feature that holds the volume of the tumour.

    Args:
        names: of all features.
        wanted: the feature to take; without it, the first of :data:`VOLUMES` that is there.

    Returns:
        Its name; None if no feature is known to be a volume.

    Raises:
        InputError: ``wanted`` is not among the features.
    """
    if wanted is not None and wanted not in names:
        raise InputError(f"no feature {wanted!r} that differs between cases; the table has {_few(names)}")
    return wanted or next((name for name in VOLUMES if name in names), None)


def _measured(path: Path, segment: str | None) -> tuple[Table, dict[str, Row], set[str]]:
    """Take one row of each image, that of its segment; name the images that have no feature but a note."""
    table = read_table(path, (IMAGE, SEGMENT), known=(NOTE,))
    if not table.lines:
        raise InputError(f"{path}: has no rows")
    rows = [line.cells for line in table.lines if not PART_OF_SEGMENT.search(line.cells[SEGMENT])]
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
