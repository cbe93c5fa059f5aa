"""Components that are rejected, and label maps that are accepted."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.segment import components
from CAMLocalizerLib.workbench import Review


@pytest.fixture
def review(found) -> Review:
    """Three components, one per spot."""
    review = Review(found)
    assert len(review.components) == 3
    return review


def remaining(review: Review) -> list[int]:
    return [component.label for component in review.components if component.kept]


def test_components_are_the_librarys_with_the_voxels_of_their_peaks(review: Review) -> None:
    theirs = components(review.label_map, None, review.activation)
    for ours, other in zip(review.components, theirs, strict=True):
        assert (ours.label, ours.voxels, ours.peak) == (other.label, other.voxels, other.peak)
        assert ours.volume_ml == pytest.approx(other.volume_mm3 / 1000)
        assert ours.centre_lps_mm == other.centre_lps_mm
        assert review.activation[ours.peak_kji] == ours.peak
    assert review.volume_ml == pytest.approx(review.label_map.volume_mm3 / 1000)


@pytest.mark.parametrize("label", [1, 2, 3])
def test_a_rejected_component_leaves_the_label_map_and_comes_back(review: Review, label: int) -> None:
    whole, peak = review.mask.copy(), review.components[label - 1].peak_kji
    assert review.reject_component(label)
    assert review.mask[peak] == 0
    assert review.mask.sum() == whole.sum() - review.components[label - 1].voxels
    assert len(review.components) == 3
    assert label not in remaining(review)
    review.undo()
    np.testing.assert_array_equal(review.mask, whole)
    review.redo()
    assert review.restore_component(label)
    np.testing.assert_array_equal(review.mask, whole)
    review.undo()
    assert label not in remaining(review)


def test_clicks_toggle_the_component_under_them(review: Review) -> None:
    k, j, i = review.components[1].peak_kji
    place = review.found.volume.grid.to_lps((i, j, k))
    assert review.toggle_component_at(place) == 2
    assert remaining(review) == [1, 3]
    assert review.toggle_component_at(place) == 2
    assert remaining(review) == [1, 2, 3]
    assert review.toggle_component_at((5000.0, 0.0, 0.0)) == 0
    assert review.toggle_component_at(review.found.volume.grid.to_lps((0, 0, 0))) == 0


def test_a_rejected_component_stays_rejected_while_the_threshold_moves(review: Review) -> None:
    peak = review.components[0].peak_kji
    review.reject_component(1)
    for threshold in ("0.3", "0.25", "0.1"):
        review.set_threshold(threshold)
        assert review.mask[peak] == 0
        assert review.mask.any()


def test_a_component_that_joins_a_rejected_and_a_kept_one_is_kept(review: Review) -> None:
    whole = review.mask.copy()
    review.reject_component(1)
    review.set_threshold("0.01")
    assert len(review.components) < 3
    assert review.components[0].kept
    review.set_threshold("0.2")
    assert remaining(review) == [2, 3]
    review.keep_all()
    np.testing.assert_array_equal(review.mask, whole)
    review.undo()
    assert remaining(review) == [2, 3]


def test_rejecting_the_joined_component_rejects_all_of_it(review: Review) -> None:
    review.reject_component(1)
    review.set_threshold("0.01")
    review.reject_component(1)
    assert not review.components[0].kept
    review.set_threshold("0.2")
    assert remaining(review) == []


def test_rejecting_every_component_leaves_nothing_to_accept(review: Review) -> None:
    for label in (1, 2, 3):
        review.reject_component(label)
    assert not review.mask.any()
    with pytest.raises(SettingsError, match="nothing to accept"):
        review.accept()


def test_an_accepted_segment_keeps_voxels_settings_and_where_they_came_from(review: Review) -> None:
    review.reject_component(2)
    segment = review.accept()
    np.testing.assert_array_equal(segment.label_map.array_kji, review.mask)
    assert segment.label_map.segments == ("Tumour 1",)
    assert segment.volume_ml == pytest.approx(review.volume_ml)
    assert segment.settings == review.settings
    assert segment.model == ("tiny", "1.2", "ab" * 32)
    assert segment.provenance()["settings"]["threshold"] == "0.2"
    assert segment.packed.nbytes == -(-review.mask.size // 8)
    mask = review.mask.copy()
    review.set_threshold("0.3")
    np.testing.assert_array_equal(segment.mask, mask)


def test_accept_and_withdraw_are_undone_and_done_again(review: Review) -> None:
    first = review.accept()
    review.reject_component(2)
    second = review.accept("Metastasis")
    assert [segment.name for segment in review.accepted] == ["Tumour 1", "Metastasis"]
    assert review.undo_text == "accept Metastasis"
    review.withdraw(0)
    assert review.accepted == (second,)
    review.undo()
    assert review.accepted == (first, second)
    review.undo()
    review.undo()
    review.undo()
    assert review.accepted == ()
    review.redo()
    assert review.accepted == (first,)


def test_names_are_given_once_and_numbers_used_again(review: Review) -> None:
    review.accept()
    review.set_threshold("0.3")
    with pytest.raises(SettingsError, match="called 'Tumour 1' already"):
        review.accept("Tumour 1")
    assert review.accept("  ").name == "Tumour 2"
    review.withdraw(0)
    review.set_threshold("0.4")
    assert review.accept().name == "Tumour 1"


def test_a_label_map_is_accepted_once(review: Review) -> None:
    review.accept()
    assert review.accepted_as == "Tumour 1"
    with pytest.raises(SettingsError, match="accepted as Tumour 1 already"):
        review.accept("Again")
    review.reject_component(1)
    assert review.accepted_as == ""
    review.accept()
    review.withdraw(0)
    review.restore_component(1)
    assert review.accepted_as == ""
    assert [segment.name for segment in review.accepted] == ["Tumour 2"]


def test_accepting_in_the_middle_of_an_interaction_ends_it_first(review: Review) -> None:
    review.set_refinement("random-walk")
    review.set_threshold("0.25", preview=True)
    segment = review.accept()
    np.testing.assert_array_equal(segment.mask, review.found.label_map(segment.settings).array_kji)
    review.undo()
    assert review.settings.threshold == "0.25"
    review.undo()
    assert review.settings.threshold == "0.2"
