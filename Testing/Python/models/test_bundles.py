"""Writing, finding and checking bundles."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.models import MODELS_VARIABLE, ModelCard, bundled_models, load_model, save_model
from CAMLocalizerLib.networks import build_network

SETTINGS = {"channels": (4, 4, 4, 4)}


def tiny_card(**changes) -> ModelCard:
    values = {
        "name": "tiny",
        "version": "1.0",
        "network": "dcfpn",
        "network_settings": SETTINGS,
        "modality": "MR",
        "spacing_mm": 1.5,
        "size": (24, 16),
        "normalisation": "zscore",
        "classes": ("healthy", "glioma", "meningioma"),
        "tumour_classes": ("glioma", "meningioma"),
        "scales": (1, 4),
    }
    return ModelCard(**(values | changes))


@pytest.fixture
def network():
    torch.manual_seed(5)
    return build_network("dcfpn", classes=3, **SETTINGS).eval()


@pytest.fixture
def folder(tmp_path, network):
    return save_model(tmp_path / "tiny", tiny_card(), network).folder


def change_weights(folder, tensors):
    """Replace the weights and make the description agree, as somebody who means harm would."""
    path = folder / "weights.safetensors"
    save_file(tensors, path)
    card = json.loads((folder / "model.json").read_text())
    card["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "model.json").write_text(json.dumps(card))


def test_a_saved_network_gives_the_same_output_within_half_precision(folder, network):
    images = torch.randn(2, 1, 16, 24, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected, got = network(images), load_model(folder).network()(images)
    assert torch.allclose(got, expected, atol=2e-3)


def test_weights_are_half_precision_on_disk_and_float32_in_memory(folder):
    on_disk = load_file(folder / "weights.safetensors").values()
    assert {tensor.dtype for tensor in on_disk if tensor.is_floating_point()} == {torch.float16}
    assert {parameter.dtype for parameter in load_model(folder).network().parameters()} == {torch.float32}


def test_the_checksum_is_that_of_the_weights(folder):
    content = (folder / "weights.safetensors").read_bytes()
    assert load_model(folder).card.sha256 == hashlib.sha256(content).hexdigest()


def test_changed_weights_are_refused(folder):
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"weights.safetensors has SHA-256 .* were changed or damaged"):
        load_model(folder)


def test_weights_changed_after_the_check_are_refused(folder):
    bundle = load_model(folder)
    (folder / "weights.safetensors").write_bytes(b"other")
    with pytest.raises(ModelError, match="were changed or damaged"):
        bundle.network()


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name):
        load_model(folder)


def test_an_additional_tensor_is_refused(folder):
    tensors = load_file(folder / "weights.safetensors")
    change_weights(folder, tensors | {"backdoor": torch.zeros(1)})
    with pytest.raises(ModelError, match="unknown tensors, such as backdoor"):
        load_model(folder).network()


def test_a_missing_tensor_is_refused(folder):
    tensors = load_file(folder / "weights.safetensors")
    del tensors["head.bias"]
    change_weights(folder, tensors)
    with pytest.raises(ModelError, match=r"lacks tensors of the network, such as head\.bias"):
        load_model(folder).network()


def test_a_tensor_of_another_shape_is_refused(folder):
    tensors = load_file(folder / "weights.safetensors")
    change_weights(folder, tensors | {"head.bias": torch.zeros(7)})
    with pytest.raises(ModelError, match=r"head\.bias has shape \(7,\), the network expects \(3,\)"):
        load_model(folder).network()


def test_a_pickle_instead_of_the_weights_is_never_opened(folder):
    path = folder / "weights.safetensors"
    torch.save({"head.bias": torch.zeros(3)}, path)
    card = json.loads((folder / "model.json").read_text())
    card["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="is not a safetensors file"):
        load_model(folder).network()


def test_an_unknown_network_is_refused(folder):
    card = json.loads((folder / "model.json").read_text()) | {"network": "mystery"}
    (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="mystery"):
        load_model(folder).network()


def test_saving_a_network_that_does_not_match_the_card_is_refused(tmp_path, network):
    with pytest.raises(ModelError, match="it belongs to another network"):
        save_model(tmp_path / "x", tiny_card(classes=("a", "b"), tumour_classes=("b",)), network)
    assert not (tmp_path / "x").exists()


def test_a_weight_beyond_half_precision_is_refused(tmp_path, network):
    with torch.no_grad():
        network.head.bias[0] = 1e6
    with pytest.raises(ModelError, match=r"head\.bias is not finite as torch.float16"):
        save_model(tmp_path / "x", tiny_card(), network)
    saved = save_model(tmp_path / "x", tiny_card(), network, dtype=torch.float32)
    assert float(saved.network().head.bias[0]) == 1e6


def test_class_names_that_do_not_match_the_network_are_refused(tmp_path, network):
    with pytest.raises(ModelError, match="3 class names for a network of 4 classes"):
        save_model(tmp_path / "x", tiny_card(network_settings={**SETTINGS, "classes": 4}), network)


def test_bundles_are_found_by_name_in_the_folders_of_the_variable(folder, monkeypatch):
    monkeypatch.setenv(MODELS_VARIABLE, str(folder.parent))
    assert "tiny" in bundled_models()
    assert load_model("tiny").folder == folder.resolve()


@pytest.mark.parametrize("name", ["nothing-of-the-kind", "", "..//nowhere"])
def test_an_unknown_model_is_refused_with_a_list_of_known_models(folder, monkeypatch, name):
    monkeypatch.setenv(MODELS_VARIABLE, str(folder.parent))
    with pytest.raises(ModelError, match=r"unknown model .* bundled models \(.*tiny"):
        load_model(name)
