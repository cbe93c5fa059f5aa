"""``camlocalizer train``: from pictures and a table to a bundle that ``localize`` takes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file
from tiny_training import write_config, write_pictures

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.io import write_nifti
from CAMLocalizerLib.models import load_model
from CAMLocalizerLib.training.checks import Problems
from CAMLocalizerLib.training.fit.module import FitModule
from CAMLocalizerLib.training.preparation import prepare_training


@pytest.fixture
def pictures(tmp_path) -> Path:
    write_pictures(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def train(pictures, tmp_path):
    """Run the command with changed sections into ``out``."""

    def run(*arguments: str, **sections: dict | None) -> int:
        config = write_config(pictures / "config.json", **sections)
        return main(["train", str(config), "--output", str(tmp_path / "out"), *arguments])

    return run


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_card_says_how_images_were_seen_and_are_to_be_used(pictures) -> None:
    seen = {"centre": "content", "normalisation": "foreground-gamma"}
    used = {"temperature": 1.5, "stack_smoothing_mm": 2.0}
    path = write_config(pictures / "config.json", input=seen, model=used)
    training = prepare_training(path, problems := Problems())
    assert training is not None, problems.sentences
    assert {name: getattr(training.card, name) for name in seen | used} == seen | used


def test_pictures_become_a_bundle_that_localize_takes(train, pictures, tmp_path, capsys) -> None:
    assert train(folds={"run": None}) == 0
    out = tmp_path / "out"
    assert f"model bundle: {out / 'squares'}" in capsys.readouterr().out
    card = load_model(out / "squares").card
    assert card.classes == ("nothing", "square")
    assert (card.size, card.spacing_mm, card.views, card.scales) == ((24, 16), 1.0, ("axial",), (1, 2, 3, 4))
    assert 0 <= card.results["cross_validation"]["accuracy"]["mean"] <= 1
    predictions = rows_of(out / "predictions.csv")
    assert sorted(row["image"] for row in predictions) == sorted(path.name for path in (pictures / "images").iterdir())
    summary = rows_of(out / "cross-validation.csv")
    assert [row["fold"] for row in summary] == ["1", "2", "3", "mean", "sd"]
    right = np.mean([row["label"] == row["found"] for row in predictions])
    assert float(summary[3]["accuracy"]) == pytest.approx(right, abs=1e-5)
    for name in ("fold-1", "fold-2", "fold-3", "final"):
        assert (out / name / "best.safetensors").exists()
    image = str(pictures / "images" / "01.png")
    folder = tmp_path / "found"
    assert main(["localize", image, "--model", str(out / "squares"), "--output", str(folder), "--device", "cpu"]) == 0
    assert (folder / "01" / "labelmap.nii.gz").exists()


def test_labelled_slices_of_volumes_become_a_bundle_too(pictures, oblique_grid, tmp_path) -> None:
    noise = np.random.default_rng(2)
    lines = ["file,label,patient,slice,fold"]
    for number in range(3):
        name = f"v{number}.nii.gz"
        write_nifti(noise.random(oblique_grid.shape_kji).astype(np.float32), oblique_grid, pictures / name)
        lines += [f"{name},{'square' if index > 4 else 'nothing'},P{number},{index},{number + 1}" for index in range(9)]
    (pictures / "volumes.csv").write_text("\n".join(lines) + "\n")
    config = write_config(
        pictures / "config.json",
        data={"table": "volumes.csv", "images": "."},
        input={"view": "axial", "spacing_mm": 1.5},
        folds={"run": [1], "final": False, "validation": "held-out"},
        model={"map_normalisation": "reference"},
        training={"epochs": 1, "class_weights": True},
    )
    out = tmp_path / "out"
    assert main(["train", str(config), "--output", str(out)]) == 0
    card = load_model(out / "squares").card
    assert set(card.map_levels) == {1, 2, 3, 4}
    assert not (out / "final").exists()
    arguments = ["--model", str(out / "squares"), "--output", str(tmp_path / "found"), "--device", "cpu"]
    assert main(["localize", str(pictures / "v0.nii.gz"), *arguments]) == 0


def test_projections_and_the_point_loss_are_trained_with(pictures, oblique_grid, tmp_path) -> None:
    lines = ["file,label,patient,x,y,z"]
    noise = np.random.default_rng(2)
    centre = ",".join(f"{value:.3f}" for value in oblique_grid.to_lps((9, 11, 4)).tolist())
    for number in range(4):
        name = f"pet{number}.nii.gz"
        write_nifti(noise.random(oblique_grid.shape_kji).astype(np.float32) * 20, oblique_grid, pictures / name)
        lines.append(f"{name},{'lung' if number % 2 else 'oesophagus'},P{number},{centre}")
    (pictures / "pet.csv").write_text("\n".join(lines) + "\n")
    config = write_config(
        pictures / "config.json",
        data={"table": "pet.csv", "images": "."},
        network={"name": "pet_fcn", "settings": {}},
        input={"view": "projections", "spacing_mm": 2.0, "size": [32, 32], "normalisation": "suv-30"},
        folds={"count": 0, "run": None},
        training={"epochs": 1},
        objective={"name": "point"},
        model={"tumour_classes": ["lung", "oesophagus"], "modality": "PET", "name": "pet"},
    )
    assert main(["train", str(config), "--output", str(tmp_path / "out")]) == 0
    card = load_model(tmp_path / "out" / "pet").card
    assert card.projections
    assert card.target == "class"
    assert set(card.views) == {"coronal", "sagittal"}


def test_an_interrupted_training_goes_on_to_the_same_bundle(train, pictures, tmp_path, monkeypatch, capsys) -> None:
    assert train() == 0
    whole = load_file(tmp_path / "out" / "squares" / "weights.safetensors")
    assert train() == 2
    assert "--resume" in capsys.readouterr().err
    seen: list[str] = []
    line = FitModule._line

    def interrupt(module, row):
        seen.append(line(module, row))
        if len(seen) == 3:
            raise KeyboardInterrupt
        return seen[-1]

    with monkeypatch.context() as patch:
        patch.setattr(FitModule, "_line", interrupt)
        assert train("--overwrite") == 130
    error = capsys.readouterr().err
    assert "interrupted, what was trained is kept; resume with: camlocalizer train" in error
    assert error.strip().endswith("--resume")
    assert not (tmp_path / "out" / "squares").exists()
    assert train("--resume") == 0
    resumed = load_file(tmp_path / "out" / "squares" / "weights.safetensors")
    assert all(bool((whole[name] == resumed[name]).all()) for name in whole)
    assert train("--resume") == 0


def test_everything_that_is_wrong_is_told_at_once_before_training(train, pictures, tmp_path, capsys) -> None:
    with (pictures / "labels.csv").open("a") as file:
        file.write("lost.png,square,P9,,\n00.png,nothing,P0,90,3\nbroken.png,square,P8,,\n")
    (pictures / "images" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    code = train(
        input={"spacing_mm": None, "size": None},
        folds={"count": 40, "run": None},
        model={"tumour_classes": ["sqare"]},
        network={"weights": "missing.safetensors"},
    )
    error = capsys.readouterr().err
    assert code == 2
    for sentence in (
        "problems",
        "lost.png does not exist",
        "listed more than once: 00.png",
        "the centre point (90.0, 3.0, 0.0) lies outside the image",
        "broken.png",
        "tumour_classes has 'sqare', which no image has; did you mean 'square'?",
        "too few cases for 40 folds",
        "missing.safetensors does not hold weights of this network",
    ):
        assert sentence in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"folds": {"run": [9]}}, "[folds] run has fold 9, the data have 1, 2, 3"),
        ({"folds": {"count": 2, "run": None}}, "too few folds: 2; validation with 'next' needs 3 at least"),
        ({"input": {"size": [20, 15]}}, "dcfpn cannot be trained on images of 20 x 15 pixels"),
        ({"network": {"settings": {"channels": [3]}}}, "DC-FPN has 4 scales"),
        ({"model": {"scales": [1, 7]}}, "unknown scales [7]; dcfpn provides [1, 2, 3, 4]"),
        ({"model": {"name": "Two Words"}}, "name must be lower-case letters"),
        ({"objective": {"name": "point"}, "data": {"x": "column"}}, "no column 'column' for [data] x"),
        ({"objective": {"name": "point"}}, "the point loss needs a network with 'features'"),
    ],
)
def test_what_does_not_fit_together_is_refused_before_training(train, tmp_path, capsys, sections, sentence) -> None:
    assert train(**sections) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_network_or_of_other_files_is_not_gone_on_with(train, tmp_path, capsys) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    assert train("--overwrite") == 2
    assert "is not a training folder" in capsys.readouterr().err
    (tmp_path / "out" / "thesis.txt").unlink()
    assert train(folds={"count": 0, "run": None}) == 0
    assert train("--resume", folds={"count": 0, "run": None}, network={"settings": {"channels": [4, 4, 4, 4]}}) == 2
    error = capsys.readouterr().err
    assert "holds the training of another network" in error
    assert "another configuration (network.settings.channels [3, 3, 3, 3], now [4, 4, 4, 4])" in error
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    assert train("--overwrite", folds={"count": 0, "run": None}) == 2
    assert "holds other files (thesis.txt)" in capsys.readouterr().err


def test_a_bundle_gives_the_weights_to_start_from(train, pictures, tmp_path) -> None:
    assert train(folds={"count": 0, "run": None}) == 0
    bundle = str(tmp_path / "out" / "squares")
    config = write_config(
        pictures / "second.json",
        network={"weights": bundle},
        folds={"count": 0, "run": None},
        training={"epochs": 1, "learning_rate": 1e-12},
    )
    assert main(["train", str(config), "--output", str(tmp_path / "second")]) == 0
    first, second = (load_model(path).network() for path in (bundle, tmp_path / "second" / "squares"))
    np.testing.assert_allclose(first.head.weight.numpy(), second.head.weight.numpy(), atol=1e-3)
    plan = json.loads((tmp_path / "second" / "training.json").read_text())
    assert plan["config"]["network"]["weights"] == bundle
