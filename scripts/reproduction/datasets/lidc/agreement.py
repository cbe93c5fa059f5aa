"""Grouping of several readers' outlines by nodule, and the readers' joint rating."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .annotations import Annotation

LEAST_READERS = 3
UNDECIDED = 3.0
TIGHTER = 0.9
TIGHTEST = 0.1


@dataclass(frozen=True)
class RatedNodule:
    """A nodule as its readers see it together.

    Args:
        rating: mean malignancy, 1 to 5.
        readers: how many outlined it.
        column, row: centre in pixels of the scan.
        z_mm: centre along the scan.
        diameter_px: mean of the readers' equivalent diameters.
    """

    rating: float
    readers: int
    column: float
    row: float
    z_mm: float
    diameter_px: float

    @property
    def malignant(self) -> bool:
        """Whether the rating is above 3."""
        return self.rating > UNDECIDED


def rated_nodules(annotations: Sequence[Annotation], pixel_mm: float) -> tuple[RatedNodule, ...]:
    """Return the nodules that at least three readers outlined and did not rate 3 on average.

    A group in which one reader has two outlines after all is ambiguous, and is left out as the paper leaves out
    ambiguous identifiers.

    Args:
        annotations: of one scan.
        pixel_mm: distance of neighbouring pixels of a slice.

    Source:
        Lei et al., 2018, Data Preparation.
    """
    groups = (group for group in group_annotations(annotations, pixel_mm) if _unambiguous(group))
    nodules = (_nodule(group) for group in groups if len(group) >= LEAST_READERS)
    return tuple(nodule for nodule in nodules if nodule.rating != UNDECIDED)


def group_annotations(annotations: Sequence[Annotation], pixel_mm: float) -> list[list[Annotation]]:
    """Group annotations that show one nodule, in the order of the first of each group.

    Two annotations belong together where the distance of their centres is below the larger of their radii, and so do
    those that a chain of such pairs connects. A group with two annotations of one reader is divided again with the
    limit tightened by a tenth, until each reader is there once or a tenth of the radius is left. (pylidc tightens
    likewise, from the distance of the nearest outline points, which grows slow for large outlines.)

    Args:
        annotations: of one scan.
        pixel_mm: distance of neighbouring pixels of a slice.
    """
    return list(_divided(list(annotations), pixel_mm, 1.0))


def _divided(annotations: list[Annotation], pixel_mm: float, limit: float) -> Iterable[list[Annotation]]:
    for group in _connected(annotations, pixel_mm, limit):
        if _unambiguous(group) or limit < TIGHTEST:
            yield group
        else:
            yield from _divided(group, pixel_mm, limit * TIGHTER)


def _connected(annotations: list[Annotation], pixel_mm: float, limit: float) -> list[list[Annotation]]:
    group_of = list(range(len(annotations)))
    for one, other in combinations(range(len(annotations)), 2):
        if _distance(annotations[one], annotations[other], pixel_mm) < limit:
            old, new = sorted((group_of[one], group_of[other]), reverse=True)
            group_of = [new if group == old else group for group in group_of]
    return [
        [each for each, group in zip(annotations, group_of, strict=True) if group == wanted]
        for wanted in dict.fromkeys(group_of)
    ]


def _distance(one: Annotation, other: Annotation, pixel_mm: float) -> float:
    """Distance of two centres as a multiple of the larger radius."""
    apart = np.linalg.norm((one.centre - other.centre) * (pixel_mm, pixel_mm, 1.0))
    return float(apart / (max(one.diameter_px, other.diameter_px) * pixel_mm / 2))


def _unambiguous(group: Sequence[Annotation]) -> bool:
    return len({each.reader for each in group}) == len(group)


def _nodule(group: Sequence[Annotation]) -> RatedNodule:
    column, row, z_mm = np.mean([each.centre for each in group], axis=0).tolist()
    rating = float(np.mean([each.malignancy for each in group]))
    return RatedNodule(rating, len(group), column, row, z_mm, float(np.mean([each.diameter_px for each in group])))
