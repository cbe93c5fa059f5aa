"""Agreement of two readers: Cohen's kappa of what they said, and Dice of the label maps that both judged right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..case_files import CASE_FILES
from ..core import GridError, InputError, SettingsError
from ..io import read_label_map
from ..metrics import bootstrap_interval, dice
from .judgements import Judgement, read_judgements, worklist_folder
from .paths import label_map_folder

NAN = float("nan")
EXTRA = 'agreement needs scikit-learn; install it with pip install "camlocalizer[training]"'


@dataclass(frozen=True)
class ReaderAnswers:
    """The answers of one reader.

    Args:
        reader: identifier.
        judgements: by case, plane and slice.
        folder: of the worklist; None for an export.
    """

    reader: str
    judgements: Mapping[tuple[str, str, int | None], Judgement]
    folder: Path | None = None


@dataclass(frozen=True)
class Measure:
    """A measure with its confidence interval of 95 %, from a bootstrap over patients.

    Args:
        name: what was compared.
        count: how many cases, slices or label maps both readers have.
        value: nan if it is undefined.
        low: lower limit; nan if it is undefined.
        high: upper limit; nan if it is undefined.
        same: part of them in which the readers said the same; nan for Dice.
    """

    name: str
    count: int
    value: float
    low: float
    high: float
    same: float = NAN


@dataclass(frozen=True)
class Agreement:
    """How far two readers agree.

    Args:
        readers: their identifiers.
        kappas: Cohen's kappa of tumour or none, of the type, of the map, and of slices; only those that both said.
        dice: of the label maps that both judged right; None if there are none.
        rows: a line per case or slice that both judged, column name to text.
    """

    readers: tuple[str, str]
    kappas: tuple[Measure, ...]
    dice: Measure | None
    rows: tuple[Mapping[str, str], ...]


def find_readers(paths: Sequence[Path], names: Sequence[str] = ()) -> tuple[ReaderAnswers, ReaderAnswers]:
    """Find the two readers that are to be compared.

    Args:
        paths: one worklist with two readers, or two worklists or exports.
        names: of the readers; needed if there are several to choose from. Readers of two worklists may have the same
            name.

    Raises:
        InputError: not exactly two readers.
    """
    found = [each for path in paths for each in _readers_of(path)]
    if names:
        known = {each.reader for each in found}
        if unknown := [name for name in names if name not in known]:
            raise InputError(f"no answers of {', '.join(unknown)}; there are those of {', '.join(sorted(known))}")
        found = [each for each in found if each.reader in names]
    if len(found) != 2:
        listed = ", ".join(each.reader for each in found) or "none"
        raise InputError(f"agreement is between two readers, found {listed}; choose two with --readers")
    return found[0], found[1]


def agreement(first: ReaderAnswers, second: ReaderAnswers) -> Agreement:
    """Compare two readers on what both judged.

    Returns:
        Kappas with confidence intervals, and Dice where both judged label maps right.

    Raises:
        InputError: they judged nothing in common, or label maps that cannot be read.
        SettingsError: scikit-learn is not installed.
    """
    places = [place for place in first.judgements if place in second.judgements]
    pairs = [(first.judgements[place], second.judgements[place]) for place in places]
    if not pairs:
        raise InputError(f"{first.reader} and {second.reader} judged no case in common; compare readers of one folder")
    whole = [pair for pair in pairs if pair[0].slice is None]
    slices = [pair for pair in pairs if pair[0].slice is not None]
    asked = [
        ("tumour or none", [_tumours(pair) for pair in whole], whole),
        ("type of tumour", [_types(pair) for pair in whole], whole),
        ("map right or wrong", [_maps(pair) for pair in whole], whole),
        ("tumour or none in slices", [_tumours(pair) for pair in slices], slices),
        ("type of tumour in slices", [_types(pair) for pair in slices], slices),
    ]
    kappas = tuple(measure for entry in asked if (measure := _kappa(*entry)) is not None)
    overlaps = {pair[0].key: value for pair in whole if (value := _dice(pair, first, second)) is not None}
    patients = [pair[0].patient or pair[0].key for pair in whole if pair[0].key in overlaps]
    return Agreement(
        (first.reader, second.reader),
        kappas,
        _mean("Dice of label maps", list(overlaps.values()), patients) if overlaps else None,
        tuple(_row(pair, overlaps.get(pair[0].key) if pair[0].slice is None else None) for pair in pairs),
    )


def cohen_kappa(
    first: Sequence[str], second: Sequence[str], counts: Sequence[int] | NDArray[np.intp] | None = None
) -> float:
    """Return Cohen's kappa: agreement beyond chance, 1 at most; nan if both readers used a single label.

    Args:
        first: labels of one reader.
        second: labels of the other one, of the same cases.
        counts: how often each pair of labels occurs; once if not given.

    Raises:
        SettingsError: scikit-learn is not installed.

    Source:
        Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20, 1960.
    """
    weights = np.ones(len(first)) if counts is None else np.asarray(counts)
    used = [pair for pair, weight in zip(zip(first, second, strict=True), weights, strict=True) if weight]
    if len({label for pair in used for label in pair}) < 2:
        return NAN
    try:
        metrics: Any = import_module("sklearn.metrics")
    except ImportError:
        raise SettingsError(EXTRA) from None
    return float(metrics.cohen_kappa_score(first, second, sample_weight=weights))


def _readers_of(path: Path) -> list[ReaderAnswers]:
    judgements = read_judgements(path)
    folder = None if path.suffix.lower() == ".csv" else worklist_folder(path)
    names = dict.fromkeys(each.reader for each in judgements)
    return [
        ReaderAnswers(name, {each.place: each for each in judgements if each.reader == name}, folder) for name in names
    ]


Pair = tuple[Judgement, Judgement]
Said = tuple[str, str] | None


def _tumours(pair: Pair) -> Said:
    first, second = (each.tumour for each in pair)
    return None if first is None or second is None else (str(first), str(second))


def _types(pair: Pair) -> Said:
    """Return the types, of cases in which both readers saw a tumour and named its type."""
    first, second = pair
    return (first.type, second.type) if first.tumour and second.tumour and first.type and second.type else None


def _maps(pair: Pair) -> Said:
    first, second = pair
    return (first.map, second.map) if first.map and second.map else None


def _kappa(name: str, said: Sequence[Said], pairs: Sequence[Pair]) -> Measure | None:
    both = [entry for entry in said if entry is not None]
    if not both:
        return None
    patients = [pair[0].patient or pair[0].key for pair, entry in zip(pairs, said, strict=True) if entry is not None]
    distinct = sorted(set(both))
    first, second = zip(*distinct, strict=True)
    codes = np.array([distinct.index(entry) for entry in both])

    @cache
    def of_counts(counts: tuple[int, ...]) -> float:
        return cohen_kappa(first, second, counts)

    def measure(chosen: NDArray[np.intp]) -> float:
        return of_counts(tuple(np.bincount(codes[chosen], minlength=len(distinct)).tolist()))

    low, high = bootstrap_interval(patients, measure)
    same = sum(one == other for one, other in both) / len(both)
    return Measure(name, len(both), measure(np.arange(len(both))), float(low), float(high), same)


def _mean(name: str, values: Sequence[float], patients: Sequence[str]) -> Measure:
    array = np.array(values)
    low, high = bootstrap_interval(patients, lambda chosen: array[chosen].mean())
    return Measure(name, len(values), float(array.mean()), float(low), float(high))


def _dice(pair: Pair, first: ReaderAnswers, second: ReaderAnswers) -> float | None:
    """Return Dice of the label maps that both readers judged right; None if one of them has none."""
    if not (pair[0].map_is_right and pair[1].map_is_right) or first.folder is None or second.folder is None:
        return None
    sides = zip((first, second), pair, strict=True)
    paths = [label_map_folder(side.folder, side.reader, each.name) / CASE_FILES["label map"] for side, each in sides]  # type: ignore[arg-type]
    if not all(path.is_file() for path in paths):
        return None
    one, other = (read_label_map(path) for path in paths)
    if not one.grid.matches(other.grid):
        raise GridError(f"{paths[0]} and {paths[1]} lie on different grids; they are not of the same scan")
    return dice(one.array_kji, other.array_kji)


def _row(pair: Pair, overlap: float | None) -> dict[str, str]:
    first, second = pair
    values = {"case": first.key, "view": first.view, "slice": "" if first.slice is None else str(first.slice)}
    for number, each in enumerate(pair, start=1):
        said = "" if each.tumour is None else "yes" if each.tumour else "no"
        values |= {f"tumour_{number}": said, f"type_{number}": each.type, f"map_{number}": each.map}
    same = (first.tumour, first.type, first.map) == (second.tumour, second.type, second.map)
    return {**values, "same": "yes" if same else "no", "dice": "" if overlap is None else f"{overlap:.4f}"}
