"""``camlocalizer compare``: which of two models is better, what chance explains, and cases that a model has seen."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.io import read_volume
from CAMLocalizerLib.io.hashing import voxel_fingerprint
from CAMLocalizerLib.models import ModelCard, save_model
from CAMLocalizerLib.networks import build_network

SIDE, COUNT = 16, 24
CARD = ModelCard(
    name="seer",
    version="1",
    network="dcfpn",
    network_settings={"channels": (4, 4, 4, 4)},
    modality="drawing",
    spacing_mm=1.0,
    size=(SIDE, SIDE),
    normalisation="none",
    classes=("healthy", "glioma"),
    tumour_classes=("glioma",),
    scales=(1,),
)


def save(folder: Path, name: str, *, gain: float, **changes: object) -> str:
    """Save a model whose logit of a tumour rises with the brightness of the image, or falls with a gain below 0."""
    torch.manual_seed(5)
    network = build_network("dcfpn", classes=2, channels=(4, 4, 4, 4)).eval()
    bright = {
        label: network(torch.full((1, 1, SIDE, SIDE), grey)).detach()[0] for label, grey in ((0, 60.0), (1, 90.0))
    }
    middle, way = (bright[0] + bright[1]) / 2, bright[1] - bright[0]
    step = gain / float(way @ way)
    with torch.no_grad():
        line = way @ network.head.weight  # the logits' way from dark to bright, as one line of the averages
        offset = float(way @ (network.head.bias - middle))
        network.head.weight.copy_(torch.stack([-step * line, step * line]))
        network.head.bias.copy_(torch.tensor([-step * offset, step * offset]))
    card = replace(CARD, name=name, **changes)  # type: ignore[arg-type]
    save_model(folder / name, card, network, dtype=torch.float32)
    return str(folder / name)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch) -> None:
    monkeypatch.setattr("CAMLocalizerLib.metrics.DRAWS", 150)


@pytest.fixture
def table(tmp_path) -> Path:
    """Pictures of 12 patients, every second bright as a whole, with a mask."""
    noise = np.random.default_rng(2)
    lines = [("file", "label", "patient", "mask")]
    for index in range(COUNT):
        pixels = noise.normal(90 if index % 2 else 60, 3, (SIDE, SIDE)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
        Image.fromarray(np.full((SIDE, SIDE), 255, np.uint8)).save(tmp_path / f"mask{index}.png")
        label = "glioma" if index % 2 else "healthy"
        lines.append((f"{index}.png", label, f"P{index // 2}", f"mask{index}.png" if index % 2 else ""))
    path = tmp_path / "held-out.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    return path


def compare(first: str, second: str, table: Path, *more: str) -> int:
    return main(["compare", first, second, str(table), "--device", "cpu", *more])


def test_the_better_model_is_named_with_table_json_and_cases(table, tmp_path, capsys) -> None:
    good, bad = save(tmp_path, "seer", gain=4.0), save(tmp_path, "blind", gain=-4.0)
    assert compare(bad, good, table, "--output", str(tmp_path / "out")) == 0
    told = capsys.readouterr().out
    assert "seer is better than blind on 12 patients: accuracy (class) of slices 1.000 instead of 0.000" in told
    assert "AUC (tumour or none) of slices 1.000 instead of 0.000" in told
    values = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert values["conclusion"] in told
    by_name = {each["measure"]: each for each in values["comparisons"]}
    assert set(by_name) == {"accuracy (class)", "accuracy (tumour or none)", "AUC (tumour or none)", "mean IoU"}
    accuracy = by_name["accuracy (class)"]
    assert (accuracy["difference"], accuracy["better"], accuracy["patients"], accuracy["cases"]) == (1, "seer", 12, 24)
    assert accuracy["p"] < 0.05
    with (tmp_path / "out" / "cases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["seer: right"] for row in rows] == ["1"] * COUNT
    assert [row["blind: right"] for row in rows] == ["0"] * COUNT
    assert values["conclusion"] in (tmp_path / "out" / "comparison.md").read_text()


def test_a_difference_that_chance_explains_is_not_called_one(table, tmp_path, capsys) -> None:
    good, bad = save(tmp_path, "seer", gain=4.0), save(tmp_path, "blind", gain=-4.0)
    lines = table.read_text().splitlines()
    table.write_text("\n".join(lines[:7]) + "\n")
    assert compare(bad, good, table) == 0
    told = capsys.readouterr().out
    assert "No difference between blind and seer on 3 patients is larger than chance explains" in told
    assert "is better" not in told


def test_patients_that_a_model_was_trained_on_are_refused_or_left_out(table, tmp_path, capsys) -> None:
    seen = tuple(voxel_fingerprint(read_volume(tmp_path / f"{index}.png")) for index in (0, 5))
    first = save(tmp_path, "seer", gain=4.0, training_images=seen)
    second = save(tmp_path, "blind", gain=-4.0, training_images=("0" * 16,))
    assert compare(first, second, table) == 2
    assert "seer was trained on 2 of these patients (P0, P2); leave them out" in capsys.readouterr().err
    assert compare(first, second, table, "--leave-out-seen") == 0
    told = capsys.readouterr().out
    assert "2 patients were left out" in told
    assert "on 10 patients" in told
    assert "does not list" not in told


def test_a_training_folder_names_the_patients_of_its_bundle(table, tmp_path, capsys) -> None:
    first, second = save(tmp_path / "training", "seer", gain=4.0), save(tmp_path, "blind", gain=-4.0)
    (tmp_path / "training" / "training.json").write_text('{"patients": ["P3", "X"]}')
    assert compare(first, second, table) == 2
    assert "was trained on 1 of these patients (P3)" in capsys.readouterr().err


def test_a_model_that_does_not_list_its_training_images_gets_a_note(table, tmp_path, capsys) -> None:
    first = save(tmp_path, "seer", gain=4.0, training_images=("0" * 16,), parent={"training_images": "unknown"})
    second = save(tmp_path, "blind", gain=-4.0)
    assert compare(first, second, table, "--json") == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert [note.split()[0] for note in notes] == ["seer", "blind"]


def test_the_same_weights_twice_and_labels_of_another_model_are_refused(table, tmp_path, capsys) -> None:
    first = save(tmp_path, "seer", gain=4.0)
    assert compare(first, first, table) == 2
    assert "have the same weights; give two different models" in capsys.readouterr().err
    other = save(tmp_path, "blind", gain=-4.0, classes=("healthy", "nodule"), tumour_classes=("nodule",))
    assert compare(first, other, table, "--output", str(tmp_path / "out")) == 2
    assert "label 'glioma' is not a class of blind" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
