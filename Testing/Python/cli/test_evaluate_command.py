"""The command ``evaluate --filters``, and what it measures before it trains, on drawn pictures and a tiny model."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.evaluation import filter_evaluation
from CAMLocalizerLib.evaluation.data import read_evaluation_data
from CAMLocalizerLib.evaluation.sources import Sources
from CAMLocalizerLib.models import ModelCard, load_model, save_model
from CAMLocalizerLib.networks import build_network

SIDE = 16
CARD = ModelCard(
    name="tiny",
    version="1",
    network="dcfpn",
    network_settings={"channels": (4, 4, 4, 4)},
    modality="drawing",
    spacing_mm=1.0,
    size=(SIDE, SIDE),
    normalisation="zscore",
    classes=("healthy", "tumour"),
    tumour_classes=("tumour",),
    scales=(1, 4),
)


@pytest.fixture
def model(tmp_path) -> Path:
    torch.manual_seed(5)
    network = build_network("dcfpn", classes=2, channels=(4, 4, 4, 4))
    save_model(tmp_path / "tiny", CARD, network, dtype=torch.float32)
    return tmp_path / "tiny"


@pytest.fixture
def table(tmp_path) -> Path:
    """Twelve pictures of six patients, every second with a bright square; the square's mask beside it."""
    generator = np.random.default_rng(2)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    lines = [("file", "label", "patient", "mask")]
    for index in range(12):
        pixels, name = generator.integers(40, 90, (SIDE, SIDE)), f"{index}.png"
        if index % 2:
            mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
            row, column = generator.integers(1, SIDE - 6, 2)
            mask[row : row + 5, column : column + 5] = 255
            Image.fromarray(mask).save(tmp_path / "masks" / name)
            pixels = np.where(mask, 220, pixels)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "images" / name)
        lines.append((name, CARD.classes[index % 2], f"P{index // 2}", f"masks/{name}" if index % 2 else ""))
    path = tmp_path / "slices.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    return path


@pytest.fixture
def evaluate(model, table, tmp_path):
    def run(*more: str) -> int:
        fixed = ["--images", str(tmp_path / "images"), "--output", str(tmp_path / "out"), "--device", "cpu"]
        return main(["evaluate", str(model), str(table), *fixed, *more])

    return run


@pytest.fixture
def measure(model, table, tmp_path):
    """Measure the model without any retraining, and return the findings in words."""

    def run(masks: Path | None = None) -> str:
        bundle = load_model(model)
        data = read_evaluation_data(Sources(table, tmp_path / "images", masks), bundle.card, folds=None)
        found = filter_evaluation.evaluate(bundle, data, tmp_path / "out")
        return "\n".join(filter_evaluation.findings(found))

    return run


def results(tmp_path: Path) -> tuple[list[dict[str, str]], dict]:
    with (tmp_path / "out" / "evaluation.csv").open(newline="") as file:
        return list(csv.DictReader(file)), json.loads((tmp_path / "out" / "evaluation.json").read_text())


def test_a_model_is_measured_with_its_maps(measure, tmp_path):
    words = measure()
    lines, found = results(tmp_path)
    assert [line["filter"] for line in lines] == ["model"]
    assert float(lines[0]["accuracy"]) == pytest.approx(found["classification"]["accuracy"], abs=1e-4)
    assert found["data"] == {
        "images": 12, "patients": 6, "classes": {"healthy": 6, "tumour": 6}, "images_with_mask": 6,
    }  # fmt: skip
    assert 0 <= found["maps"]["iou"] <= 1
    assert 0 <= found["maps"]["mean_dice"] <= 1
    assert "The model is right in" in words


def test_a_network_is_trained_anew_with_every_filter_and_fold(evaluate, tmp_path, capsys):
    arguments = ("--filters", "--folds", "2", "--epochs", "1", "--batch-size", "6")
    assert evaluate(*arguments) == 0
    lines, found = results(tmp_path)
    kinds = ["original", "cam", "mask", "inverse-mask"]
    trained = [(line["filter"], line["fold"]) for line in lines]
    assert trained == [("model", "all"), *((k, f) for f in "12" for k in kinds), *((k, "mean") for k in kinds)]
    for kind in kinds:
        each = [float(line["accuracy"]) for line in lines if line["filter"] == kind]
        assert np.mean(each[:2]) == pytest.approx(each[2], abs=1e-4)
        assert found["accuracy"][kind]["mean"] == pytest.approx(each[2], abs=1e-4)
    assert "epoch 1 of 1" in capsys.readouterr().out
    assert evaluate(*arguments) == 0
    assert "epoch 1 of 1" not in capsys.readouterr().out  # finished trainings are loaded
    assert results(tmp_path) == (lines, found)


def test_without_masks_the_mask_filters_are_left_out(evaluate, table, tmp_path):
    table.write_text("\n".join(line.rsplit(",", 1)[0] for line in table.read_text().splitlines()))
    assert evaluate("--filters", "--folds", "2", "--epochs", "1") == 0
    lines, found = results(tmp_path)
    assert {line["filter"] for line in lines} == {"model", "original", "cam"}
    assert found["maps"] is None


def test_masks_may_lie_in_a_folder(measure, table, tmp_path):
    measure()
    _, from_column = results(tmp_path)
    table.write_text("\n".join(line.rsplit(",", 1)[0] for line in table.read_text().splitlines()))
    measure(tmp_path / "masks")
    assert results(tmp_path)[1] == from_column


@pytest.mark.parametrize("more", [(), ("--filters",)])
def test_all_that_is_wrong_is_said_at_once(evaluate, table, tmp_path, capsys, more):
    (tmp_path / "masks" / "3.png").unlink()
    (tmp_path / "images" / "4.png").unlink()
    Image.fromarray(np.eye(5, dtype=np.uint8)).save(tmp_path / "masks" / "5.png")
    table.write_text(table.read_text().replace("healthy,P5", "benign,P5"))
    assert evaluate(*more) == 2
    text = capsys.readouterr().err
    for part in (
        r"3.png does not exist",
        "4.png does not exist",
        "the mask lies on another grid than",
        "label 'benign'",
    ):
        assert part in text
    assert not (tmp_path / "out").exists()


def test_too_few_patients_for_the_folds_are_refused(evaluate, tmp_path, capsys):
    assert evaluate("--filters", "--folds", "9") == 2
    assert "fewer patients than the 9 folds" in capsys.readouterr().err


def test_one_fold_is_refused(evaluate, capsys):
    assert evaluate("--filters", "--folds", "1") == 2
    assert "--folds must be at least 2, got 1" in capsys.readouterr().err


def test_other_epochs_in_the_same_folder_are_refused(evaluate, capsys):
    assert evaluate("--filters", "--folds", "2", "--epochs", "1") == 0
    assert evaluate("--filters", "--folds", "2", "--epochs", "2") == 2
    assert "holds the training of other options" in capsys.readouterr().err


def test_pictures_of_one_class_are_measured(evaluate, measure, table, tmp_path, capsys):
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], *lines[2::2]]))
    words = measure()
    lines, found = results(tmp_path)
    assert found["data"]["classes"] == {"healthy": 0, "tumour": 6}
    assert found["classification"]["sensitivity"] == found["classification"]["accuracy"]
    assert found["classification"]["auc"] is None
    assert lines[0]["auc"] == ""
    assert "all of one class" in words
    assert evaluate("--filters") == 2
    assert "needs images of two classes at least" in capsys.readouterr().err
