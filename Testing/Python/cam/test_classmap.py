"""CAM from the classifier's own weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from CAMLocalizerLib.cam import CAM, GradCAM, resize_maps
from CAMLocalizerLib.core import ModelError


def classifier() -> nn.Sequential:
    """Two channels, the image and its negative, weighed by hand."""
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    model[0].weight.data = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1)
    model[3].weight.data = torch.tensor([[3.0, 1.0], [0.0, 2.0]])
    return model


IMAGE = torch.tensor([[1.0, -2.0], [0.0, 4.0]])[None, None]


def test_it_is_the_weighted_sum_of_the_maps_by_hand():
    maps = CAM(classifier(), "0", "3")(IMAGE.repeat(2, 1, 1, 1), torch.tensor([0, 1])).maps[1]
    expected = torch.tensor([[[2.0, 0.0], [0.0, 8.0]], [[0.0, 4.0], [0.0, 0.0]]])
    assert torch.equal(maps, expected)


def test_it_equals_grad_cam_times_the_number_of_cells():
    model = classifier()
    torch.testing.assert_close(CAM(model, "0", "3")(IMAGE).maps[1], 4 * GradCAM(model, "0")(IMAGE).maps[1])


def test_a_head_that_does_not_take_the_average_is_refused():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    with pytest.raises(ModelError, match="CAM does not apply; use GradCAM"):
        CAM(model, "0", "3")(IMAGE)
    with pytest.raises(ModelError, match="is a Flatten, expected the linear layer"):
        CAM(model, "0", "2")


def test_the_model_is_as_it_was():
    model = classifier().train()
    CAM(model, "0", "3")(IMAGE)
    assert model.training
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_resizing_interpolates_between_cell_centres():
    row = resize_maps(torch.tensor([[[0.0, 1.0]]]), (1, 4))
    torch.testing.assert_close(row, torch.tensor([[[0.0, 0.25, 0.75, 1.0]]]))


def test_averages_times_one_number_have_the_same_map():
    class Louder(nn.Module):
        def forward(self, pooled):
            return 16 * pooled

    plain = classifier()
    louder = nn.Sequential(*list(plain.children())[:3], Louder(), plain[3])
    assert torch.equal(CAM(louder, "0", "4")(IMAGE).maps[1], CAM(plain, "0", "3")(IMAGE).maps[1])
