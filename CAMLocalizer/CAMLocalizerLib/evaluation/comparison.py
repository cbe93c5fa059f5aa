"""compare_models: which of two models is better on the same held-out cases, and what chance explains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from ..metrics import CONFIDENCE, DRAWS, auc
from ..metrics.paired import Measure, holm_adjusted, paired_difference
from ..training.checks import Problems, listed
from .assessment import MODEL, SLICE, VOLUME, Assessment, LabelledFile, assess_file
from .labelled_files import check_files, read_labelled_files
from .networks_by_patient import NetworksByPatient
from .seen import seen_patients
from .sources import Sources

SIGNIFICANCE = 1 - CONFIDENCE
MOST_PROBABLE = 0.5
Pair = tuple[Assessment, Assessment]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Comparison:
    """One measure of two models on the same cases.

    Args:
        part: ``slice`` or ``volume``.
        measure: what was measured; higher is better.
        first, second: value of each model.
        low, high: of the interval of second minus first; nan with a single patient.
        p: adjusted for the number of measures; nan where it is not defined.
        patients, cases: that were counted.
    """

    part: str
    measure: str
    first: float
    second: float
    low: float
    high: float
    p: float
    patients: int
    cases: int

    @property
    def difference(self) -> float:
        """Second minus first."""
        return self.second - self.first

    @property
    def better(self) -> int | None:
        """Which model is better, 0 or 1; None where chance explains the difference."""
        beyond = self.p < SIGNIFICANCE and (self.low > 0 or self.high < 0)
        return int(self.difference > 0) if beyond else None


@dataclass(frozen=True)
class CompareResult:
    """What a comparison found.

    Args:
        names: of the models, as the sentences call them.
        comparisons: one per measure.
        pairs: what each model found in each case.
        notes: what limits the result, in sentences.
        left_out: patients that were left out, as a model had been trained on them.
    """

    names: tuple[str, str]
    comparisons: tuple[Comparison, ...]
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def conclusion(self) -> str:
        """One sentence that says which model is better, or that chance explains the differences."""
        return conclusion(self.names, self.comparisons)


def compare_models(
    models: tuple[NetworksByPatient, NetworksByPatient],
    names: tuple[str, str],
    sources: Sources,
    *,
    leave_out_seen: bool = False,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> CompareResult:
    """Run two models on the cases of a table and compare them.

    Args:
        models: bundles, or the networks of a training's folds.
        names: what the sentences call them.
        sources: where the data lie.
        leave_out_seen: leave out patients that a model was trained on, in place of refusing them.
        draws: of the bootstrap and the permutation test.
        seed: of both.
        progress: called after each file and model with (done, all).

    Raises:
        InputError: the same model twice, everything that is wrong with table, images and masks, patients that a model
            was trained on, or no case that both models judge.
    """
    _require_different(models, names)
    files = _checked_files(models, sources)
    files, left_out, notes = _unseen(models, names, files, leave_out_seen)
    found = [_assessed(model, files[number], number, progress) for number, model in enumerate(models)]
    pairs = _paired(*found)
    if not pairs:
        raise InputError(f"{sources.table}: has no case that both {names[0]} and {names[1]} judge")
    return CompareResult(names, tuple(measure_pairs(pairs, draws=draws, seed=seed)), tuple(pairs), notes, left_out)


def _require_different(models: tuple[NetworksByPatient, NetworksByPatient], names: tuple[str, str]) -> None:
    first, second = ({fold: bundle.card.sha256 for fold, bundle in model.bundles.items()} for model in models)
    if first == second:
        raise InputError(f"{names[0]} and {names[1]} have the same weights; give two different models")


def _checked_files(
    models: tuple[NetworksByPatient, NetworksByPatient], sources: Sources
) -> tuple[list[LabelledFile], list[LabelledFile]]:
    """Read the table for each model, whose classes may differ, and check every image once for each."""
    problems, found = Problems(), []
    for model in models:
        files = read_labelled_files(sources, model.card, problems)
        check_files(files, model.card, problems)
        problems.extend(model.unknown([row.patient for file in files for row in file.rows]))
        found.append(files)
    problems.raise_if_any(str(sources.table))
    return found[0], found[1]


def _unseen(
    models: tuple[NetworksByPatient, NetworksByPatient],
    names: tuple[str, str],
    files: tuple[list[LabelledFile], list[LabelledFile]],
    leave_out: bool,
) -> tuple[tuple[list[LabelledFile], list[LabelledFile]], tuple[str, ...], tuple[str, ...]]:
    """Refuse or leave out patients that a model was trained on, and note where that is not known."""
    notes, seen = [], set()
    for model, name in zip(models, names, strict=True):
        found = seen_patients(model, files[0])
        seen |= set(found.patients)
        if found.unknown:
            notes.append(f"{name} does not list all images that it was trained on; it may have seen these cases")
        if found.patients and not leave_out:
            raise InputError(
                f"{name} was trained on {len(found.patients)} of these patients ({listed(found.patients)}); leave them "
                "out (--leave-out-seen), or give its training folder, whose folds judge patients that they have not "
                "seen"
            )
    kept = tuple([file for file in own if file.rows[0].patient not in seen] for own in files)
    if not kept[0]:
        raise InputError("no patient is left that neither model was trained on; label more cases")
    return (kept[0], kept[1]), tuple(sorted(seen)), tuple(notes)


def _assessed(
    model: NetworksByPatient, files: Sequence[LabelledFile], number: int, progress: Progress | None
) -> list[Assessment]:
    problems, found = Problems(), []
    for count, file in enumerate(files, 1):
        patient = file.rows[0].patient
        with problems.noted():
            found += assess_file(file, model.localizer(patient), (), model.fold(patient))[0]
        if progress is not None:
            progress(number * len(files) + count, 2 * len(files))
    problems.raise_if_any(model.card.name)
    return found


def _paired(first: Sequence[Assessment], second: Sequence[Assessment]) -> list[Pair]:
    """Pair what both models found in the same slice or volume."""
    by_case = {_case(each): each for each in second}
    return [(each, by_case[_case(each)]) for each in first if _case(each) in by_case]


def _case(found: Assessment) -> tuple[str, str, str, int | None]:
    return found.kind, str(found.file.path), found.plane, found.index


def measure_pairs(pairs: Sequence[Pair], *, draws: int = DRAWS, seed: int = 0) -> list[Comparison]:
    """Measure two models on the same cases.

    Args:
        pairs: what both found.
        draws: of the bootstrap and the permutation test.
        seed: of both.

    Returns:
        A comparison per measure that the cases allow, with p-values adjusted for their number.
    """
    found = []
    for part in (SLICE, VOLUME):
        own = [pair for pair in pairs if pair[0].kind == part]
        for name, members, measure in _questions(own, part):
            patients = [each[0].patient for each in members]
            result = paired_difference(patients, measure, draws=draws, seed=seed)
            numbers = (result.first, result.second, result.low, result.high, result.p)
            found.append(Comparison(part, name, *numbers, len(set(patients)), len(members)))
    adjusted = holm_adjusted([each.p for each in found])
    return [replace(each, p=p) for each, p in zip(found, adjusted, strict=True)]


def _questions(pairs: Sequence[Pair], part: str) -> Iterator[tuple[str, Sequence[Pair], Measure]]:
    typed = [pair for pair in pairs if pair[0].right is not None and pair[1].right is not None]
    if typed:
        yield "accuracy (class)", typed, _mean([[bool(each.right) for each in pair] for pair in typed])
    truth = np.array([pair[0].tumour for pair in pairs], dtype=bool)
    if truth.any() and not truth.all():
        scores = np.array([[each.probability for each in pair] for pair in pairs])
        yield "accuracy (tumour or none)", pairs, _mean((scores >= MOST_PROBABLE) == truth[:, None])
        yield "AUC (tumour or none)", pairs, _auc(truth, scores)
    if masked := [pair for pair in pairs if pair[0].tumour and all(each.agreement for each in pair)]:
        name = "IoU" if part == SLICE else "Dice"
        values = [[getattr(each.agreement[MODEL], name.lower()) for each in pair] for pair in masked]
        yield f"mean {name}", masked, _mean(values)


def _mean(values: Sequence[Sequence[float]] | NDArray) -> Measure:
    """Average over cases the value of the system of each; ``values`` has the shape (N, 2)."""
    array = np.asarray(values, dtype=np.float64)
    return lambda cases, system: float(array[cases, system].mean())


def _auc(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> Measure:
    return lambda cases, system: auc(truth[cases], scores[cases, system])


def conclusion(names: tuple[str, str], comparisons: Sequence[Comparison]) -> str:
    """Say which model is better, or that chance explains the differences."""
    called = [each for each in comparisons if each.better is not None]
    patients = max((each.patients for each in comparisons), default=0)
    if not called:
        parts = "; ".join(f"{_words(each)} {_signed(each)}" for each in comparisons)
        return (
            f"No difference between {names[0]} and {names[1]} on {patients} patients is larger than chance explains "
            f"({names[1]} minus {names[0]}: {parts})."
        )
    sentences = []
    for number in (1, 0):
        if won := [each for each in called if each.better == number]:
            parts = "; ".join(f"{_words(each)} {_by(each, number)}" for each in won)
            sentences.append(f"{names[number]} is better than {names[1 - number]} on {patients} patients: {parts}.")
    if rest := [each for each in comparisons if each.better is None]:
        sentences.append(f"Chance explains the differences in {', '.join(map(_words, rest))}.")
    return " ".join(sentences)


def _words(each: Comparison) -> str:
    return f"{each.measure} of {each.part}s"


def _by(each: Comparison, number: int) -> str:
    values = (each.first, each.second)
    return f"{values[number]:.3f} instead of {values[1 - number]:.3f}"


def _signed(each: Comparison) -> str:
    interval = "" if np.isnan(each.low) else f" [{each.low:+.3f}, {each.high:+.3f}]"
    return f"{each.difference:+.3f}{interval}"
