"""Configurations: TOML and JSON, and every wrong key named at once."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from tiny_training import CONFIG, write_config

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.training.checks import MOST_LISTED, Problems, did_you_mean, listed
from CAMLocalizerLib.training.config import read_config

DOCS = Path(__file__).parents[3] / "docs" / "training.md"


def problems_of(path: Path) -> list[str]:
    problems = Problems()
    read_config(path, problems)
    return problems.sentences


def test_toml_and_json_say_the_same(tmp_path) -> None:
    toml = tmp_path / "a.toml"
    toml.write_text(
        '[data]\ntable = "labels.csv"\nimages = "images"\n'
        '[network]\nname = "dcfpn"\nsettings = { channels = [3, 3, 3, 3] }\n'
        '[input]\nspacing_mm = 1.0\nsize = [24, 16]\nnormalisation = "zscore"\n'
        "[training]\nepochs = 2\nbatch_size = 8\nlearning_rate = 0.01\nseed = 3\n"
        "[folds]\ncount = 3\nrun = [2]\n"
        '[model]\nname = "squares"\nmodality = "pictures"\ntumour_classes = ["square"]\n'
    )
    first, _ = read_config(toml, Problems())
    second, _ = read_config(write_config(tmp_path / "a.json"), Problems())
    assert first == second
    assert first.table_path == tmp_path / "labels.csv"
    assert first.input.size == (24, 16)


def test_all_wrong_keys_and_values_are_named_with_the_nearest_right_one(tmp_path) -> None:
    path = write_config(
        tmp_path / "c.json",
        trainings={},
        network={"name": "dcfpm"},
        input={"view": "axail", "size": [24], "spacing_mm": -1},
        training={"epoch": 3, "batch_size": 0, "learning_rate": "fast", "optimizer": "adams"},
        objective={"name": "points"},
        folds={"count": 1, "final": 1},
        model={"modality": None},
    )
    text = "\n".join(problems_of(path))
    for sentence in (
        "unknown section [trainings]; did you mean 'training'?",
        "[network] name must be a known one, got 'dcfpm'; did you mean 'dcfpn'?",
        "[input] view must be a known one, got 'axail'; did you mean 'axial'?",
        "[input] size must be two whole numbers, got [24]",
        "[input] spacing_mm must be positive, got -1",
        "[training] has the unknown key 'epoch'; did you mean 'epochs'?",
        "[training] batch_size must be a whole number above 0, got 0",
        "[training] learning_rate must be a number, got 'fast'",
        "[training] optimizer must be one of adam, adamw, sgd, got 'adams'",
        "[objective] name must be a known one, got 'points'; did you mean 'point'?",
        "[folds] count must be 0 or at least 2, got 1",
        "[folds] final must be true or false, got 1",
        "[model] lacks modality: text",
    ):
        assert sentence in text


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"folds": {"count": 0, "final": False}}, "leave nothing to train"),
        ({"folds": {"validation": "none"}, "training": {"patience": 2}}, "patience needs folds with validation"),
        ({"network": {"settings": {"in_channels": 3}}}, "in_channels must be 1"),
        ({"input": {"view": "projections", "spacing_mm": None, "size": [32, 16]}}, "spacing_mm is needed"),
        ({"input": {"centre": "contents"}}, "did you mean 'content'"),
        ({"input": {"view": "projections", "size": [32, 16], "centre": "content"}}, "is for slices"),
        ({"input": {"view": "projections"}}, "multiples of 16 pixels for projections"),
        ({"data": {"classes": ["a", "a"]}}, "classes must differ"),
    ],
)
def test_sections_that_do_not_go_together_are_named(tmp_path, sections, sentence) -> None:
    assert any(sentence in each for each in problems_of(write_config(tmp_path / "c.json", **sections)))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.toml", "[data\n", "cannot be read as TOML"),
        ("c.json", "{", "cannot be read as JSON"),
        ("c.json", "[]", "must hold sections"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, name, text, message) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_config(tmp_path / name, Problems())
    with pytest.raises(InputError, match="no such file"):
        read_config(tmp_path / "other.toml", Problems())


def test_the_machine_and_the_folder_are_no_part_of_the_plan(tmp_path) -> None:
    (tmp_path / "elsewhere").mkdir()
    here, _ = read_config(write_config(tmp_path / "c.json"), Problems())
    changes = {"devices": 2, "num_workers": 1}
    there, _ = read_config(write_config(tmp_path / "elsewhere" / "c.json", training=changes), Problems())
    assert here.plan() == there.plan()
    assert set(CONFIG) <= set(here.plan())


def test_the_documented_example_is_a_right_configuration(tmp_path) -> None:
    example = DOCS.read_text().split("```toml\n")[1].split("```")[0]
    (tmp_path / "example.toml").write_text(example)
    assert problems_of(tmp_path / "example.toml") == []
    assert {"data", "network", "input", "training", "objective", "localisation", "folds", "model"} == set(
        tomllib.loads(example)
    )


def test_the_training_of_the_brain_model_is_a_right_configuration() -> None:
    folder = Path(__file__).parents[3] / "Resources" / "training" / "brain-t1ce"
    assert problems_of(folder / "config.toml") == []
    assert (folder / "labels.csv").is_file()


def test_a_long_list_of_problems_is_cut_and_counted() -> None:
    problems = Problems()
    problems.extend(f"number {index}" for index in range(MOST_LISTED + 3))
    problems.add("number 0")
    with pytest.raises(InputError) as caught:
        problems.raise_if_any("table")
    assert str(caught.value).startswith("table: 23 problems\n  - number 0")
    assert str(caught.value).endswith("number 19\n  - and 3 more")
    Problems().raise_if_any("nothing")


def test_names_are_compared_and_listed() -> None:
    assert did_you_mean("Lable", ["label", "file"]) == "; did you mean 'label'?"
    assert did_you_mean("zzz", ["label", "file"]) == "; known are file, label"
    assert listed("abcdefg") == "a, b, c, d, e and 2 more"
