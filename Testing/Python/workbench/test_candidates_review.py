"""Candidates that the threshold leaves out: listed, added by one click, and remembered."""

from __future__ import annotations

import numpy as np
import pytest
from uptake_phantoms import hot_balls, judged_volume

from CAMLocalizerLib.workbench import Review
from CAMLocalizerLib.workbench.review.saving import review_from_state, review_to_state

BALLS = [((12, 20, 12), 3.0, 8.0), ((34, 18, 30), 4.0, 5.0), ((34, 22, 12), 3.0, 4.0)]


@pytest.fixture
def review() -> Review:
    return Review(judged_volume(hot_balls(BALLS), [0.9, 0.3, 0.1]))


def states(review: Review) -> list[tuple[float, bool, bool]]:
    return [(round(entry.peak, 1), entry.kept, entry.left_out) for entry in review.components]


def test_they_are_listed_after_the_components_and_belong_to_no_label_map(review) -> None:
    assert states(review) == [(0.9, True, False), (0.3, False, True), (0.1, False, True)]
    np.testing.assert_array_equal(review.mask, review.found.label_map(review.settings).array_kji)
    assert review.volume_ml == pytest.approx(review.components[0].volume_ml)
    assert review.suv_total.max_suv == pytest.approx(review.components[0].suv.max_suv)


def test_one_click_takes_one_in_and_another_leaves_it_out_again(review) -> None:
    before = review.mask.copy()
    place = review.found.volume.grid.to_lps((30, 18, 34))
    assert review.toggle_component_at(place) == 2
    assert states(review)[1] == (0.3, True, True)
    assert review.mask[34, 18, 30] == 1
    assert review.mask.sum() == before.sum() + review.components[1].voxels
    review.undo()
    np.testing.assert_array_equal(review.mask, before)
    review.redo()
    assert review.toggle_component_at(place) == 2
    np.testing.assert_array_equal(review.mask, before)


def test_what_was_taken_in_stays_when_others_are_rejected_and_the_threshold_moves(review) -> None:
    review.restore_component(2)
    review.reject_component(1)
    assert states(review) == [(0.9, False, False), (0.3, True, True), (0.1, False, True)]
    review.set_threshold("0.95")
    assert states(review) == [(0.9, False, True), (0.3, True, True), (0.1, False, True)]
    review.set_threshold("0.2")
    assert sorted(states(review)) == [(0.1, False, True), (0.3, True, False), (0.9, False, False)]


def test_a_component_that_was_kept_goes_when_the_threshold_rises_above_it(review) -> None:
    review.set_threshold("0.2")
    review.reject_component(1)
    kept = [entry for entry in review.components if entry.kept]
    assert len(kept) == 1
    review.set_threshold("0.95")
    assert not review.mask.any()


def test_keep_all_does_not_take_them_in(review) -> None:
    review.restore_component(2)
    review.reject_component(1)
    review.keep_all()
    assert states(review) == [(0.9, True, False), (0.3, False, True), (0.1, False, True)]


def test_a_stored_review_remembers_what_was_taken_in(review) -> None:
    review.restore_component(3)
    payload, arrays = review_to_state(review)
    again = review_from_state(payload, arrays, review.found.volume)
    assert states(again) == states(review)
    del payload["restored_kji"]  # as version 0.1 wrote it
    assert states(review_from_state(payload, arrays, review.found.volume))[2] == (0.1, False, True)
