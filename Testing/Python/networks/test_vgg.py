"""VGG with global average pooling: layers, sizes of its maps, class activation maps and ImageNet weights."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from CAMLocalizerLib.cam import CAM, GradCAM
from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.networks import build_network, fold_batch_norm, load_imagenet_backbone

SMALL = {"channels": (2, 3, 4, 5, 6)}
NAMES = ("vgg16_gap", "vgg19_gap", "modified_vgg16", "modified_vgg19")


def on_paper(name: str, **settings: object) -> nn.Module:
    """The published network without memory for its weights."""
    with torch.device("meta"):
        return build_network(name, **settings)


def images() -> Tensor:
    return torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(5))


def small(name: str, seed: int = 0, **settings: object) -> nn.Module:
    torch.manual_seed(seed)
    return build_network(name, **{**SMALL, **settings}).eval()


def published(model: nn.Module) -> dict[str, Tensor]:
    """Tensors as torchvision names them, the classifier's included."""
    state = {name: tensor for name, tensor in model.state_dict().items() if name.startswith("features.")}
    return {**state, "classifier.0.weight": torch.zeros(3, 3)}


@pytest.mark.parametrize(("name", "layers"), list(zip(NAMES, (13, 16, 14, 17), strict=True)))
@pytest.mark.parametrize("batch_norm", [False, True])
def test_it_has_its_convolutions_and_one_linear_layer(name: str, layers: int, batch_norm: bool):
    modules = list(on_paper(name, batch_norm=batch_norm).modules())
    assert sum(isinstance(module, nn.Conv2d) for module in modules) == layers
    assert sum(isinstance(module, nn.Linear) for module in modules) == 1
    assert sum(isinstance(module, nn.BatchNorm2d) for module in modules) == layers * batch_norm


@pytest.mark.parametrize(("name", "weights"), [("vgg16_gap", 14_714_688), ("vgg19_gap", 20_024_384)])
def test_its_convolutions_have_the_published_number_of_weights(name: str, weights: int):
    features = on_paper(name, in_channels=3).features
    assert sum(parameter.numel() for parameter in features.parameters()) == weights


@pytest.mark.parametrize(
    ("name", "channels", "cells"),
    [
        ("vgg16_gap", 512, 7),
        ("vgg19_gap", 512, 7),
        ("modified_vgg16", 1024, 14),
        ("modified_vgg19", 1024, 14),
    ],
)
def test_its_maps_at_224_pixels(name: str, channels: int, cells: int):
    model = on_paper(name)
    assert model.features(torch.zeros(1, 1, 224, 224, device="meta")).shape == (1, channels, cells, cells)
    assert 224 // model.strides[1] == cells


@pytest.mark.parametrize("name", NAMES)
def test_cam_weighs_its_last_maps_by_the_linear_layer(name: str):
    model = small(name, batch_norm=True)
    found = CAM(model, model.cam_layers[1], "head")(images(), 2)
    evidence = torch.einsum("nchw,c->nhw", model.features(images()), model.head.weight[2])
    torch.testing.assert_close(found.maps[1], evidence.clamp(min=0).detach())
    cells = found.maps[1][0].numel()
    torch.testing.assert_close(GradCAM(model, model.cam_layers)(images(), 2).maps[1] * cells, found.maps[1])


@pytest.mark.parametrize("name", NAMES)
def test_folding_keeps_its_output_and_stride(name: str):
    model = small(name, batch_norm=True)
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.normal_(norm.weight, 1.0, 0.3)
        nn.init.normal_(norm.bias, 0.0, 0.3)
    folded = fold_batch_norm(model)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert (folded.strides, folded.cam_layers) == (model.strides, model.cam_layers)
    torch.testing.assert_close(folded(images()), model(images()).detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("settings", [{"depth": 17}, {"channels": (1, 2, 3)}, {"channels": (1, 2, 3, 4, 0)}])
def test_another_depth_or_number_of_blocks_is_refused(settings: dict[str, object]):
    with pytest.raises(ModelError, match=r"depth of VGG must be 16 or 19|needs channels for 5 steps"):
        build_network("vgg16_gap", **settings)


def test_a_grey_network_equals_the_colour_network_of_its_weights(tmp_path):
    colour, grey = small("vgg16_gap", in_channels=3), small("vgg16_gap", seed=1)
    save_file(published(colour), tmp_path / "vgg16.safetensors")
    assert len(load_imagenet_backbone(grey, tmp_path / "vgg16.safetensors")) == 2 * 13
    expected = colour.features(images().expand(-1, 3, -1, -1))
    torch.testing.assert_close(grey.features(images()), expected, rtol=1e-4, atol=1e-6)


def test_the_modified_network_keeps_its_own_last_convolution():
    source, model = small("vgg16_gap", in_channels=3, batch_norm=True), small("modified_vgg16", batch_norm=True)
    before = model.features[-3].weight.clone()
    load_imagenet_backbone(model, published(source))
    torch.testing.assert_close(model.features[-3].weight, before, rtol=0, atol=0)
    torch.testing.assert_close(model.features[1].running_mean, source.features[1].running_mean, rtol=0, atol=0)
    torch.testing.assert_close(model.features[-6].weight, source.features[-4].weight, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_norm": True}, "batch normalisation must be in both or in neither"),
        ({"in_channels": 2}, "images of 1 or 3 channels, the network has 2"),
        ({"channels": (2, 3, 4, 5, 7)}, r"features.24.weight have shape \(6, 5, 3, 3\), the network expects"),
    ],
)
def test_weights_of_another_network_are_refused_and_change_nothing(settings: dict[str, object], message: str):
    model = small("vgg16_gap", **settings)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ModelError, match=message):
        load_imagenet_backbone(model, published(small("vgg16_gap", seed=2, in_channels=3)))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_file_that_is_not_a_safetensors_file_is_refused(tmp_path):
    (tmp_path / "vgg16.pth").write_bytes(b"a pickle")
    with pytest.raises(ModelError, match=r"vgg16\.pth cannot be read as a safetensors file"):
        load_imagenet_backbone(small("vgg16_gap"), tmp_path / "vgg16.pth")


@pytest.mark.parametrize(
    ("state", "message"),
    [({"conv1.weight": torch.zeros(1)}, "names start with 'features.'"), (None, "have 16 layers, the network 13")],
)
def test_tensors_of_another_architecture_are_refused(state: dict[str, Tensor] | None, message: str):
    with pytest.raises(ModelError, match=message):
        load_imagenet_backbone(small("vgg16_gap"), published(small("vgg19_gap")) if state is None else state)
