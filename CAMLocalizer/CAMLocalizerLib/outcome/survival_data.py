"""Features of cases with the time to an event, or to the end of the observation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, SettingsError
from ..io.tables import Table, read_table
from .data import OUTCOME, OUTCOMES
from .features import IMAGE, PATIENT, features_of

TIME, EVENT = "time", "event"
UNITS_PER_YEAR = {"days": 365.25, "months": 12.0, "years": 1.0}
FEWEST_EVENTS = 2


@dataclass(frozen=True, eq=False)
class Observations:
    """What was observed of cases.

    Args:
        times_years: from the image to the event or, without an event, to the end of the observation; at least 0.
        events: whether the event was observed; False where the case is censored.
    """

    times_years: NDArray[np.float64]
    events: NDArray[np.bool_]

    def of(self, cases: NDArray[Any]) -> Observations:
        """Return those of some cases, given as indices or as a mask."""
        return Observations(self.times_years[cases], self.events[cases])


@dataclass(frozen=True, eq=False)
class SurvivalData:
    """Features, time and event of every case.

    Args:
        features: shape (cases, features); nan where a case has none. Every feature differs between cases.
        names: of the features.
        observed: time and event of each.
        patients: whose case it is; cases of one patient never lie on both sides of a split.
        cases: names of the images.
        notes: what was left out, in sentences.
        source: where times and events come from, named in messages.
    """

    features: NDArray[np.float64]
    names: tuple[str, ...]
    observed: Observations
    patients: NDArray[np.str_]
    cases: tuple[str, ...]
    notes: tuple[str, ...] = ()
    source: str = "the table of outcomes"


def has_times(path: Path) -> bool:
    """Return whether a table of outcomes holds times or events in place of outcomes of 0 or 1.

    Raises:
        InputError: a file that cannot be read, or that holds both or neither.
    """
    columns = read_table(path, (IMAGE,), known=(OUTCOME, TIME, EVENT)).columns
    found = TIME in columns or EVENT in columns
    if found and OUTCOME in columns:
        raise InputError(f"{path}: has both {OUTCOME} and {TIME} or {EVENT}; keep either {OUTCOME} or the other two")
    if not found and OUTCOME not in columns:
        raise InputError(
            f"{path}: has neither a column {OUTCOME} nor {TIME} and {EVENT}; it has {', '.join(columns)[:200]}; rename "
            "those that hold them"
        )
    return found


def read_survival_data(
    features: Path, outcomes: Path, *, time_unit: str | None, segment: str | None = None
) -> SurvivalData:
    """Join a table of radiomics with a table of times and events.

    Args:
        features: CSV of ``camlocalizer radiomics``, or several of them in one: ``Image``, ``Segment`` and features.
            Rows of single components are left out.
        outcomes: CSV with ``Image``, ``time`` (at least 0), ``event`` (1 observed, 0 censored) and perhaps ``patient``;
            without it every image is a patient.
        time_unit: of ``time``: days, months or years.
        segment: segment that is taken of each image; may be left out where each has one.

    Returns:
        The cases in both tables, in the order of ``outcomes``.

    Raises:
        InputError: columns that are missing, times that are negative or no numbers, events that are not 0 or 1, images
            that come twice, fewer than two events, no case or no feature in common.
        SettingsError: no time unit, or an unknown one.
    """
    if time_unit not in UNITS_PER_YEAR:
        raise SettingsError(
            f"{outcomes}: the unit of {TIME} must be days, months or years, got {time_unit or 'none'}; give --time-unit"
        )
    known = _times(outcomes)
    found = features_of(tuple(known), features, outcomes, segment=segment)
    times = np.array([known[name][0] for name in found.cases]) / UNITS_PER_YEAR[time_unit]
    events = np.array([known[name][1] for name in found.cases])
    if (count := int(events.sum())) < FEWEST_EVENTS:
        raise InputError(
            f"{outcomes}: {count} of {len(events)} cases {'has' if count == 1 else 'have'} an event, at least "
            f"{FEWEST_EVENTS} are needed; check that {EVENT} is 1 where it was observed and 0 where it was not"
        )
    patients = np.array([known[name][2] for name in found.cases])
    return SurvivalData(
        found.features, found.names, Observations(times, events), patients, found.cases, found.notes, str(outcomes)
    )


def _times(path: Path) -> dict[str, tuple[float, bool, str]]:
    table = read_table(path, (IMAGE, TIME, EVENT), known=(PATIENT,))
    if not table.lines:
        raise InputError(f"{path}: has no rows")
    found: dict[str, tuple[float, bool, str]] = {}
    for line in table.lines:
        name, event = line.cells[IMAGE], line.cells[EVENT]
        where = f"{path}, line {line.number}"
        if event not in OUTCOMES:
            raise InputError(f"{where}: {EVENT} must be 1 (observed) or 0 (censored), got {event!r}")
        if name in found:
            raise InputError(f"{where}: image {name} comes twice")
        found[name] = _time(table, line.cells[TIME], where), bool(OUTCOMES[event]), line.cells.get(PATIENT) or name
    return found


def _time(table: Table, cell: str, where: str) -> float:
    try:
        value = table.number(cell)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise InputError(f"{where}: {TIME} must be a number of at least 0, got {cell!r}; correct it or remove the line")
    return value
