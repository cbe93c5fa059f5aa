"""Which candidates count as tumours, by lesions and by points."""

from __future__ import annotations

import numpy as np
from uptake_phantoms import SHAPE, hot_balls

from CAMLocalizerLib.segment import find_candidates
from reproduction.models.pet_fdg import lesion_labels, point_labels

BALLS = [((12, 20, 12), 3.0, 8.0), ((34, 18, 30), 4.0, 6.0), ((34, 22, 10), 3.0, 5.0)]


def ball(centre: tuple[int, int, int], radius: float) -> np.ndarray:
    return sum((line - c) ** 2 for line, c in zip(np.indices(SHAPE), centre, strict=True)) <= radius**2


def test_lesions_label_the_candidates_whose_core_they_fill() -> None:
    candidates = find_candidates(hot_balls(BALLS))
    lesions = ball((34, 18, 30), 4.0).astype(np.uint8) * 3
    np.testing.assert_array_equal(lesion_labels(candidates, lesions), [0, 1, 0])
    beside = ball((34, 22, 14), 1.2)  # at the rim of the third one's core
    np.testing.assert_array_equal(lesion_labels(candidates, beside), [0, 0, -1])
    np.testing.assert_array_equal(lesion_labels(candidates, np.zeros(SHAPE)), [0, 0, 0])


def test_a_point_labels_the_candidate_it_lies_in_or_the_nearest_one() -> None:
    candidates = find_candidates(hot_balls(BALLS, background=0.5))  # too low to belong to a basin
    np.testing.assert_array_equal(point_labels(candidates, [(34, 19, 29)]), [0, 1, 0])
    np.testing.assert_array_equal(point_labels(candidates, [(12, 20, 12), (34, 22, 10)]), [1, 0, 1])
    np.testing.assert_array_equal(point_labels(candidates, [(22, 20, 14)]), [0, 0, 0])  # 40 mm from all
    np.testing.assert_array_equal(point_labels(candidates, [(19, 20, 12)]), [1, 0, 0])  # in no basin, but near
    assert len(point_labels(find_candidates(hot_balls([])), [(1, 2, 3)])) == len(find_candidates(hot_balls([])))


def test_all_of_a_large_tumour_is_tumour_and_what_only_touches_it_unclear() -> None:
    parts = [((24, 20, 16), 4.0, 8.0), ((24, 20, 25), 4.0, 7.0), ((24, 20, 33), 2.5, 7.0)]
    candidates = find_candidates(hot_balls(parts, blur=1.3))
    assert len(candidates) == 3
    np.testing.assert_array_equal(point_labels(candidates, [(24, 20, 17)])[:2], [1, 1])
    assert point_labels(candidates, [(24, 20, 17)])[2] in (-1, 0)
