"""LabelSettings: one set of settings, and one answer to which every face agrees."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.localizer import LabelSettings, Localizer
from CAMLocalizerLib.models import ModelBundle
from CAMLocalizerLib.segment import filter_components


@pytest.fixture
def found(tiny_model, oblique_volume):
    return Localizer(tiny_model, device="cpu").run(oblique_volume)


def test_the_defaults_give_the_default_label_map(found):
    settings = LabelSettings.of(found)
    assert settings.scales == (1, 4)
    assert [scale for scale, _ in settings.weights] == [1, 2, 3, 4]
    np.testing.assert_array_equal(settings.label_map(found).array_kji, found.label_map().array_kji)


def test_changes_reach_activation_and_label_map(found):
    settings = LabelSettings.of(found, threshold="0.2", keep_largest=1, min_volume_ml=0.01)
    changed = settings.changed(scales=(3, 2), weights=((1, 1.0), (2, 1.0), (3, 0.5), (4, 0.0)))
    np.testing.assert_array_equal(changed.activation(found), found.activation(weights={2: 1.0, 3: 0.5}))
    expected = found.label_map("0.2", weights={2: 1.0, 3: 0.5}, keep_largest=1, min_volume_ml=0.01)
    np.testing.assert_array_equal(changed.label_map(found).array_kji, expected.array_kji)


def test_thin_components_are_left_out_as_the_card_says(tiny_model, oblique_volume):
    card = replace(tiny_model.card, min_extent_mm=5.0)
    found = Localizer(ModelBundle(card, tiny_model.folder), device="cpu").run(oblique_volume)
    default, every = found.label_map("0.97", scales=(1,)), found.label_map("0.97", scales=(1,), min_extent_mm=0.0)
    expected = filter_components(every, min_extent_mm=5.0, slice_axis=0)
    np.testing.assert_array_equal(default.array_kji, expected)
    assert every.volume_mm3 > default.volume_mm3
    settings = LabelSettings.of(found, threshold="0.97", scales=(1,))
    np.testing.assert_array_equal(settings.label_map(found).array_kji, default.array_kji)
    shown = settings.changed(min_extent_mm=0.0).label_map(found)
    np.testing.assert_array_equal(shown.array_kji, every.array_kji)


def test_components_small_beside_the_largest_are_left_out_as_the_card_says(tiny_model, oblique_volume):
    card = replace(tiny_model.card, min_share=0.5)
    found = Localizer(ModelBundle(card, tiny_model.folder), device="cpu").run(oblique_volume)
    default, every = found.label_map("0.97", scales=(1,)), found.label_map("0.97", scales=(1,), min_share=0.0)
    np.testing.assert_array_equal(default.array_kji, filter_components(every, min_share=0.5))
    assert every.volume_mm3 > default.volume_mm3 > 0
    settings = LabelSettings.of(found, threshold="0.97", scales=(1,))
    np.testing.assert_array_equal(settings.label_map(found).array_kji, default.array_kji)


def test_the_border_is_drawn_as_the_card_says(found, tiny_model):
    drawing = replace(found, card=replace(tiny_model.card, refinement="random-walk"))
    rough, drawn = (found.label_map("0.8", refinement=method) for method in ("none", "random-walk"))
    assert np.any(rough.array_kji != drawn.array_kji)
    np.testing.assert_array_equal(drawing.label_map("0.8").array_kji, drawn.array_kji)
    np.testing.assert_array_equal(drawing.label_map("0.8", refinement="none").array_kji, rough.array_kji)
    settings = LabelSettings.of(drawing, threshold="0.8")
    assert settings.refinement == "random-walk"
    np.testing.assert_array_equal(settings.label_map(drawing).array_kji, drawn.array_kji)
    np.testing.assert_array_equal(settings.changed(refinement="none").label_map(drawing).array_kji, rough.array_kji)


def test_settings_from_before_share_and_extent_were_some_are_read(found):
    values = LabelSettings.of(found).to_json()
    del values["min_share"], values["min_extent_mm"]
    assert LabelSettings.from_json(values) == LabelSettings.of(found)


def test_a_scale_switched_off_keeps_its_weight(found):
    weighted = LabelSettings.of(found, weights=((1, 1.0), (2, 0.3), (3, 1.0), (4, 1.0)))
    assert weighted.changed(scales=(1,)).changed(scales=(1, 2)).fusing()["weights"] == {1: 1.0, 2: 0.3}


def test_settings_survive_json(found):
    settings = LabelSettings.of(found, threshold="q95", refinement="geodesic", probability_limit=0.25)
    assert LabelSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"threshold": "much"}, "not understood"),
        ({"scales": ()}, "at least one"),
        ({"scales": (1, 9)}, "the model has"),
        ({"scales": (1,), "weights": ((1, 0.0), (2, 1.0))}, "needs a weight above 0"),
        ({"weights": ((1, -1.0), (4, 1.0))}, "at least 0"),
        ({"normalisation": "median"}, "slice, volume, reference"),
        ({"probability_limit": 1.5}, "0 to 1"),
        ({"min_volume_ml": -1.0}, "at least 0 ml"),
        ({"min_share": 1.5}, "0 to 1"),
        ({"min_share": 0.2, "uptake_border": "40%"}, "is for slices"),
        ({"min_extent_mm": -1.0}, "at least 0 mm"),
        ({"min_extent_mm": 1.0, "uptake_border": "40%"}, "is for slices"),
        ({"keep_largest": 0}, "at least 1"),
        ({"refinement": "magic"}, "random-walk"),
        ({"refinement": "geodesic", "uptake_border": "40%"}, "borders by uptake"),
        ({"colour": "red"}, "no setting is called colour"),
    ],
)
def test_settings_out_of_range_are_refused(found, change, complaint):
    with pytest.raises(SettingsError, match=complaint):
        LabelSettings.of(found, **change)


@pytest.mark.parametrize("values", [{}, {"scales": [1]}, {"weights": 3}, []])
def test_what_is_no_settings_is_refused(values):
    with pytest.raises(SettingsError, match="no settings of a label map"):
        LabelSettings.from_json(values)
