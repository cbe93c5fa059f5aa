"""Matching: follow the components of one exam through the next exams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from ..core import MM3_PER_ML, LabelMap, label_components
from .registration import RigidTransform

SLACK_MM = 10.0
OVERLAP_WEIGHT = 1000.0
MIN_GAIN = 1e-6
MIN_OVERLAP_FRACTION = 0.5


@dataclass(frozen=True, eq=False)
class Components:
    """The connected components of an exam, largest first.

    Args:
        labels_kji: 0 background, then 1, 2, ... by size.
        label_map: label map of the exam.
        volumes_ml: volume of each component.
        centres_lps_mm: centre of mass of each component, shape (components, 3).
    """

    labels_kji: NDArray[np.int32]
    label_map: LabelMap
    volumes_ml: tuple[float, ...]
    centres_lps_mm: NDArray[np.float64]

    @classmethod
    def of(cls, label_map: LabelMap) -> Components:
        """Find the connected components (26 neighbours) of everything that is labelled."""
        raw, count = label_components(label_map.array_kji > 0)
        sizes = np.bincount(raw.ravel(), minlength=count + 1)[1:]
        order = np.argsort(-sizes, kind="stable")
        new = np.zeros(count + 1, np.int32)
        new[order + 1] = np.arange(1, count + 1)
        labels = new[raw]
        places = ndimage.center_of_mass(labels > 0, labels, range(1, count + 1)) if count else []
        centres = label_map.grid.to_lps(np.array(places)[:, ::-1]) if count else np.zeros((0, 3))
        unit = label_map.grid.voxel_volume_mm3 / MM3_PER_ML
        return cls(labels, label_map, tuple((sizes[order] * unit).tolist()), centres)

    def __len__(self) -> int:
        return len(self.volumes_ml)

    def points_lps_mm(self, number: int) -> NDArray[np.float64]:
        """Return the voxel centres of component ``number``, from 1, shape (voxels, 3)."""
        return self.label_map.grid.to_lps(np.argwhere(self.labels_kji == number)[:, ::-1])

    def at(self, lps_mm: NDArray[np.float64]) -> NDArray[np.int32]:
        """Return the number of the component at each position, 0 for background, shape (positions,)."""
        grid = self.label_map.grid
        nearest = np.rint(grid.to_ijk(lps_mm)).astype(int)
        inside = ((nearest >= 0) & (nearest < grid.size)).all(axis=1)
        found = np.zeros(len(nearest), np.int32)
        i, j, k = nearest[inside].T
        found[inside] = self.labels_kji[k, j, i]
        return found

    def radius_mm(self, number: int) -> float:
        """Return the radius of a sphere with the volume of component ``number``."""
        return float(np.cbrt(self.volumes_ml[number - 1] * MM3_PER_ML * 3 / (4 * np.pi)))


@dataclass(frozen=True)
class Track:
    """One tumour over all exams.

    Args:
        number: from 1, in the order of appearance and size.
        components: number of its component in each exam; None if it was not found.
        merged_with: track that it merged with; usually None.
        split_from: track that it split from; usually None.
    """

    number: int
    components: tuple[int | None, ...]
    merged_with: int | None = None
    split_from: int | None = None


def match_components(exams: Sequence[Components], to_next: Sequence[RigidTransform]) -> tuple[Track, ...]:
    """Follow every component through the exams.

    Two components of consecutive exams match if they overlap after registration, or if spheres of their volumes would
    be within 10 mm of each other. The assignment maximises the overlap (Dice coefficient) and then minimises the
    distance. A component that is missing in one exam is searched for in the next one at its last position.

    Args:
        exams: components of each exam, in chronological order.
        to_next: transform from each exam to the next, one fewer than exams.

    Returns:
        The tracks. If two tracks merge into one component, the one that overlaps less gets ``merged_with`` and has no
        component in later exams. If a component splits, the part that overlaps less becomes a new track with
        ``split_from``.
    """
    histories: list[list[int | None]] = []
    for index, components in enumerate(exams):
        for history in histories:
            history.append(None)
        taken = _matched(histories, exams, to_next, index) if index else {}
        for row, number in taken.items():
            histories[row][index] = number
        fresh = set(range(1, len(components) + 1)) - set(taken.values())
        histories += [[*[None] * index, number] for number in sorted(fresh)]
    merges = _merges(histories, exams, to_next)
    splits = _splits(histories, exams, to_next)
    return tuple(Track(n + 1, tuple(history), merges.get(n), splits.get(n)) for n, history in enumerate(histories))


def _matched(
    histories: Sequence[Sequence[int | None]],
    exams: Sequence[Components],
    to_next: Sequence[RigidTransform],
    index: int,
) -> dict[int, int]:
    """Assign the components of exam ``index`` to the existing tracks: row of the track to number of the component."""
    new = exams[index]
    if not histories or not len(new):
        return {}
    # A missing match has gain 0, so that a large overlap is never given up for matches of two tiny components.
    gains = np.zeros((len(histories), len(new)))
    for row, history in enumerate(histories):
        last, number, moved, centre = _last_seen(history, exams, to_next, index)
        shared_ml = np.bincount(new.at(moved), minlength=len(new) + 1)[1:] * last.volumes_ml[number - 1] / len(moved)
        dice = 2 * shared_ml / (last.volumes_ml[number - 1] + np.array(new.volumes_ml))
        for column in range(len(new)):
            reach = last.radius_mm(number) + new.radius_mm(column + 1) + SLACK_MM
            distance = float(np.linalg.norm(centre - new.centres_lps_mm[column])) / reach
            if dice[column] > 0 or distance <= 1:
                gains[row, column] = OVERLAP_WEIGHT * dice[column] + 1 - min(distance, 1.0) + MIN_GAIN
    rows, columns = linear_sum_assignment(gains, maximize=True)
    return {int(r): int(c) + 1 for r, c in zip(rows, columns, strict=True) if gains[r, c] > 0}


def _last_seen(
    history: Sequence[int | None], exams: Sequence[Components], to_next: Sequence[RigidTransform], index: int
) -> tuple[Components, int, NDArray[np.float64], NDArray[np.float64]]:
    """Return the exam and component where a track was last seen, and its voxels and centre moved to exam ``index``."""
    seen = max(exam for exam, number in enumerate(history) if number is not None)
    number = history[seen]
    assert number is not None
    points, centre = exams[seen].points_lps_mm(number), exams[seen].centres_lps_mm[number - 1]
    for transform in to_next[seen:index]:
        points, centre = transform.apply(points), transform.apply(centre)
    return exams[seen], number, points, centre


def _merges(
    histories: Sequence[Sequence[int | None]], exams: Sequence[Components], to_next: Sequence[RigidTransform]
) -> dict[int, int]:
    """Find tracks that end because they merged with another track: row to number of the other track."""
    merges = {}
    for row, history in enumerate(histories):
        seen = max(exam for exam, number in enumerate(history) if number is not None)
        if seen == len(exams) - 1:
            continue
        _, _, moved, _ = _last_seen(history, exams, to_next, seen + 1)
        hits = np.bincount(exams[seen + 1].at(moved), minlength=len(exams[seen + 1]) + 1)
        if len(hits) > 1 and hits[1:].max() > 0:
            component = int(hits[1:].argmax()) + 1
            merges[row] = next(n for n, other in enumerate(histories) if other[seen + 1] == component) + 1
    return merges


def _splits(
    histories: Sequence[Sequence[int | None]], exams: Sequence[Components], to_next: Sequence[RigidTransform]
) -> dict[int, int]:
    """Find tracks that start mostly within another track's earlier component: row to number of the other track."""
    splits = {}
    for row, history in enumerate(histories):
        first = next(exam for exam, number in enumerate(history) if number is not None)
        number = history[first]
        if first == 0 or number is None:
            continue
        before = exams[first - 1]
        moved = to_next[first - 1].inverse().apply(exams[first].points_lps_mm(number))
        hits = np.bincount(before.at(moved), minlength=len(before) + 1)
        if len(before) and hits[1:].max() > MIN_OVERLAP_FRACTION * len(moved):
            component = int(hits[1:].argmax()) + 1
            splits[row] = next(n for n, other in enumerate(histories) if other[first - 1] == component) + 1
    return splits
