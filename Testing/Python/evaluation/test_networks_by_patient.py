"""Each patient is judged by the network that did not see them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_bundle import NETWORK_SETTINGS, save_tiny_bundle

from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.evaluation.networks_by_patient import is_training_folder, networks_by_patient
from CAMLocalizerLib.models import ModelCard, save_model
from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.training.fit.record import write_weights
from CAMLocalizerLib.training.localisation.objective import LocalisingNetwork, tumour_direction


@pytest.fixture
def training(tmp_path) -> Path:
    """A folder as a training leaves it: two folds with different weights and the bundle of the final network."""
    folder = tmp_path / "training"
    save_tiny_bundle(folder / "tiny")
    for fold in (1, 2):
        torch.manual_seed(fold)
        (folder / f"fold-{fold}").mkdir()
        write_weights(
            folder / f"fold-{fold}" / "best.safetensors", build_network("dcfpn", classes=2, **NETWORK_SETTINGS)
        )
    finish(folder, "tiny")
    return folder


def finish(folder: Path, name: str, **config: dict) -> None:
    """Write what a training notes about itself and its folds."""
    (folder / "training.json").write_text(json.dumps({"config": {"model": {"name": name}} | config}))
    (folder / "predictions.csv").write_text("image,patient,fold\n1.png,A,1\n2.png,A,1\n3.png,B,2\n4.png,C,2\n")


def test_the_network_of_a_patients_fold_is_loaded(training, oblique_volume) -> None:
    networks = networks_by_patient(str(training), "cpu")
    assert networks.cross_validated
    assert [networks.fold(patient) for patient in "ABC"] == [1, 2, 2]
    assert networks.localizer("B") is networks.localizer("C")
    for patient, fold in (("A", 1), ("B", 2)):
        torch.manual_seed(fold)
        expected = build_network("dcfpn", classes=2, **NETWORK_SETTINGS).state_dict()
        own = networks.localizer(patient).model.network().state_dict()
        assert all(torch.equal(own[name], tensor) for name, tensor in expected.items())
    first, second = (networks.localizer(patient).run(oblique_volume).probabilities for patient in "AB")
    assert abs(first - second).max() > 1e-4
    content = (training / "fold-2" / "best.safetensors").read_bytes()
    assert networks.bundles[2].card == replace(networks.card, sha256=hashlib.sha256(content).hexdigest())


def test_a_bundle_judges_every_patient(training) -> None:
    networks = networks_by_patient(str(training / "tiny"), "cpu")
    assert not networks.cross_validated
    assert networks.fold("anyone") is None
    assert networks.unknown(["anyone"]) == []
    assert networks.localizer("anyone").model.card.name == "tiny"
    assert is_training_folder(training)
    assert not is_training_folder(training / "tiny")


def test_the_last_round_of_a_localiser_is_taken_with_the_levels_of_its_maps(tmp_path) -> None:
    settings = {"encoder": "efficientnet-lite0", "channels": (4, 4, 4, 4), "last_channels": 3}
    card = ModelCard(
        name="finder", version="1", network="dcfpn", network_settings=settings, modality="MR", spacing_mm=1.0,
        size=(32, 32), normalisation="foreground-zscore", classes=("none", "glioma", "meningioma"), target="any",
        tumour_classes=("glioma", "meningioma"), scales=(1, 2), map_normalisation="reference",
        map_levels={1: 9.0, 2: 9.0},
    )  # fmt: skip
    save_model(tmp_path / "finder", card, build_network("dcfpn", classes=3, **settings))
    trained = {}
    for fold in (1, 2):
        for number in (1, 2):
            torch.manual_seed(10 * fold + number)
            network = LocalisingNetwork(build_network("dcfpn", classes=3, **settings), tumour_direction(3, (1, 2)))
            torch.nn.init.uniform_(network.offset, 1, 3)
            (tmp_path / f"fold-{fold}" / f"round-{number}").mkdir(parents=True)
            write_weights(tmp_path / f"fold-{fold}" / f"round-{number}" / "best.safetensors", network)
        trained[fold] = network
    finish(tmp_path, "finder", localisation={"rounds": 2})
    networks = networks_by_patient(str(tmp_path), "cpu")
    assert not networks.shares_levels
    for fold, expected in trained.items():
        found = networks.bundles[fold].network()
        assert not found.training
        for name, tensor in expected.network.state_dict().items():
            assert torch.equal(found.state_dict()[name], tensor)
        levels = networks.bundles[fold].card.map_levels
        assert levels == expected.levels(networks.bundles[fold].card.size)
    assert "round-2" in str(networks.bundles[2].weights_path)
    (tmp_path / "fold-2" / "round-2" / "best.safetensors").unlink()
    with pytest.raises(ModelError, match=r"round-2.best.safetensors is missing"):
        networks_by_patient(str(tmp_path), "cpu")


def test_patients_that_no_fold_held_out_are_named(training) -> None:
    (sentence,) = networks_by_patient(str(training), "cpu").unknown(["A", "X", "X", "Y"])
    assert "held out the patients X, Y, so that its networks may have seen them" in sentence


def test_missing_parts_of_a_training_are_named(training) -> None:
    (training / "fold-2" / "best.safetensors").unlink()
    with pytest.raises(
        ModelError, match=r"fold-2.best.safetensors is missing or cannot be read: the patients of fold 2"
    ):
        networks_by_patient(str(training), "cpu")
    (training / "tiny" / "model.json").unlink()
    with pytest.raises(ModelError, match="tiny is missing: the training writes its model bundle"):
        networks_by_patient(str(training), "cpu")
    (training / "predictions.csv").unlink()
    with pytest.raises(ModelError, match=r"predictions.csv is missing: no fold of the training is finished"):
        networks_by_patient(str(training), "cpu")
