"""Positions of the cells of feature maps in the image."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.networks.geometry import first_cell


@pytest.mark.parametrize(
    ("layers", "centre"),
    [
        ([(3, 1, 1)], 0.0),
        ([(2, 2, 0)], 0.5),
        ([(2, 2, 0)] * 5, 15.5),  # VGG: a cell's centre is the middle of its 32 pixels
        ([(7, 2, 3), (3, 2, 1), *[(3, 2, 1)] * 3], 0.0),  # ResNet: the first pixel
        ([(7, 2, 3), (3, 2, 1), *[(2, 2, 0)] * 3], 14.0),  # DenseNet
        ([(11, 4, 2), *[(3, 2, 0)] * 3], 31.0),  # AlexNet
    ],
)
def test_the_first_cell_by_hand(layers, centre):
    assert first_cell(layers) == centre


def seen_pixels(network: nn.Module, size: int, cell: int) -> tuple[int, int]:
    """First and last row of pixels on which a cell depends, over many images: rectifiers hide a few in each."""
    image = torch.randn(4, 1, size, 96, requires_grad=True)
    features: list[torch.Tensor] = []
    layer = network.get_submodule(network.cam_layers[1])
    handle = layer.register_forward_hook(lambda _module, _inputs, output: features.append(output))
    network(image)
    handle.remove()
    features[0][:, :, cell, features[0].shape[3] // 2].sum().backward()
    rows = image.grad.abs().amax((0, 1, 3)).nonzero().flatten()
    return int(rows[0]), int(rows[-1])


@pytest.mark.parametrize(
    ("name", "settings", "size", "cell"),
    [
        ("pet_cnn", {"channels": (4,) * 8}, 480, 14),
        ("pet_fcn", {"channels": (4,) * 8}, 480, 14),
        ("alexnet_gap", {"channels": (8,) * 5, "batch_norm": True}, 480, 6),
        ("modified_alexnet", {"channels": (8,) * 5, "extra_channels": (8, 8), "batch_norm": True}, 480, 14),
        ("vgg16_gap", {"channels": (8,) * 5, "batch_norm": True}, 480, 7),
        ("resnet18", {"width": 1 / 8}, 1024, 16),
    ],
)
def test_the_receptive_field_of_a_cell_is_centred_on_its_position(name, settings, size, cell):
    torch.manual_seed(8)
    network = build_network(name, classes=2, **settings).eval()
    first, last = seen_pixels(network, size, cell)
    assert 0 < first < last < size - 1  # the whole of what it sees lies in the image
    centre = network.offsets[1] + cell * network.strides[1]
    assert (first + last) / 2 == pytest.approx(centre, abs=2.0)
