"""Fields and checks of model cards."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.models import ModelCard

CARD = ModelCard(
    name="tiny",
    version="1.0",
    network="dcfpn",
    modality="MR",
    spacing_mm=1.5,
    size=(24, 16),
    normalisation="foreground-zscore",
    classes=("healthy", "glioma", "meningioma"),
    tumour_classes=("glioma", "meningioma"),
    scales=(1, 4),
    results={"figshare": {"mean_iou": 0.25}},
)


def test_a_card_is_read_from_its_json_unchanged(tmp_path):
    path = tmp_path / "model.json"
    card = replace(CARD, scale_weights=(1.0, 0.5), map_normalisation="reference", map_levels={1: 2.0, 4: 0.5})
    card = replace(card, typical={"spread": (0.1, 0.25)}, centre="content", temperature=1.4, stack_smoothing_mm=2.0)
    card = replace(card, refinement="geodesic")
    path.write_text(card.to_json())
    assert ModelCard.read(path) == card


def test_classes_without_tumour_are_the_others():
    assert CARD.other_classes == ("healthy",)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "../evil", "name must be lower-case"),
        ("version", " ", "version must be given"),
        ("modality", 3, "modality must be text"),
        ("spacing_mm", 0.0, "spacing_mm must be positive"),
        ("spacing_mm", float("nan"), "spacing_mm must be positive"),
        ("spacing_mm", "wide", "field of the wrong type"),
        ("size", (0, 16), "size must be width and height"),
        ("size", 16, "field of the wrong type"),
        ("normalisation", "guess", "normalisation must be one of"),
        ("centre", "head", "centre must be one of"),
        ("temperature", 0.0, "temperature must be above 0"),
        ("stack_smoothing_mm", -1.0, "stack_smoothing_mm must be at least 0"),
        ("stack_smoothing_mm", float("nan"), "stack_smoothing_mm must be at least 0"),
        ("classes", ("glioma",), "two or more different names"),
        ("classes", "glioma", "must be a list"),
        ("tumour_classes", ("lymphoma",), "tumour_classes must be one or more of"),
        ("tumour_classes", ("healthy", "glioma", "meningioma"), "target must be 'class'"),
        ("scales", (1, 1), "different whole numbers"),
        ("scale_weights", (1.0,), "scale_weights must be empty or 2"),
        ("views", ("axial", "oblique"), "views must be one or more of"),
        ("target", "loss", "target must be one of"),
        ("map_normalisation", "none", "map_normalisation must be one of"),
        ("refinement", "magic", "refinement must be one of"),
        ("map_normalisation", "reference", "map_levels must be positive"),
        ("probability_limit", 1.5, "probability_limit must be 0 to 1"),
        ("min_volume_ml", -1.0, "min_volume_ml must be at least 0"),
        ("min_share", 1.5, "min_share must be 0 to 1"),
        ("min_extent_mm", -1.0, "min_extent_mm must be at least 0"),
        ("typical", {"colour": (0.0, 1.0)}, "typical must be a low and a high limit for some of"),
        ("typical", {"spread": (0.5, 0.1)}, "typical must be a low and a high limit"),
        ("typical", {"spread": 0.5}, "field of the wrong type"),
        ("sha256", "abc", "64 hexadecimal digits"),
    ],
)
def test_a_field_out_of_range_is_refused(field, value, message):
    with pytest.raises(ModelError, match=message):
        replace(CARD, **{field: value})


def test_an_unknown_field_is_refused(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(json.loads(CARD.to_json()) | {"colour": "red"}))
    with pytest.raises(ModelError, match=r"model.json has unknown fields \['colour'\]"):
        ModelCard.read(path)


def test_a_missing_field_is_named(tmp_path):
    path = tmp_path / "model.json"
    values = json.loads(CARD.to_json())
    del values["classes"]
    path.write_text(json.dumps(values))
    with pytest.raises(ModelError, match=r"lacks the fields \['classes'\]"):
        ModelCard.read(path)


def test_another_schema_version_is_refused(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(json.loads(CARD.to_json()) | {"schema_version": 99}))
    with pytest.raises(ModelError, match="schema version 99, this release reads 1"):
        ModelCard.read(path)


@pytest.mark.parametrize(("text", "message"), [("[1]", "one JSON object"), ("{", "cannot be read as JSON")])
def test_a_file_that_is_not_a_json_object_is_refused(tmp_path, text, message):
    path = tmp_path / "model.json"
    path.write_text(text)
    with pytest.raises(ModelError, match=message):
        ModelCard.read(path)


def test_results_that_json_cannot_hold_are_refused():
    with pytest.raises(ModelError, match="a value that JSON cannot"):
        replace(CARD, results={"iou": float("nan")}).to_json()


PET = replace(
    CARD,
    size=(32, 64),
    normalisation="suv-30",
    classes=("lung", "oesophagus"),
    tumour_classes=("lung", "oesophagus"),
    target="class",
    projections=True,
    unit="SUVbw",
)


def test_a_card_for_projections_has_both_planes_and_the_default_uptake_border(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(PET.to_json())
    assert ModelCard.read(path) == PET
    assert (PET.views, PET.uptake_border, PET.unit) == (("coronal", "sagittal"), "41%", "SUVbw")


def test_a_card_without_projection_fields_is_for_slices(tmp_path):
    path = tmp_path / "model.json"
    values = json.loads(CARD.to_json())
    for name in ("projections", "candidates", "uptake_border", "unit"):
        del values[name]
    path.write_text(json.dumps(values))
    assert ModelCard.read(path) == CARD
    assert (CARD.projections, CARD.uptake_border, CARD.unit) == (False, "", "")


@pytest.mark.parametrize(
    ("card", "field", "value", "message"),
    [
        (PET, "uptake_border", "much", "uptake_border must be 'adaptive'"),
        (PET, "uptake_border", 0.41, "uptake_border must be text"),
        (PET, "candidates", "yes", "candidates must be true or false"),
        (CARD, "candidates", True, "candidates must be false for models of slices"),
        (PET, "views", ("axial",), "views must be .* for projections"),
        (PET, "centre", "content", "centre must be 'volume' for projections"),
        (PET, "stack_smoothing_mm", 2.0, "stack_smoothing_mm must be 0 for projections"),
        (PET, "min_share", 0.2, "min_share must be 0 for projections"),
        (PET, "min_extent_mm", 3.0, "min_extent_mm must be 0 for projections"),
        (PET, "refinement", "geodesic", "refinement must be 'none' for projections"),
        (PET, "size", (30, 64), "size must be in multiples of 16"),
        (PET, "projections", "yes", "projections must be true or false"),
        (PET, "unit", 3, "unit must be text"),
        (CARD, "uptake_border", "41%", "uptake_border must be empty"),
    ],
)
def test_requirements_of_projections_are_checked(card, field, value, message):
    with pytest.raises(ModelError, match=message):
        replace(card, **{field: value})
