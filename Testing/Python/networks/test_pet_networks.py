"""The eight-layer PET networks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from CAMLocalizerLib.networks import build_network, fold_batch_norm
from CAMLocalizerLib.networks.pet import POOLED_GAIN, PETFullyConvolutional, PETNetwork

CHANNELS = (2, 3, 3, 4, 4, 5, 5, 6)
BOTH = pytest.mark.parametrize("kind", [PETNetwork, PETFullyConvolutional])


@BOTH
def test_they_have_eight_convolution_layers_and_maps_of_a_sixteenth(kind):
    network = kind().eval()
    assert sum(isinstance(layer, nn.Conv2d) for layer in network.modules()) == 8
    assert network.features(torch.zeros(1, 1, 64, 32)).shape == (1, 128, 4, 2)
    assert network.strides[1] == 16
    assert network.cam_layers[1] == "features"


def test_the_class_score_is_the_scaled_mean_of_the_class_map_plus_the_bias():
    torch.manual_seed(2)
    network = PETNetwork(1, 2, CHANNELS).eval()
    images = torch.rand(2, 1, 48, 32)
    maps = torch.einsum("nchw,kc->nkhw", network.features(images), network.head.weight)
    torch.testing.assert_close(network(images), POOLED_GAIN * maps.mean((2, 3)) + network.head.bias)


@pytest.mark.parametrize(("sharpness", "near"), [(1e-4, "mean"), (500.0, "max")])
def test_the_soft_maximum_of_cells_lies_between_their_mean_and_their_maximum(sharpness, near):
    torch.manual_seed(2)
    network = PETFullyConvolutional(1, 2, CHANNELS, sharpness=sharpness).eval()
    images = torch.rand(2, 1, 48, 32)
    maps = torch.einsum("nchw,kc->nkhw", network.features(images), network.head.weight)
    cells = (maps + network.head.bias[:, None, None]).flatten(2)
    expected = cells.mean(2) if near == "mean" else cells.amax(2)
    torch.testing.assert_close(network(images), expected, atol=0.02, rtol=0.02)


def test_the_fully_convolutional_network_has_no_pooling():
    kinds = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
    assert not any(isinstance(layer, kinds) for layer in PETFullyConvolutional().modules())


@BOTH
def test_channels_for_another_number_of_layers_are_refused(kind):
    with pytest.raises(ValueError, match="channels for 8 steps"):
        kind(channels=(1, 2))


def test_a_sharpness_of_zero_is_refused():
    with pytest.raises(ValueError, match="must be positive, got 0"):
        PETFullyConvolutional(sharpness=0)


@pytest.mark.parametrize("name", ["pet_cnn", "pet_fcn"])
def test_they_are_found_by_name(name):
    assert build_network(name, classes=3)(torch.zeros(2, 1, 32, 32)).shape == (2, 3)


@pytest.mark.parametrize("name", ["pet_cnn", "pet_fcn", "vgg16_gap", "resnet18_cam"])
def test_networks_whose_stride_depends_on_their_settings_can_be_folded(name):
    network = build_network(name, classes=2).eval()
    images = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(fold_batch_norm(network)(images), network(images), atol=1e-4, rtol=1e-3)
