"""Which candidates explain a slice's label."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.training.pseudo_targets import network_target, saliencies, saliency_target
from CAMLocalizerLib.training.regions import Region
from CAMLocalizerLib.training.slices import SliceSet

SHAPE = (40, 40)


def region(row: int, column: int, **measures) -> Region:
    window = (slice(row, row + 8), slice(column, column + 8))
    settings = {"contrast": 2.0, "roundness": 0.9, "head_depth": 12.0, "brain_depth": 6.0, "inside_brain": 1.0}
    place = (row / SHAPE[0], column / SHAPE[1])
    return Region(window, np.ones((8, 8), dtype=bool), 64, True, **(settings | {"place": place} | measures))


def slice_set(labels: list[int]) -> SliceSet:
    count = len(labels)
    names = np.array([f"p{index}" for index in range(count)])
    planes, sites = np.array(["axial"] * count), np.array(["site"] * count)
    return SliceSet(np.zeros((count, *SHAPE), np.float32), np.array(labels), planes, names, sites, np.ones(count, int))


def test_a_bright_place_common_to_all_classes_loses_against_one_of_this_class_alone() -> None:
    normal, tumour = region(0, 0), region(24, 4)
    regions = [[normal, tumour]] * 6 + [[normal]] * 6
    scores = saliencies(slice_set([1] * 6 + [3] * 6), regions, infiltrating=2)
    assert scores[0][1] > 2 * scores[0][0]


def test_an_infiltrating_lesion_may_be_dark_where_it_differs_from_the_other_side() -> None:
    lesion = region(4, 4, contrast=-2.0, asymmetry=1.0)
    ventricle = region(4, 20, contrast=-2.0, asymmetry=0.0)
    scores = saliencies(slice_set([2]), [[lesion, ventricle]], infiltrating=2)[0]
    assert scores[0] == pytest.approx(10 * scores[1])


def test_the_saliency_target_is_the_best_candidate_where_it_stands_alone() -> None:
    target = saliency_target([region(0, 0), region(20, 20)], np.array([0.1, 9.0]), SHAPE)
    assert target[20:28, 20:28].min() > 0.99
    assert target[:8, :8].max() < 0.01


def test_the_network_moves_the_target_to_the_candidate_it_sees() -> None:
    evidence = np.zeros(SHAPE, np.float32)
    evidence[:8, :8] = 0.9
    target = network_target([region(0, 0), region(20, 20)], np.array([1.0, 1.2]), evidence)
    assert target[:8, :8].min() > 0.9
    assert target[20:28, 20:28].max() < 0.1


def test_a_slice_without_candidates_has_an_empty_target() -> None:
    assert not saliency_target([], np.zeros(0), SHAPE).any()
    assert not network_target([], np.zeros(0), np.ones(SHAPE, np.float32)).any()
