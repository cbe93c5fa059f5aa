"""The studies measure brain-t1ce by a network that never saw the held-out patients, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from brain_training import write_training

from CAMLocalizerLib.core import ModelError, SettingsError
from CAMLocalizerLib.models import load_model
from reproduction.papers import reproduce
from reproduction.papers.held_out import network_without

FOLDS = {"A": 1, "B": 1, "C": 2}


def asked(folder: Path | None, *patients: str) -> tuple[Any, str]:
    """Return the network found without these patients, and what was told."""
    told: list[str] = []
    return network_without(patients, folder, told.append), " ".join(told)


def test_without_a_training_there_is_no_network_and_a_sentence_says_why():
    network, told = asked(None, "A")
    assert network is None
    assert "trained on all patients" in told
    assert "--training DIR" in told


@pytest.mark.parametrize("rounds", [0, 2])
def test_the_network_of_the_fold_that_held_the_patients_out_is_opened(tmp_path, rounds: int):
    trained = write_training(tmp_path / "training", FOLDS, rounds=rounds)
    for patients, fold in ((("A", "B"), 1), (("C",), 2)):
        bundle, told = asked(tmp_path / "training", *patients)
        assert told == ""
        assert bundle.fold == fold
        state = bundle.network().state_dict()
        assert all(torch.equal(state[name], tensor) for name, tensor in trained[fold].items())
        assert bundle.card.size == load_model("brain-t1ce").card.size


@pytest.mark.parametrize("patients", [("A", "C"), ("A", "unheard of")])
def test_patients_of_two_folds_or_of_none_have_no_network(tmp_path, patients: tuple[str, str]):
    write_training(tmp_path / "training", FOLDS)
    network, told = asked(tmp_path / "training", *patients)
    assert network is None
    assert "held out all 2 patients of this study's fold" in told


def change(folder: Path, section: str, **values: Any) -> None:
    path = folder / "training.json"
    content: dict[str, Mapping[str, Any]] = json.loads(path.read_text())
    content["config"][section] |= values
    path.write_text(json.dumps(content))


def test_a_training_of_another_model_or_for_other_images_is_refused(tmp_path):
    folder = tmp_path / "training"
    write_training(folder, FOLDS)
    change(folder, "input", size=[128, 128])
    with pytest.raises(ModelError, match=r"brain-t1ce is not there, and the installed brain-t1ce differs .* in size;"):
        asked(folder, "A")
    change(folder, "model", name="lung")
    with pytest.raises(ModelError, match="holds a training of 'lung', expected one of 'brain-t1ce'"):
        asked(folder, "A")
    with pytest.raises(ModelError, match="is not the output folder of a training"):
        asked(tmp_path, "A")


def test_a_study_that_measures_no_training_refuses_one(tmp_path):
    with pytest.raises(SettingsError, match="sam measures no training; give one for pgcam or quantitative"):
        reproduce("sam", tmp_path, tmp_path, tmp_path, training=tmp_path)
