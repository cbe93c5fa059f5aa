"""Localizations: label maps from a kept pyramid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.localizer import LabelSettings, Localizer
from CAMLocalizerLib.segment import fuse, refine


@pytest.fixture
def found(tiny_model, oblique_volume):
    return Localizer(tiny_model, device="cpu").run(oblique_volume)


def test_the_defaults_are_those_of_the_model(found):
    expected = fuse(found.pyramid, scales=(1, 4)) >= 0.4
    np.testing.assert_array_equal(found.label_map().array_kji, expected)


def test_other_settings_cost_no_inference(found, monkeypatch):
    monkeypatch.setattr("CAMLocalizerLib.localizer.inference.SliceRunner.run", None)
    few, many = (found.label_map(threshold=threshold, scales=(2,)).volume_mm3 for threshold in ("0.9", "0.2"))
    assert 0 < few < many


def test_weights_choose_their_scales(found):
    expected = fuse(found.pyramid, weights={2: 1.0, 3: 0.5})
    np.testing.assert_array_equal(found.activation(weights={2: 1.0, 3: 0.5}), expected)


def test_the_weights_of_the_model_hold_for_its_scales(found):
    weighted = replace(found, card=replace(found.card, scale_weights=(1.0, 3.0)))
    np.testing.assert_array_equal(weighted.activation(), fuse(found.pyramid, weights={1: 1.0, 4: 3.0}))
    assert LabelSettings(scales=(2, 4)).completed(weighted.default_settings()).fusing()["weights"] == {2: 1.0, 4: 3.0}


def test_reference_levels_of_the_model_are_used(found):
    card = replace(found.card, map_normalisation="reference", map_levels={1: 0.01, 4: 0.02})
    expected = fuse(found.pyramid, scales=(1, 4), normalisation="reference", reference={1: 0.01, 4: 0.02})
    np.testing.assert_array_equal(replace(found, card=card).activation(), expected)


def test_the_activation_is_remembered_and_cannot_be_changed(found):
    assert found.activation() is found.activation()
    with pytest.raises(ValueError, match="read-only"):
        found.activation()[0, 0, 0] = 1


def test_a_probability_limit_of_one_leaves_nothing(found):
    assert found.label_map(probability_limit=1.0).volume_mm3 == 0
    assert found.components(found.label_map(probability_limit=1.0)) == ()


def test_components_of_the_default_label_map_sum_to_its_volume(found):
    total = sum(component.volume_mm3 for component in found.components())
    assert total == pytest.approx(found.label_map().volume_mm3)


def test_the_sentence_says_how_probable_a_tumour_is_and_of_which_type(found):
    probabilities = np.tile(np.float32([0.6, 0.1, 0.3]), (9, 1))
    sure = replace(found, pyramid=replace(found.pyramid, probabilities=probabilities))
    assert sure.class_probabilities == pytest.approx({"glioma": 2 / 3, "meningioma": 1 / 3})
    assert sure.summary(True) == "tumour in 9 of 9 axial slices (probability 0.90), most probably glioma (0.67)"
    healthy = replace(found, pyramid=replace(found.pyramid, probabilities=probabilities[:, [1, 0, 2]] * [1, 1, 0.5]))
    assert healthy.summary(False) == "no tumour found (probability 0.29, 0 of 9 axial slices probable)"
    nowhere = "no tumour located, although one is probable (probability 0.90, 9 of 9 axial slices probable)"
    assert sure.summary(False) == nowhere
    assert (sure.tumour_probable, healthy.tumour_probable) == (True, False)


def test_the_largest_components_alone_are_kept(found):
    every = found.components(found.label_map(threshold="0.97", scales=(1,)))
    kept = found.components(found.label_map(threshold="0.97", scales=(1,), keep_largest=2))
    assert len(every) > 2
    assert [entry.voxels for entry in kept] == [entry.voxels for entry in every[:2]]


@pytest.mark.parametrize("method", ["random-walk", "geodesic"])
def test_the_border_is_drawn_to_the_edges_of_the_image(found, method):
    rough = found.label_map(threshold="0.8")
    expected = refine(found.activation(), rough, found.volume, method)
    np.testing.assert_array_equal(found.label_map(threshold="0.8", refinement=method).array_kji, expected.array_kji)
    assert np.any(expected.array_kji != rough.array_kji)


def test_components_are_chosen_once_more_after_the_refinement(found):
    settings = LabelSettings(threshold="0.97", scales=(1,), refinement="random-walk", keep_largest=1, min_volume_ml=0.0)
    refined = found.label_map(settings)
    assert len(found.components(refined)) == 1
    assert found.label_map(threshold="0.97", refinement="random-walk", min_volume_ml=1e6).volume_mm3 == 0


@pytest.mark.parametrize(
    "settings", [{"scales": (9,)}, {"threshold": "1.2"}, {"keep_largest": 0}, {"refinement": "snakes"}]
)
def test_settings_out_of_range_are_refused(found, settings):
    with pytest.raises(SettingsError):
        found.label_map(**settings)
