"""ResNet with global average pooling: the published structure, ready for CAM and Grad-CAM."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

from CAMLocalizerLib.cam import CAM, GradCAM
from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.networks.resnet import ResNet

pytest.importorskip("monai")


def small(depth: int = 18) -> ResNet:
    torch.manual_seed(2)
    return ResNet(depth, 1, 3, width=1 / 16).eval()


def images() -> torch.Tensor:
    return torch.randn(2, 1, 64, 96, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_its_depth_counts_convolutions_and_the_linear_layer_but_not_the_shortcuts(depth: int):
    layers = [name for name, module in small(depth).named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len([name for name in layers if "downsample" not in name]) == depth


def test_resnet50_has_the_published_number_of_parameters():
    model = build_network("resnet50", in_channels=3, classes=1000)
    assert sum(parameter.numel() for parameter in model.parameters()) == 25_557_032


def test_resnet18_has_the_published_number_of_parameters():
    model = build_network("resnet18", in_channels=3, classes=1000)
    assert sum(parameter.numel() for parameter in model.parameters()) == 11_689_512


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_it_classifies_and_its_last_maps_have_a_thirty_second_of_the_resolution(depth: int):
    model = small(depth)
    result = GradCAM(model, model.cam_layers)(images())
    assert result.logits.shape == (2, 3)
    assert result.maps[1].shape == (2, 64 // model.strides[1], 96 // model.strides[1])


def test_cam_and_grad_cam_agree_up_to_the_number_of_cells():
    model = small()
    rescam = CAM(model, model.cam_layers[1], "head")(images(), 1).maps[1]
    grad_rescam = GradCAM(model, model.cam_layers)(images(), 1).maps[1]
    assert rescam.max() > 0
    torch.testing.assert_close(rescam, grad_rescam * 6, rtol=1e-4, atol=1e-6)


def test_another_depth_is_refused():
    with pytest.raises(ValueError, match="one of 18, 34, 50, got 101"):
        ResNet(101)


def test_a_width_without_channels_is_refused():
    with pytest.raises(ModelError, match="width must leave at least one of 64 channels, got 0"):
        build_network("resnet34", width=0.0)


def test_without_monai_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "monai.networks.nets.resnet", None)
    with pytest.raises(ModelError, match=r"ResNet-50 needs MONAI .* camlocalizer\[training\]"):
        build_network("resnet50")
