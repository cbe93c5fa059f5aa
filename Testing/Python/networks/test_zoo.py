"""Keras' classifiers as torch networks; MobileNetV2, the smallest, represents all four."""

from __future__ import annotations

import copy
import random
import sys
from types import SimpleNamespace

import pytest
import torch

from CAMLocalizerLib.cam import GradCAM
from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.models import ModelCard, load_model, save_model
from CAMLocalizerLib.networks import build_network, fold_batch_norm, zoo

try:
    keras = zoo.import_keras()
except ModelError as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.fixture(scope="module")
def network() -> zoo.ZooClassifier:
    torch.manual_seed(1)
    return zoo.ZooClassifier("mobilenet_v2", classes=3).eval()


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(4))


@torch.no_grad()
@pytest.mark.parametrize("name", ["xception", "resnet50v2", "inception_v3", "mobilenet_v2"])
def test_maps_have_a_32nd_of_the_image(name: str):
    network = build_network(name, classes=2).eval()
    shapes = []
    network.features.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape[2:])))
    assert network(torch.zeros(1, 1, 96, 128)).shape == (1, 2)
    assert shapes == [(3, 4)]


def test_a_second_instance_has_the_same_names_and_follows_the_seed(network):
    torch.manual_seed(1)
    other = zoo.ZooClassifier("mobilenet_v2", classes=3).state_dict()
    assert list(other) == list(network.state_dict())
    assert all(torch.equal(tensor, other[name]) for name, tensor in network.state_dict().items())


def test_the_settings_of_the_process_are_restored():
    keras.config.set_image_data_format("channels_last")
    random.seed(3)
    expected = random.random()
    random.seed(3)
    zoo.KerasBackbone("mobilenet_v2", 1)
    assert keras.config.image_data_format() == "channels_last"
    assert random.random() == expected


@torch.no_grad()
def test_a_bundle_loads_the_network_without_download(network, images, tmp_path):
    card = ModelCard(
        name="zoo", version="1", network="mobilenet_v2", modality="MG", spacing_mm=0.5, size=(64, 64),
        normalisation="zscore", classes=("a", "b", "c"), tumour_classes=("c",), scales=(1,),
        network_settings={"pretrained": True},
    )  # fmt: skip
    save_model(tmp_path / "zoo", card, network, dtype=torch.float32)
    torch.testing.assert_close(load_model(tmp_path / "zoo").network()(images), network(images))


@torch.no_grad()
def test_a_copy_and_a_folded_network_give_the_same_output_independently(network, images):
    expected = network(images)
    other = copy.deepcopy(network)
    torch.testing.assert_close(other(images), expected)
    torch.testing.assert_close(fold_batch_norm(network)(images), expected)
    for parameter in other.parameters():
        parameter.zero_()
    torch.testing.assert_close(network(images), expected)


def test_a_copy_keeps_mode_and_frozen_parameters(network):
    network.backbone.requires_grad_(False)
    other = copy.deepcopy(network)
    assert not other.backbone.training
    assert not any(parameter.requires_grad for parameter in other.backbone.parameters())
    assert all(parameter.requires_grad for parameter in other.head.parameters())


def test_training_moves_weights_and_running_statistics(images):
    network = zoo.ZooClassifier("mobilenet_v2", norm_momentum=0.5)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimiser = torch.optim.SGD([each for each in network.parameters() if each.requires_grad], lr=0.1)
    with torch.autocast("cpu", torch.bfloat16):
        torch.nn.functional.cross_entropy(network(images), torch.tensor([0, 1])).backward()
    optimiser.step()
    moved = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert {"head.weight", "backbone.000_kernel"} < moved
    mean = next(name for name in moved if name.endswith("moving_mean"))
    assert not before[mean].any()


def test_grad_cam_restores_the_network(images):
    network = zoo.ZooClassifier("mobilenet_v2").train()
    flags = [parameter.requires_grad for parameter in network.parameters()]
    maps = GradCAM(network, network.cam_layers)(images, 1).maps[1]
    assert maps.shape == (2, 2, 2)
    assert [parameter.requires_grad for parameter in network.parameters()] == flags
    assert network.backbone.training


@torch.no_grad()
def test_half_precision_gives_half_precision_maps(network, images):
    half = copy.deepcopy(network).to(torch.bfloat16)
    found = half(images.bfloat16())
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), network(images), rtol=0.1, atol=0.1)


@torch.no_grad()
def test_pretrained_grey_weights_equal_three_equal_channels(monkeypatch):
    make = keras.applications.MobileNetV2
    monkeypatch.setattr(keras.applications, "MobileNetV2", lambda **options: make(**options | {"weights": None}))
    torch.manual_seed(5)
    colour = zoo.ZooClassifier("mobilenet_v2", in_channels=3, pretrained=True).eval()
    torch.manual_seed(5)
    grey = zoo.ZooClassifier("mobilenet_v2", in_channels=1, pretrained=True).eval()
    image = torch.randn(1, 1, 64, 64)
    torch.testing.assert_close(grey.backbone(image), colour.backbone(image.expand(-1, 3, -1, -1)))


def test_weights_that_cannot_be_downloaded_give_a_clear_error(monkeypatch):
    def refuse(**options):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "MobileNetV2", refuse)
    with pytest.raises(ModelError, match=r"of mobilenet_v2 cannot be downloaded \(URL fetch failure\)"):
        build_network("mobilenet_v2", in_channels=3, pretrained=True)


def test_another_backend_is_refused(monkeypatch):
    other = SimpleNamespace(config=SimpleNamespace(backend=lambda: "jax"))
    monkeypatch.setitem(sys.modules, "keras", other)
    with pytest.raises(ModelError, match="Keras uses jax"):
        build_network("xception")


def test_without_keras_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ModelError, match=r"pip install 'camlocalizer\[zoo\]'"):
        build_network("xception")


@pytest.mark.parametrize("settings", [{"classes": 0}, {"norm_momentum": 1.0}, {"in_channels": 2, "pretrained": True}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ModelError, match="cannot be built with the settings"):
        build_network("mobilenet_v2", **settings)
