"""AlexNet with global average pooling: layers, sizes of its maps, and class activation maps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from CAMLocalizerLib.cam import CAM
from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.networks import build_network

SMALL = (2, 3, 4, 3, 5)


def on_paper(name: str, **settings: object) -> nn.Module:
    """The published network without memory for its weights."""
    with torch.device("meta"):
        return build_network(name, **settings)


def map_shape(model: nn.Module, side: int) -> tuple[int, ...]:
    return tuple(model.features(torch.zeros(1, 1, side, side, device="meta")).shape)


def images(side: int = 64) -> Tensor:
    return torch.randn(2, 1, side, side, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(("name", "layers"), [("alexnet_gap", 5), ("modified_alexnet", 7)])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_it_has_its_convolutions_and_one_linear_layer(name: str, layers: int, batch_norm: bool):
    modules = list(on_paper(name, batch_norm=batch_norm).modules())
    assert sum(isinstance(module, nn.Conv2d) for module in modules) == layers
    assert sum(isinstance(module, nn.Linear) for module in modules) == 1
    assert sum(isinstance(module, nn.BatchNorm2d) for module in modules) == layers * batch_norm


def test_its_convolutions_have_the_published_number_of_weights():
    features = on_paper("alexnet_gap", in_channels=3).features
    assert sum(weights.numel() for weights in features.parameters()) == 2_469_696


@pytest.mark.parametrize(
    ("name", "settings", "shape"),
    [
        ("alexnet_gap", {}, (1, 256, 6, 6)),
        ("alexnet_gap", {"pool_padding": 1}, (1, 256, 7, 7)),
        ("modified_alexnet", {}, (1, 512, 14, 14)),
        ("modified_alexnet", {"pool_padding": 0}, (1, 512, 13, 13)),
    ],
)
def test_its_maps_at_224_pixels(name: str, settings: dict[str, int], shape: tuple[int, ...]):
    assert map_shape(on_paper(name, **settings), 224) == shape


@pytest.mark.parametrize("name", ["alexnet_gap", "modified_alexnet"])
@pytest.mark.parametrize("side", [64, 128, 256])
def test_padded_poolings_give_as_many_cells_as_the_stride_says(name: str, side: int):
    model = on_paper(name, pool_padding=1)
    assert map_shape(model, side)[2:] == (side // model.strides[1],) * 2


def test_the_modified_network_has_no_pooling_behind_the_fifth_convolution():
    pools = [isinstance(layer, nn.MaxPool2d) for layer in on_paper("modified_alexnet").features]
    assert pools.count(True) == 2
    assert not any(pools[6:])


@pytest.mark.parametrize("name", ["alexnet_gap", "modified_alexnet"])
def test_cam_weighs_its_last_maps_by_the_linear_layer(name: str):
    torch.manual_seed(0)
    model = build_network(name, channels=SMALL).eval()
    found = CAM(model, model.cam_layers[1], "head")(images(), 1)
    evidence = torch.einsum("nchw,c->nhw", model.features(images()), model.head.weight[1])
    torch.testing.assert_close(found.maps[1], evidence.clamp(min=0).detach())
    assert found.logits.shape == (2, 3)


def test_channels_for_another_number_of_convolutions_are_refused():
    with pytest.raises(ModelError, match="AlexNet needs channels for 5 steps"):
        build_network("alexnet_gap", channels=(2, 3))
