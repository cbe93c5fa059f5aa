"""Settings of a review: every label map is the library's, voxel by voxel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.workbench import Change, Review

INTERACTIONS = {
    "threshold": lambda review, **options: review.set_threshold("0.3", **options),
    "number as threshold": lambda review, **options: review.set_threshold(0.25, **options),
    "percentile": lambda review, **options: review.set_threshold("q97", **options),
    "otsu": lambda review, **options: review.set_threshold("otsu", **options),
    "scales": lambda review, **options: review.set_scales((1, 3), **options),
    "weight": lambda review, **options: review.set_weight(2, 0.25, **options),
    "minimum volume": lambda review, **options: review.set_min_volume_ml(0.15, **options),
    "probability": lambda review, **options: review.set_probability_limit(0.5, **options),
    "normalisation": lambda review, **options: review.set_normalisation("slice", **options),
    "levels": lambda review, **options: review.set_normalisation("reference", **options),
    "largest": lambda review, **options: review.set_keep_largest(1, **options),
    "share": lambda review, **options: review.set_settings(review.settings.changed(min_share=0.5), **options),
    "extent": lambda review, **options: review.set_settings(review.settings.changed(min_extent_mm=7.0), **options),
    "refinement": lambda review, **options: review.set_refinement("random-walk", **options),
}


def expected(review: Review) -> np.ndarray:
    return review.found.label_map(review.settings).array_kji


@pytest.mark.parametrize("interaction", INTERACTIONS.values(), ids=INTERACTIONS)
def test_every_setting_gives_the_librarys_label_map_and_is_undone(review: Review, interaction) -> None:
    before, first = review.settings, review.mask.copy()
    assert interaction(review)
    assert review.settings != before
    np.testing.assert_array_equal(review.mask, expected(review))
    np.testing.assert_array_equal(review.activation, review.found.activation(review.settings))
    changed, second = review.settings, review.mask.copy()
    assert review.undo()
    assert review.settings == before
    np.testing.assert_array_equal(review.mask, first)
    assert review.redo()
    assert review.settings == changed
    np.testing.assert_array_equal(review.mask, second)


@pytest.mark.parametrize("interaction", INTERACTIONS.values(), ids=INTERACTIONS)
def test_previews_are_one_step_of_the_history(review: Review, interaction) -> None:
    before = review.settings
    review.set_threshold("0.45", preview=True)
    interaction(review, preview=True)
    assert not review.redo_text
    review.commit()
    np.testing.assert_array_equal(review.mask, expected(review))
    assert review.undo()
    assert review.settings == before
    assert not review.can_undo


def test_a_preview_equals_the_library_without_refinement(review: Review) -> None:
    review.set_refinement("random-walk")
    review.set_threshold("0.3", preview=True)
    plain = review.found.label_map(review.settings.changed(refinement="none")).array_kji
    assert review.rough
    np.testing.assert_array_equal(review.mask, plain)
    assert not np.array_equal(plain, expected(review))
    review.commit()
    assert not review.rough
    np.testing.assert_array_equal(review.mask, expected(review))


@pytest.mark.parametrize("refinement", ["none", "random-walk"])
def test_thin_components_are_left_out_as_in_the_library(review: Review, refinement: str) -> None:
    counts = []
    for extent_mm in (0.0, 5.0, 9.0, 1000.0):
        settings = review.settings.changed(min_extent_mm=extent_mm, threshold="q97", refinement=refinement)
        review.set_settings(settings)
        np.testing.assert_array_equal(review.mask, expected(review))
        counts.append(int(review.mask.sum()))
    assert counts[0] > counts[-1]


def test_an_interaction_that_ends_where_it_began_is_no_step(review: Review) -> None:
    review.set_threshold("0.3", preview=True)
    review.set_threshold("0.2", preview=True)
    review.commit()
    assert not review.can_undo


def test_undo_in_the_middle_of_an_interaction_goes_back_to_its_beginning(review: Review) -> None:
    review.set_threshold("0.4")
    review.set_threshold("0.3", preview=True)
    assert review.undo_text == "threshold 0.3"
    assert review.undo()
    assert (review.settings.threshold, review.undo_text, review.redo_text) == (
        "0.4",
        "threshold 0.4",
        "threshold 0.3",
    )


def test_a_new_interaction_forgets_what_was_undone(review: Review) -> None:
    review.set_threshold("0.4")
    review.undo()
    review.set_threshold("0.3")
    assert not review.can_redo
    assert not review.redo()


@pytest.mark.parametrize(
    ("interaction", "message"),
    [
        (lambda review: review.set_threshold("much"), "not understood"),
        (lambda review: review.set_threshold(1.5), "out of range"),
        (lambda review: review.set_scales(()), "no scale is selected; keep at least one"),
        (lambda review: review.set_scales((1, 7)), r"unknown scale 7; the model provides \(1, 2, 3\)"),
        (lambda review: review.set_weight(7, 1.0), "unknown scale 7"),
        (lambda review: review.set_weight(1, -1.0), "at least 0"),
        (lambda review: review.set_min_volume_ml(-1), "min_volume_ml must be at least 0"),
        (lambda review: review.set_probability_limit(1.5), "must be 0 to 1"),
        (lambda review: review.set_normalisation("hope"), "must be one of"),
        (lambda review: review.set_keep_largest(0), "at least 1"),
        (lambda review: review.set_uptake_border("40%"), "for models of projections"),
        (lambda review: review.set_refinement("wishes"), "must be one of"),
        (lambda review: review.reject_component(99), "there is no component 99"),
        (lambda review: review.withdraw(0), "there is no accepted segment 0"),
    ],
)
def test_an_impossible_value_is_refused_and_changes_nothing(review: Review, interaction, message: str) -> None:
    state, mask = review.state, review.mask.copy()
    with pytest.raises(SettingsError, match=message):
        interaction(review)
    assert review.state == state
    assert not review.can_undo
    np.testing.assert_array_equal(review.mask, mask)


def test_a_model_without_levels_refuses_them_and_keeps_its_map(found) -> None:
    review = Review(replace(found, card=replace(found.card, map_levels={})))
    activation = review.activation.copy()
    with pytest.raises(SettingsError, match="needs a level above 0"):
        review.set_normalisation("reference")
    assert review.settings.normalisation == "volume"
    np.testing.assert_array_equal(review.activation, activation)
    review.set_threshold("0.4")
    np.testing.assert_array_equal(review.mask, expected(review))


def test_a_scale_that_is_switched_off_keeps_its_weight(review: Review) -> None:
    review.set_weight(2, 0.3)
    review.set_scales((1,))
    review.set_scales((1, 2))
    assert dict(review.settings.weights)[2] == 0.3


def test_reset_goes_back_to_the_models_defaults_and_is_undone(review: Review) -> None:
    review.set_threshold("0.3")
    review.reject_component(1)
    changed = review.state
    review.reset()
    assert review.settings == review.found.default_settings()
    assert all(component.kept for component in review.components)
    review.undo()
    assert review.state == changed


def test_observers_hear_what_changed_until_they_leave(review: Review) -> None:
    heard: list[frozenset[Change]] = []
    leave = review.subscribe(heard.append)
    review.set_threshold("0.3", preview=True)
    assert heard == [{Change.SETTINGS, Change.LABEL_MAP, Change.COMPONENTS}]
    review.commit()
    assert heard[1:] == [{Change.HISTORY}]
    review.set_scales((1,))
    assert Change.ACTIVATION in heard[2]
    leave()
    review.undo()
    assert len(heard) == 4


def test_settings_can_be_set_all_at_once(review: Review) -> None:
    wanted = review.found.default_settings().changed(threshold="q98", scales=(3,), keep_largest=1)
    review.set_settings(wanted)
    np.testing.assert_array_equal(review.mask, review.found.label_map(wanted).array_kji)
    review.undo()
    assert review.settings == review.found.default_settings()


def test_projections_are_outlined_by_uptake_as_in_the_library(projected) -> None:
    review = Review(projected)
    assert review.mask.any()
    for interaction in (
        lambda: review.set_uptake_border("70%"),
        lambda: review.set_threshold("0.2"),
        lambda: review.set_min_volume_ml(5.0),
        lambda: review.set_probability_limit(0.95),
    ):
        interaction()
        np.testing.assert_array_equal(review.mask, expected(review))
    assert not review.mask.any()
    with pytest.raises(SettingsError, match="is for slices"):
        review.set_refinement("geodesic")


def test_the_volume_curve_counts_the_voxels_of_the_threshold(review: Review) -> None:
    thresholds, volumes_ml = review.volume_curve()
    voxel_ml = review.found.volume.grid.voxel_volume_mm3 / 1000
    for index in (1, 64, 128, 256):
        counted = np.count_nonzero(review.activation >= thresholds[index])
        assert volumes_ml[index] == pytest.approx(counted * voxel_ml)
    np.testing.assert_array_equal(
        review.histogram(16), np.histogram(review.activation[review.activation > 0], 16, (0, 1))[0]
    )


def test_the_maps_of_the_scales_are_those_of_the_strongest_image(review: Review) -> None:
    maps = review.scale_maps
    assert {scale: values.shape for scale, values in maps.items()} == {1: (24, 24), 2: (12, 12), 3: (6, 6)}
    assert np.unravel_index(maps[1].argmax(), (24, 24)) == (16, 12)
    assert review.map_of_scale(3).shape == (9, 6, 6)


def test_another_method_takes_the_same_voxels(review: Review) -> None:
    review.set_threshold("0.2531")
    mask = review.mask.copy()
    for method, beginning in (("percentile", "q"), ("fixed", "0.25")):
        review.set_threshold(review.threshold_as(method))
        assert review.settings.threshold.startswith(beginning)
        np.testing.assert_array_equal(review.mask, mask)
    assert review.threshold_as("otsu") == "otsu"
    with pytest.raises(SettingsError, match="method of the threshold"):
        review.threshold_as("guess")


@pytest.mark.parametrize("preview", [True, False])
def test_a_limit_that_leaves_no_slice_leaves_nothing_and_is_taken_back(review: Review, preview: bool) -> None:
    before = review.label_map.array_kji
    review.set_probability_limit(1.0, preview=preview)
    review.commit()
    assert (review.volume_ml, review.components) == (0, ())
    assert not review.label_map.array_kji.any()
    review.undo()
    np.testing.assert_array_equal(review.label_map.array_kji, before)
