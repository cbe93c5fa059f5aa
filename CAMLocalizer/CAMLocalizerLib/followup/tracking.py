"""Tracking of the tumours of one patient through several exams."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cases.case import make_case
from ..cases.provenance import provenance, volume_sha256
from ..cases.report import CaseResult
from ..core import MM3_PER_ML, InputError, LabelMap, Volume
from ..io import read_label_map, read_volume, source_sha256
from ..io.image import prefix_path
from ..io.utf8_paths import escape_non_utf8
from ..localizer import Findings, LabelSettings, Localizer
from ..measure import place_label_map
from ..segment import UptakeBorder, filter_components
from ..version import VERSION
from .exams import Exam
from .growth import Change, change_between, doubling_days
from .matching import Components, Track, match_components
from .registration import RigidTransform, register_rigid

VARIATION = 0.1
Report = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class ExamResult:
    """What was found in one exam.

    Args:
        exam: which.
        volume: its image.
        label_map: on the image's grid.
        varied: label maps at a threshold (projections: fraction of uptake) that is a tenth lower and a tenth higher;
            empty where a label map was given.
        case: the files' content; None where a label map was given.
        facts: where the label map comes from: versions, checksums and settings as flat JSON values.
    """

    exam: Exam
    volume: Volume
    label_map: LabelMap
    varied: tuple[LabelMap, ...]
    case: CaseResult | None
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Measurement:
    """A tumour in one exam.

    Args:
        date: of the exam.
        days: since the first exam.
        volume_ml: 0 where the tumour was not found; None where it is a part of another, before they came apart or
            after they grew together.
        range_ml: least and greatest volume as the threshold varies by a tenth; None where a label map was given.
        centre_lps_mm: centre of mass in the exam's own coordinates; None where it was not found.
        change: since the exam before; None for the first and for a part of another tumour.
    """

    date: datetime.date
    days: int
    volume_ml: float | None
    range_ml: tuple[float, float] | None
    centre_lps_mm: tuple[float, float, float] | None
    change: Change | None


@dataclass(frozen=True)
class Tumour:
    """A tumour through all exams.

    Args:
        number: from 1.
        measurements: one per exam.
        doubling_days: of exponential growth through all its exams, negative for halving; None if unknown.
        doubling_range: the same for thresholds a tenth lower and higher, least and greatest; None likewise.
        merged_with: number of the tumour that it grew together with.
        absorbed: numbers of the tumours that are a part of it from some exam on.
        split_from: number of the tumour that it was a part of before.
    """

    number: int
    measurements: tuple[Measurement, ...]
    doubling_days: float | None
    doubling_range: tuple[float, float] | None
    merged_with: int | None
    absorbed: tuple[int, ...] = ()
    split_from: int | None = None


@dataclass(frozen=True, eq=False)
class FollowUp:
    """All that a follow-up found.

    Args:
        exams: in the order of time.
        tumours: numbered in the order of appearance and size.
        total: all of them together, which tumours that merge or split do not change; its number is 0.
        registrations: transform from each exam to the next.
    """

    exams: tuple[ExamResult, ...]
    tumours: tuple[Tumour, ...]
    total: Tumour
    registrations: tuple[RigidTransform, ...]


def follow_up(
    exams: Sequence[Exam],
    localizer: Localizer | None,
    *,
    view: str = "auto",
    settings: LabelSettings | None = None,
    resample: bool = False,
    report: Report | None = None,
) -> FollowUp:
    """Localise in every exam by one rule, register neighbouring exams and follow each tumour.

    Volumes are measured on each exam's own grid; registration decides only which component is which.

    Args:
        exams: at least two, earliest first.
        localizer: the model; None if every exam brings a label map.
        view: as for :meth:`Localizer.run`.
        settings: the same for all exams; of label maps ``min_volume_ml`` and ``keep_largest`` decide which components
            count.
        resample: bring label maps of other grids onto those of their images.
        report: called with a sentence after each step.

    Raises:
        InputError: an exam that cannot be read, or two that cannot be registered.
        GridError: a label map on another grid than its image.
        SettingsError: settings out of range.
    """
    say = report or (lambda _sentence: None)
    results = []
    for exam in exams:
        results.append(_examined(exam, localizer, view, settings or LabelSettings(), resample, say))
        say(f"{exam.date}: {results[-1].label_map.volume_mm3 / MM3_PER_ML:.1f} ml")
    moves = []
    for first, second in pairwise(results):
        moves.append(register_rigid(first.volume, second.volume))
        shift, angle = moves[-1].shift_mm, moves[-1].angle_deg
        say(f"{first.exam.date} to {second.exam.date}: registered, {shift:.1f} mm and {angle:.1f} degrees")
    components = [Components.of(result.label_map) for result in results]
    tracks = match_components(components, moves)
    tumours = tuple(_tumour(track, tracks, results, components) for track in tracks)
    return FollowUp(tuple(results), tumours, _total(results), tuple(moves))


def _examined(
    exam: Exam, localizer: Localizer | None, view: str, settings: LabelSettings, resample: bool, say: Report
) -> ExamResult:
    volume = read_volume(exam.path, series=exam.series)
    for note in volume.notes:
        say(f"{exam.date}: note: {note}")
    checksum = source_sha256(exam.path, series=exam.series)
    if exam.label_map is not None:
        own = read_label_map(exam.label_map)
        with prefix_path(exam.label_map):
            label_map = place_label_map(own, volume.grid, resample=resample)
        asked = {"min_volume_ml": settings.min_volume_ml, "keep_largest": settings.keep_largest}
        rules: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        kept = np.where(filter_components(label_map, **rules), label_map.array_kji, 0).astype(np.uint8)
        label_map = LabelMap(kept, label_map.grid, label_map.segments)
        facts = {
            "camlocalizer": VERSION,
            "source_sha256": checksum,
            "voxels_sha256": volume_sha256(volume),
            "label_map_sha256": source_sha256(exam.label_map),
            "settings": {**rules, "resample": resample},
        }
        return ExamResult(exam, volume, label_map, (), None, facts)
    if localizer is None:
        raise InputError(f"{exam.path}: brings no label map and no model is chosen; give one of them")
    found = localizer.run(volume, view=view)
    run = {"map": localizer.map, "batch_size": localizer.batch_size, "precision": localizer.precision}
    case = make_case(
        found, settings, escape_non_utf8(exam.path.name), run=run, timings_s=found.timings_s, source_sha256=checksum
    )
    return ExamResult(exam, volume, case.label_map, _varied(found, case), case, provenance(case))


def _varied(found: Findings, case: CaseResult) -> tuple[LabelMap, ...]:
    """Move what draws the border a tenth down and up: the uptake in projections, else the threshold."""
    settings = case.label_settings
    usual, value = settings.uptake_border, float(case.settings["threshold_value"])
    variants = []
    for factor in (1 - VARIATION, 1 + VARIATION):
        if usual:
            varied = settings.changed(uptake_border=str(UptakeBorder.parse(usual).scaled(factor)))
        else:
            varied = settings.changed(threshold=repr(min(value * factor, 1.0)))
        variants.append(found.label_map(varied))
    return tuple(variants)


def _tumour(
    track: Track, tracks: Sequence[Track], results: Sequence[ExamResult], components: Sequence[Components]
) -> Tumour:
    volumes: list[float | None] = [
        _volume_ml(found, number) for found, number in zip(components, track.components, strict=True)
    ]
    centres = [
        None if number is None else _point(found.centres_lps_mm[number - 1])
        for found, number in zip(components, track.components, strict=True)
    ]
    if track.merged_with is not None:
        seen = max(exam for exam, number in enumerate(track.components) if number is not None)
        volumes[seen + 1 :] = [None] * (len(volumes) - seen - 1)
    if track.split_from is not None:
        first = next(exam for exam, number in enumerate(track.components) if number is not None)
        volumes[:first] = [None] * first
    absorbed = tuple(other.number for other in tracks if other.merged_with == track.number)
    found = _measured(track.number, results, volumes, _variants(track, results, components), centres)
    return replace(found, merged_with=track.merged_with, absorbed=absorbed, split_from=track.split_from)


def _total(results: Sequence[ExamResult]) -> Tumour:
    volumes = [result.label_map.volume_mm3 / MM3_PER_ML for result in results]
    varied = all(result.varied for result in results)
    variants = [[result.varied[n].volume_mm3 / MM3_PER_ML for result in results] for n in range(2)] if varied else []
    return _measured(0, results, volumes, variants, [None] * len(results))


def _measured(
    number: int,
    results: Sequence[ExamResult],
    volumes: Sequence[float | None],
    variants: Sequence[Sequence[float]],
    centres: Sequence[tuple[float, float, float] | None],
) -> Tumour:
    days = [(result.exam.date - results[0].exam.date).days for result in results]
    measurements = tuple(
        Measurement(
            date=result.exam.date,
            days=days[index],
            volume_ml=volumes[index],
            range_ml=_range([volumes[index], *(values[index] for values in variants)]) if variants else None,
            centre_lps_mm=centres[index],
            change=_change(days[index - 1 : index + 1], volumes[index - 1 : index + 1]) if index else None,
        )
        for index, result in enumerate(results)
    )
    known = [volume or 0.0 for volume in volumes]
    doubling = doubling_days(days, known)
    times = [time for values in variants if (time := doubling_days(days, values)) is not None]
    spread = (min([*times, doubling]), max([*times, doubling])) if times and doubling is not None else None
    return Tumour(number, measurements, doubling, spread, None)


def _range(volumes: Sequence[float | None]) -> tuple[float, float] | None:
    known = [volume for volume in volumes if volume is not None]
    return (min(known), max(known)) if len(known) == len(volumes) else None


def _change(days: Sequence[int], volumes: Sequence[float | None]) -> Change | None:
    earlier, later = volumes
    return None if earlier is None or later is None else change_between(days[1] - days[0], earlier, later)


def _variants(track: Track, results: Sequence[ExamResult], components: Sequence[Components]) -> list[list[float]]:
    """Return the tumour's volumes at the lower and at the higher threshold; empty unless every exam has both."""
    if not all(result.varied for result in results):
        return []
    return [
        [
            _overlapping_ml(result.varied[which], found.labels_kji == number) if number is not None else 0.0
            for result, found, number in zip(results, components, track.components, strict=True)
        ]
        for which in range(2)
    ]


def _overlapping_ml(label_map: LabelMap, tumour: NDArray[np.bool_]) -> float:
    """Return the volume of the components that share a voxel with the tumour."""
    varied = Components.of(label_map)
    return sum((varied.volumes_ml[number - 1] for number in np.unique(varied.labels_kji[tumour]) if number), 0.0)


def _volume_ml(components: Components, number: int | None) -> float:
    return 0.0 if number is None else components.volumes_ml[number - 1]


def _point(values: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z
