"""The figures of an evaluation: each with an interval by patient and the number of patients and images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..metrics import (
    CONFIDENCE,
    DRAWS,
    ReliabilityBin,
    auc,
    bootstrap_interval,
    expected_calibration_error,
    fraction_below,
    reliability_bins,
    sensitivity_at_specificity,
)
from .assessment import MODEL, SLICE, VOLUME, Agreement, Assessment

TUMOUR_SLICES, FREE_SLICES = "tumour slices", "tumour-free slices"
TUMOUR_VOLUMES, FREE_VOLUMES = "tumour volumes", "tumour-free volumes"
PRESENCE = {SLICE: "classes of slices", VOLUME: "classes of volumes"}
PARTS = (TUMOUR_SLICES, FREE_SLICES, TUMOUR_VOLUMES, FREE_VOLUMES, *PRESENCE.values())
ALL = "all"
MISSED_IOU = 0.01

Statistic = Callable[[NDArray[np.intp]], float]


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Args:
        part: of the evaluation, one of :data:`PARTS`.
        measure: what was measured, in words with its unit.
        group: ``all``, or the class, plane or site.
        system: ``model``, or the name of a baseline.
        value: nan where it is not defined.
        low, high: of the interval; nan with a single patient.
        patients, images: that were counted.
    """

    part: str
    measure: str
    group: str
    system: str
    value: float
    low: float
    high: float
    patients: int
    images: int


def measure_quality(
    assessments: Sequence[Assessment],
    baselines: Sequence[str] = (),
    *,
    draws: int = DRAWS,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> list[Figure]:
    """Measure everything that the assessments allow.

    Args:
        assessments: of slices and volumes.
        baselines: that were compared with the truth as the model was.
        draws: of the bootstrap by patient, see :func:`bootstrap_interval`.
        confidence: of the intervals.
        seed: of the bootstrap.

    Returns:
        The figures, part by part; parts without an image are left out.
    """
    return [
        _figure(question, draws=draws, confidence=confidence, seed=seed)
        for question in _questions(assessments, (MODEL, *baselines))
    ]


def reliability(assessments: Sequence[Assessment], kind: str) -> tuple[ReliabilityBin, ...]:
    """Sort slices or volumes whose type is known by the probability of their most probable class."""
    typed = [each for each in assessments if each.kind == kind and each.right is not None]
    return reliability_bins([each.confidence for each in typed], [bool(each.right) for each in typed])


@dataclass(frozen=True, eq=False)
class _Question:
    part: str
    measure: str
    group: str
    system: str
    members: Sequence[Assessment]
    statistic: Statistic


def _figure(question: _Question, *, draws: int, confidence: float, seed: int) -> Figure:
    patients = [each.patient for each in question.members]
    low, high = bootstrap_interval(patients, question.statistic, draws=draws, confidence=confidence, seed=seed)
    return Figure(
        question.part,
        question.measure,
        question.group,
        question.system,
        float(question.statistic(np.arange(len(patients)))),
        float(low),
        float(high),
        len(set(patients)),
        len(patients),
    )


def _questions(assessments: Sequence[Assessment], systems: Sequence[str]) -> Iterator[_Question]:
    measured = [each for each in assessments if each.agreement]
    slices, volumes = ([each for each in measured if each.kind == kind] for kind in (SLICE, VOLUME))
    for part, members, measures in (
        (TUMOUR_SLICES, [each for each in slices if each.tumour], _overlap_of_slices),
        (FREE_SLICES, [each for each in slices if not each.tumour], _marked_slices),
        (TUMOUR_VOLUMES, [each for each in volumes if each.tumour], _overlap_of_volumes),
        (FREE_VOLUMES, [each for each in volumes if not each.tumour], _marked_volumes),
    ):
        for group, grouped in _groups(members):
            for system in systems:
                for measure, statistic in measures([each.agreement[system] for each in grouped]):
                    yield _Question(part, measure, group, system, grouped, statistic)
    for kind, part in PRESENCE.items():
        yield from _class_questions(part, [each for each in assessments if each.kind == kind])


def _groups(members: Sequence[Assessment]) -> Iterator[tuple[str, Sequence[Assessment]]]:
    """Yield all members, then those of each class, plane and site where there are several of these."""
    if members:
        yield ALL, members
    for key in ("label", "plane", "site"):
        values = [each.file.site if key == "site" else getattr(each, key) for each in members]
        for value in sorted({value for value in values if value}) if len(set(values)) > 1 else ():
            yield value, [each for each, own in zip(members, values, strict=True) if own == value]


def _overlap_of_slices(found: Sequence[Agreement]) -> Iterator[tuple[str, Statistic]]:
    ious = np.array([each.iou for each in found])
    yield "mean IoU", _mean(ious)
    yield f"share with IoU <= {MISSED_IOU}", lambda drawn: fraction_below(ious[drawn], MISSED_IOU)
    yield "mean Dice", _mean([each.dice for each in found])


def _marked_slices(found: Sequence[Agreement]) -> Iterator[tuple[str, Statistic]]:
    yield "share with anything marked", _mean([each.found_ml > 0 for each in found])


def _overlap_of_volumes(found: Sequence[Agreement]) -> Iterator[tuple[str, Statistic]]:
    counts = [each.counts for each in found]
    yield "mean Dice in 3D", _mean([each.dice for each in found])
    yield "ml found", _mean([each.found_ml for each in found])
    yield "ml true", _mean([each.true_ml for each in found])
    yield "share of lesions touched", _ratio([each.touched for each in counts], [each.lesions for each in counts])
    yield "false components per volume", _mean([each.false_components for each in counts])


def _marked_volumes(found: Sequence[Agreement]) -> Iterator[tuple[str, Statistic]]:
    yield "ml marked", _mean([each.found_ml for each in found])
    yield "components marked", _mean([each.counts.components for each in found])


def _class_questions(part: str, members: Sequence[Assessment]) -> Iterator[_Question]:
    truth = np.array([each.tumour for each in members], dtype=bool)
    scores = np.array([each.probability for each in members])
    if truth.any() and not truth.all():
        for measure, function in {"AUC": auc, "sensitivity at 95 % specificity": sensitivity_at_specificity}.items():
            yield _Question(part, measure, ALL, MODEL, members, _of_scores(function, truth, scores))
    for group, grouped in _groups([each for each in members if each.tumour and each.right is not None]):
        right = _mean([bool(each.right) for each in grouped])
        yield _Question(part, "share with the right type", group, MODEL, grouped, right)
    if known := [each for each in members if each.right is not None]:
        hits, sure = np.array([bool(each.right) for each in known]), np.array([each.confidence for each in known])
        yield _Question(part, "expected calibration error", ALL, MODEL, known, _calibration(sure, hits))


def _of_scores(
    function: Callable[[NDArray, NDArray], float], truth: NDArray[np.bool_], scores: NDArray[np.float64]
) -> Statistic:
    return lambda drawn: function(truth[drawn], scores[drawn])


def _calibration(sure: NDArray[np.float64], hits: NDArray[np.bool_]) -> Statistic:
    return lambda drawn: expected_calibration_error(reliability_bins(sure[drawn], hits[drawn]))


def _mean(values: Sequence[float] | NDArray[np.float64]) -> Statistic:
    array = np.asarray(values, dtype=np.float64)
    return lambda drawn: float(array[drawn].mean())


def _ratio(parts: Sequence[int], wholes: Sequence[int]) -> Statistic:
    """Sum of parts over sum of wholes; nan where there is no whole."""
    above, below = np.asarray(parts, dtype=np.float64), np.asarray(wholes, dtype=np.float64)
    return lambda drawn: float(above[drawn].sum() / below[drawn].sum()) if below[drawn].any() else float("nan")
