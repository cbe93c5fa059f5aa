"""The whole way from labels of images to a bundle that localises, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file
from scipy import ndimage
from tiny_training import write_config

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.io import read_volume
from CAMLocalizerLib.localizer import Localizer
from CAMLocalizerLib.models import load_model
from CAMLocalizerLib.networks import EncoderDCFPN
from CAMLocalizerLib.training.localisation.objective import LocalisingNetwork, tumour_direction
from CAMLocalizerLib.training.localisation.stages import MASKS_FILE

SIDE, COUNT = 64, 24
CHOSEN = {
    "data": {"classes": ["healthy", "bright"]},
    "network": {
        "name": "dcfpn",
        "settings": {
            "encoder": "efficientnet-lite0",
            "channels": [4, 4, 6, 8],
            "last_channels": 4,
            "attention": [-1.0, 1.0],
        },
    },
    "input": {"size": [SIDE, SIDE], "normalisation": "foreground-gamma", "spacing_mm": 1.0},
    "training": {
        "epochs": 10,
        "batch_size": 6,
        "augmentation": "strong",
        "images_per_epoch": 24,
        "learning_rate": 0.01,
    },
    "localisation": {
        "rounds": 2,
        "evidence_epochs": 40,
        "evidence_batch_size": 12,
        "copies": 2.0,
        "keep": 0.8,
        "contrast": "bright",
        "symmetric": True,
        "compare_patients": True,
    },
    "folds": {"count": 0, "run": None},
    "model": {"tumour_classes": ["bright"], "map_normalisation": "reference", "target": "any", "threshold": "0.5"},
}


def write_heads(folder: Path) -> None:
    """Write pictures of heads, every second one with a bright disc somewhere, and their labels."""
    noise = np.random.default_rng(5)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    (folder / "images").mkdir(parents=True)
    lines = ["file,label,patient,site"]
    for number in range(COUNT):
        image = 90.0 * ((rows - 32) ** 2 + (columns - 32) ** 2 < 26**2)
        if number % 2:
            row, column = noise.integers(20, 44, 2)
            image[(rows - row) ** 2 + (columns - column) ** 2 < 30] = 220
        image = ndimage.gaussian_filter(image + noise.normal(0, 4, image.shape) * (image > 0), 0.6)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"{number:02d}.png")
        lines.append(f"{number:02d}.png,{'bright' if number % 2 else 'healthy'},P{number // 2},site{number % 3}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


def train(folder: Path, output: str, *options: str, **sections: dict) -> int:
    chosen = {name: values | sections.get(name, {}) for name, values in CHOSEN.items()}
    config = write_config(folder / "config.json", **chosen)
    return main(["train", str(config), "--output", str(folder / output), *options])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("localiser")
    write_heads(folder)
    assert train(folder, "out") == 0
    return folder


def test_every_stage_leaves_what_it_came_to(trained):
    final = trained / "out" / "final"

    assert {entry.name for entry in final.iterdir()} == {
        "evidence",
        "round-1",
        "round-2",
        f"round-1-{MASKS_FILE}",
        f"round-2-{MASKS_FILE}",
    }
    assert json.loads((final / "round-2" / "done.json").read_text())["epochs"] == 10


def test_the_bundle_localises_with_the_levels_that_its_maps_were_trained_to(trained):
    bundle = load_model(trained / "out" / "squares")

    assert bundle.card.map_normalisation == "reference"
    assert set(bundle.card.map_levels) == {1, 2, 3, 4}
    assert len(set(bundle.card.map_levels.values())) == 4
    network = EncoderDCFPN(classes=2, **CHOSEN["network"]["settings"])
    localising = LocalisingNetwork(network, tumour_direction(2, (1,)))
    localising.load_state_dict(load_file(trained / "out" / "final" / "round-2" / "best.safetensors"))
    assert bundle.card.map_levels == pytest.approx(localising.levels((SIDE, SIDE)))
    found = Localizer(bundle).run(read_volume(trained / "images" / "01.png"))
    assert found.label_map().array_kji.shape == (1, SIDE, SIDE)


def test_pseudo_masks_of_bright_discs_are_found_from_labels_alone(trained):
    with np.load(trained / "out" / "final" / f"round-1-{MASKS_FILE}", allow_pickle=False) as stored:
        masks, confidence = stored["masks"], stored["confidence"]

    agreement, whole_body = [], []
    for number in range(1, COUNT, 2):
        pixels = np.asarray(Image.open(trained / "images" / f"{number:02d}.png"))
        truth = pixels.reshape(SIDE // 2, 2, SIDE // 2, 2).mean((1, 3)) > 150
        agreement.append((masks[number] & truth).sum() / (masks[number] | truth).sum())
        whole_body.append(truth.mean() / 0.52)
    assert masks[::2].max() == 0
    assert (confidence[1::2] > 0).all()
    assert np.median(agreement) > 4 * np.median(whole_body)  # the median is 0.28: cells of 8 pixels are coarse here


def test_an_interrupted_run_comes_to_the_same_weights(trained, tmp_path, monkeypatch):
    from CAMLocalizerLib.training.localisation import stages

    write_heads(tmp_path)
    made = stages.masks_from_maps

    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "masks_from_maps", interrupted)
    assert train(tmp_path, "out") == 130
    assert (tmp_path / "out" / "final" / "round-1" / "done.json").exists()
    monkeypatch.setattr(stages, "masks_from_maps", made)
    assert train(tmp_path, "out", "--resume") == 0

    files = [folder / "out" / "squares" / "weights.safetensors" for folder in (trained, tmp_path)]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("section", "values", "sentence"),
    [
        ("network", {"settings": {"channels": [3, 3, 3, 3]}}, "an encoder in [network.settings]"),
        ("input", {"normalisation": "zscore"}, 'needs [input] normalisation = "foreground-gamma"'),
        ("training", {"class_weights": True}, "class_weights must be false with [localisation]"),
        ("localisation", {"rounds": 0}, "images_per_epoch needs [localisation] rounds of at least 1"),
        ("localisation", {"keep": 0.0}, "keep must be above 0 and at most 1, got 0.0"),
        ("localisation", {"contrast": "light"}, "contrast must be one of bright, dark, both, none, got 'light'"),
        ("localisation", {"rounds": -1}, "rounds must be at least 0, got -1"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_a_sentence(tmp_path, capsys, section, values, sentence):
    write_heads(tmp_path)

    assert train(tmp_path, "out", **{section: values}) == 2

    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_labels_of_validation_patients_pick_the_epoch_and_held_out_ones_are_measured(tmp_path):
    write_heads(tmp_path)

    folds = {"count": 3, "run": [1], "validation": "next", "final": False, "calibrate": True}
    stages = {"rounds": 1, "evidence_epochs": 2}
    assert train(tmp_path, "out", folds=folds, training={"patience": 1}, localisation=stages) == 0

    fold = tmp_path / "out" / "fold-1"
    for stage in ("evidence", "round-1"):
        assert "accuracy" in (fold / stage / "metrics.csv").read_text().splitlines()[0].split(",")
    assert (tmp_path / "out" / "cross-validation.csv").read_text().splitlines()[1].startswith("1,")
    card = load_model(tmp_path / "out" / "squares").card
    assert len(card.map_levels) == 4
    assert card.temperature != 1.0
