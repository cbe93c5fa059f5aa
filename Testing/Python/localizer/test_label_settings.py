"""LabelSettings: one set of settings, and one answer on which every user interface agrees."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from CAMLocalizerLib.core import OptionError, SettingsError
from CAMLocalizerLib.localizer import LabelSettings, Localizer
from CAMLocalizerLib.models import ModelBundle
from CAMLocalizerLib.segment import filter_components


@pytest.fixture
def found(tiny_model, oblique_volume):
    return Localizer(tiny_model, device="cpu").run(oblique_volume)


def test_the_defaults_give_the_default_label_map(found):
    settings = found.default_settings()
    assert settings.scales == (1, 4)
    assert [scale for scale, _ in settings.weights] == [1, 2, 3, 4]
    np.testing.assert_array_equal(found.label_map(settings).array_kji, found.label_map().array_kji)


def test_changes_reach_activation_and_label_map(found):
    settings = found.default_settings().changed(threshold="0.2", keep_largest=1, min_volume_ml=0.01)
    changed = settings.changed(scales=(3, 2), weights=((1, 1.0), (2, 1.0), (3, 0.5), (4, 0.0)))
    np.testing.assert_array_equal(found.activation(changed), found.activation(weights={2: 1.0, 3: 0.5}))
    expected = found.label_map(threshold="0.2", weights={2: 1.0, 3: 0.5}, keep_largest=1, min_volume_ml=0.01)
    np.testing.assert_array_equal(found.label_map(changed).array_kji, expected.array_kji)


def test_thin_components_are_left_out_as_the_card_says(tiny_model, oblique_volume):
    card = replace(tiny_model.card, min_extent_mm=5.0)
    found = Localizer(ModelBundle(card, tiny_model.folder), device="cpu").run(oblique_volume)
    low = LabelSettings(threshold="0.97", scales=(1,))
    default, every = found.label_map(low), found.label_map(low, min_extent_mm=0.0)
    expected = filter_components(every, min_extent_mm=5.0, slice_axis=0)
    np.testing.assert_array_equal(default.array_kji, expected)
    assert every.volume_mm3 > default.volume_mm3
    settings = found.default_settings().changed(threshold="0.97", scales=(1,))
    np.testing.assert_array_equal(found.label_map(settings).array_kji, default.array_kji)
    shown = found.label_map(settings.changed(min_extent_mm=0.0))
    np.testing.assert_array_equal(shown.array_kji, every.array_kji)


def test_components_small_beside_the_largest_are_left_out_as_the_card_says(tiny_model, oblique_volume):
    card = replace(tiny_model.card, min_share=0.5)
    found = Localizer(ModelBundle(card, tiny_model.folder), device="cpu").run(oblique_volume)
    low = LabelSettings(threshold="0.97", scales=(1,))
    default, every = found.label_map(low), found.label_map(low, min_share=0.0)
    np.testing.assert_array_equal(default.array_kji, filter_components(every, min_share=0.5))
    assert every.volume_mm3 > default.volume_mm3 > 0
    settings = found.default_settings().changed(threshold="0.97", scales=(1,))
    np.testing.assert_array_equal(found.label_map(settings).array_kji, default.array_kji)


def test_the_border_is_drawn_as_the_card_says(found, tiny_model):
    drawing = replace(found, card=replace(tiny_model.card, refinement="random-walk"))
    rough, drawn = (found.label_map(threshold="0.8", refinement=method) for method in ("none", "random-walk"))
    assert np.any(rough.array_kji != drawn.array_kji)
    np.testing.assert_array_equal(drawing.label_map(threshold="0.8").array_kji, drawn.array_kji)
    np.testing.assert_array_equal(drawing.label_map(threshold="0.8", refinement="none").array_kji, rough.array_kji)
    settings = drawing.default_settings().changed(threshold="0.8")
    assert settings.refinement == "random-walk"
    np.testing.assert_array_equal(drawing.label_map(settings).array_kji, drawn.array_kji)
    np.testing.assert_array_equal(drawing.label_map(settings.changed(refinement="none")).array_kji, rough.array_kji)


def test_settings_from_before_share_and_extent_were_some_are_read(found):
    values = found.default_settings().to_json()
    del values["min_share"], values["min_extent_mm"]
    assert LabelSettings.from_json(values) == found.default_settings()


def test_what_is_left_out_is_the_models(found):
    defaults = found.default_settings()
    assert LabelSettings().completed(defaults) == defaults
    assert LabelSettings(threshold=0.25).completed(defaults) == defaults.changed(threshold="0.25")
    assert LabelSettings(scales="all").completed(defaults) == defaults.changed(scales=(1, 2, 3, 4))


def test_weights_choose_the_scales_and_those_left_out_are_the_models(found):
    defaults = found.default_settings()
    settings = LabelSettings(weights={2: 0.5}).completed(defaults)
    assert settings.scales == (2,)
    assert dict(settings.weights) == {**dict(defaults.weights), 2: 0.5}
    assert LabelSettings(scales=[2, 1], weights={2: 0.5}).completed(defaults).fusing()["weights"] == {1: 1.0, 2: 0.5}


def test_an_error_knows_the_option_and_survives_being_sent():
    with pytest.raises(OptionError) as caught:
        LabelSettings(keep_largest=0)
    assert (caught.value.option, caught.value.problem) == ("keep_largest", "must be at least 1, got 0")
    assert str(pickle.loads(pickle.dumps(caught.value))) == "keep_largest must be at least 1, got 0"


def test_a_scale_switched_off_keeps_its_weight(found):
    weighted = found.default_settings().changed(weights=((1, 1.0), (2, 0.3), (3, 1.0), (4, 1.0)))
    assert weighted.changed(scales=(1,)).changed(scales=(1, 2)).fusing()["weights"] == {1: 1.0, 2: 0.3}


def test_settings_survive_json(found):
    settings = found.default_settings().changed(threshold="q95", refinement="geodesic", probability_limit=0.25)
    assert LabelSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"threshold": "much"}, "not understood"),
        ({"scales": ()}, "at least one"),
        ({"scales": (1, 9)}, r"unknown scales \(9,\); the model provides \(1, 2, 3, 4\)"),
        ({"weights": {9: 1.0}}, r"unknown scales \(9,\)"),
        ({"scales": (1,), "weights": ((1, 0.0), (2, 1.0))}, "needs a weight above 0"),
        ({"weights": ((1, -1.0), (4, 1.0))}, "at least 0"),
        ({"normalisation": "median"}, "slice, volume, reference"),
        ({"probability_limit": 1.5}, "0 to 1"),
        ({"min_volume_ml": -1.0}, "min_volume_ml must be at least 0, got -1.0"),
        ({"min_share": 1.5}, "0 to 1"),
        ({"min_share": 0.2, "uptake_border": "40%"}, "is for slices"),
        ({"min_extent_mm": -1.0}, "min_extent_mm must be at least 0"),
        ({"min_extent_mm": 1.0, "uptake_border": "40%"}, "is for slices"),
        ({"keep_largest": 0}, "at least 1"),
        ({"refinement": "magic"}, "random-walk"),
        ({"refinement": "geodesic", "uptake_border": "40%"}, "borders by uptake"),
        ({"colour": "red"}, "no setting is called colour"),
        ({"uptake_border": "40%"}, "is for models of projections"),
    ],
)
def test_settings_out_of_range_are_refused(found, change, complaint):
    with pytest.raises(SettingsError, match=complaint):
        found.label_map(**change)


@pytest.mark.parametrize("values", [{}, {"scales": [1]}, {"weights": 3}, []])
def test_what_is_no_settings_is_refused(values):
    with pytest.raises(SettingsError, match="not the settings of a label map"):
        LabelSettings.from_json(values)
