"""A volume that is not what the model was made for gets a note."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, Volume
from CAMLocalizerLib.localizer import Localizer
from CAMLocalizerLib.localizer.inputs import check_typical, check_unit
from CAMLocalizerLib.models import ModelBundle
from CAMLocalizerLib.views import slice_stack

MODALITY = "MR, T1-weighted after gadolinium"


def head(unit: str = "") -> Volume:
    """A square of noise that covers a quarter of its slices."""
    array = np.zeros((5, 40, 40), dtype=np.float32)
    array[:, 10:30, 10:30] = np.random.default_rng(0).uniform(50, 100, (5, 20, 20))
    return Volume(array, Grid((40, 40, 5), (1, 1, 4), (0, 0, 0), np.eye(3)), unit=unit)


@pytest.fixture
def card(tiny_card):
    return replace(tiny_card, modality=MODALITY, spacing_mm=1.0, size=(40, 40))


@pytest.mark.parametrize(
    ("unit", "modality", "note"),
    [
        ("HU", MODALITY, f"the image does not look like {MODALITY}: its values are in HU, as those of CT"),
        (
            "SUVbw",
            "T1-weighted MRI",
            "the image does not look like T1-weighted MRI: its values are in SUVbw, as those of PET",
        ),
        ("", MODALITY, None),
        ("HU", "CT of the chest", None),
        ("HU", "MRCP-like pictures", None),
    ],
)
def test_the_unit_of_another_modality_is_noted(card, unit, modality, note):
    assert check_unit(head(unit), replace(card, modality=modality)) == ([] if note is None else [note])


def test_a_model_without_limits_notes_nothing(card):
    assert check_typical(slice_stack(head(), spacing_mm=1.0, size=(40, 40)), card) == []


@pytest.mark.parametrize(
    ("typical", "beyond"),
    [
        ({"foreground_share": (0.2, 0.3), "sharpness": (0.05, 3.0)}, ""),
        ({"foreground_share": (0.4, 0.8), "spread": (0.1, 0.9)}, "foreground share 0.25 instead of 0.4 to 0.8"),
        ({"foreground_share": (0.1, 0.2)}, "foreground share 0.25 instead of 0.1 to 0.2"),
    ],
)
def test_statistics_beyond_the_limits_are_named(card, typical, beyond):
    stack = slice_stack(head(), spacing_mm=1.0, size=(40, 40))
    expected = [f"the image does not look like {MODALITY}: {beyond}"] if beyond else []
    assert check_typical(stack, replace(card, typical=typical)) == expected


def test_the_localizer_adds_the_note(tiny_model, oblique_volume):
    card = replace(tiny_model.card, typical={"sharpness": (0.0, 1e-4)})
    found = Localizer(ModelBundle(card, tiny_model.folder), device="cpu").run(oblique_volume)
    assert [note.split(":")[0] for note in found.notes] == ["the image does not look like MR"]
