"""A label map that was changed by hand: shown, listed and accepted as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_stand_ins import Bench, draw

from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.workbench import Change

PREVIEW = "CAMLocalizerPreview"
FAR = (0, 22, 1)  # a voxel of no component


def test_volume_and_components_are_those_that_are_accepted(workbench: Any) -> None:
    review = workbench.review
    hole = review.components[0].peak_kji
    draw(workbench.preview_node, PREVIEW, FAR)
    draw(workbench.preview_node, PREVIEW, hole, 0)
    volume, components = review.volume_ml, review.components
    segment = review.accept()
    assert volume == pytest.approx(segment.volume_ml)
    assert sum(component.volume_ml for component in components) == pytest.approx(segment.volume_ml)
    assert sum(component.voxels for component in components) == segment.mask.sum()
    assert FAR in [component.peak_kji for component in components]
    assert all(component.kept for component in components)


def test_observers_hear_of_each_edit_once_it_is_made(workbench: Any) -> None:
    review = workbench.review
    heard: list[frozenset[Change]] = []
    review.subscribe(heard.append)
    draw(workbench.preview_node, PREVIEW, FAR)
    assert set(heard) == {frozenset({Change.DRAWN})}
    volume = review.volume_ml
    heard.clear()
    draw(workbench.preview_node, PREVIEW, FAR, 0)
    assert set(heard) == {frozenset({Change.DRAWN})}
    assert review.volume_ml < volume
    assert not review.edited


def test_own_writes_and_surfaces_are_no_edits(workbench: Any) -> None:
    heard: list[frozenset[Change]] = []
    workbench.review.subscribe(heard.append)
    workbench.review.set_threshold("0.3")
    workbench.on_pause()
    assert not any(Change.DRAWN in changes for changes in heard)


def test_a_review_that_is_left_is_not_told(bench: Bench, workbench: Any) -> None:
    review, node = workbench.review, workbench.preview_node
    heard: list[frozenset[Change]] = []
    review.subscribe(heard.append)
    workbench.choose_volume(None)
    heard.clear()
    draw(node, PREVIEW, FAR)
    assert heard == []


def test_rejecting_a_listed_component_asks_and_means_the_one_at_its_place(bench: Bench, workbench: Any) -> None:
    review = workbench.review
    largest = review.components[0]
    mask = review.mask.copy()
    for voxel in np.argwhere(mask)[review._mask_state.component_set.voxels[0] :: 2]:  # the order of the list changes
        draw(workbench.preview_node, PREVIEW, tuple(voxel.tolist()), 0)
    listed = review.components
    assert review.edited
    assert not review.reject_component(listed[0].label)
    assert "edited by hand" in bench.questions[0]
    bench.answer = True
    peak = listed[0].peak_kji
    assert review.reject_component(listed[0].label)
    assert review.mask[peak] == 0
    assert not review.edited
    assert largest.voxels == max(component.voxels for component in review.components)


def test_a_component_drawn_by_hand_alone_cannot_be_rejected(workbench: Any) -> None:
    review = workbench.review
    draw(workbench.preview_node, PREVIEW, FAR)
    with pytest.raises(SettingsError, match="was drawn by hand; erase it where it was drawn"):
        review.reject_component(len(review.components))


def test_a_refused_change_lets_observers_show_the_components_as_they_are(workbench: Any) -> None:
    draw(workbench.preview_node, PREVIEW, FAR)
    heard: list[frozenset[Change]] = []
    workbench.review.subscribe(heard.append)
    assert not workbench.review.reject_component(1)
    assert heard == [frozenset({Change.SETTINGS, Change.COMPONENTS})]


def test_an_export_holds_what_was_corrected_after_it_was_accepted(workbench: Any, tmp_path: Path) -> None:
    from CAMLocalizerLib.io import read_label_map
    from CAMLocalizerLib.mrml import segment_ids

    review = workbench.review
    accepted = review.accept()
    (segment_id,) = segment_ids(workbench.output_node)
    hole = review.components[0].peak_kji
    draw(workbench.output_node, segment_id, hole, 0)
    expected = accepted.mask
    expected[hole] = 0
    folder = review.export(tmp_path, "corrected")
    np.testing.assert_array_equal(read_label_map(folder / "labelmap.nii.gz").array_kji != 0, expected != 0)
    (told,) = json.loads((folder / "report.json").read_text())["settings"]["review"]["accepted"]
    assert told["edited_by_hand"]
    assert told["volume_ml"] == pytest.approx(expected.sum() * accepted.grid.voxel_volume_mm3 / 1000, abs=1e-6)
    assert not accepted.edited


def test_an_export_leaves_out_what_was_deleted_after_it_was_accepted(workbench: Any, tmp_path: Path) -> None:
    from CAMLocalizerLib.io import read_label_map
    from CAMLocalizerLib.mrml import segment_ids

    review = workbench.review
    review.accept()
    review.set_threshold("0.4")
    review.accept()
    first, _second = segment_ids(workbench.output_node)
    workbench.output_node.GetSegmentation().RemoveSegment(first)
    folder = review.export(tmp_path, "one")
    np.testing.assert_array_equal(read_label_map(folder / "labelmap.nii.gz").array_kji, review.mask)
