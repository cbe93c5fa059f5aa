"""The point loss: where it is zero, what it measures and what it teaches."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from CAMLocalizerLib.core import ModelError, SettingsError
from CAMLocalizerLib.training.fitting import Batch
from CAMLocalizerLib.training.point_loss import cell_positions, cell_weights, class_maps, mean_position, point_loss


class Pass(nn.Module):
    """Features are the image at a quarter of its size; the head weighs the single channel +3 and -3."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.AvgPool2d(4)
        self.head = nn.Linear(1, 2, bias=False)
        self.head.weight.data = torch.tensor([[3.0], [-3.0]])

    def forward(self, images):
        return self.head(self.features(images).mean((2, 3)))


def one_spot(row: int, column: int) -> torch.Tensor:
    """An image of 32 x 48 pixels whose cell (row, column) of 4 x 4 pixels is bright."""
    image = torch.zeros(1, 1, 32, 48)
    image[..., 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 1.0
    return image


def loss_2(images, points, labels=(0,), **options) -> float:
    """Loss 2 alone: what the point adds to the loss of the class."""
    batch = Batch(images, torch.tensor(labels), torch.tensor(points, dtype=torch.float32))
    whole, logits = point_loss(1.0, **options)(Pass(), batch)
    return float((whole - functional.cross_entropy(logits, batch.labels)).detach())


def test_a_map_that_peaks_at_the_point_costs_nothing():
    assert loss_2(one_spot(2, 5), [[21.5, 9.5]], temperature=0.01) == pytest.approx(0.0, abs=1e-3)


def test_the_loss_is_the_distance_in_millimetres():
    off = loss_2(one_spot(2, 5), [[21.5 + 3.0, 9.5 - 4.0]], spacing_mm=2.0, temperature=0.01)
    assert off == pytest.approx(2.0 * math.hypot(3, 4), abs=1e-2)


def test_the_map_is_that_of_the_true_class():
    spot, point = one_spot(2, 5), [[21.5, 9.5]]
    assert loss_2(spot, point, labels=(1,), temperature=0.01) > 5.0 > loss_2(spot, point, temperature=0.01)


def test_images_without_a_point_count_for_their_class_alone():
    images = torch.cat([one_spot(2, 5), one_spot(6, 1)])
    known = [[40.0, 9.5], [math.nan, math.nan]]
    assert loss_2(images, known, labels=(0, 0)) == pytest.approx(loss_2(images[:1], known[:1]), rel=1e-5)
    assert loss_2(images, [[math.nan, math.nan]] * 2, labels=(0, 0)) == pytest.approx(0.0, abs=1e-6)


def test_weight_zero_is_cross_entropy_and_needs_no_points():
    batch = Batch(one_spot(1, 1), torch.tensor([1]), None)
    loss, logits = point_loss(0.0)(Pass(), batch)
    torch.testing.assert_close(loss, functional.cross_entropy(logits, batch.labels))


def test_the_map_is_divided_by_its_maximum():
    features = torch.tensor([[[[1.0, -2.0], [4.0, 0.0]]]])
    maps = class_maps(features, torch.tensor([[0.5]]), torch.tensor([0]))
    torch.testing.assert_close(maps, torch.tensor([[[0.25, -0.5], [1.0, 0.0]]]))


def soft_argmax(maps, temperature):
    weights = cell_weights(maps, temperature)
    return mean_position(weights, cell_positions(weights))


def test_a_map_without_evidence_has_a_finite_gradient():
    features = torch.full((1, 1, 2, 3), -1.0, requires_grad=True)
    soft_argmax(class_maps(features, torch.tensor([[1.0]]), torch.tensor([0])), 0.1).sum().backward()
    assert bool(features.grad.isfinite().all())


def test_the_gradient_of_the_soft_argmax_agrees_with_finite_differences():
    maps = torch.rand(2, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    assert torch.autograd.gradcheck(lambda values: soft_argmax(values, 0.3), (maps,))


def test_descending_it_moves_the_map_to_the_point():
    torch.manual_seed(0)
    network = nn.Sequential()
    network.features = nn.Sequential(nn.AvgPool2d(4), nn.Conv2d(2, 8, 1), nn.ReLU())
    network.head = nn.Linear(8, 2)
    network.forward = lambda images: network.head(network.features(images).mean((2, 3)))
    images = torch.cat([one_spot(2, 5).repeat(1, 2, 1, 1), one_spot(6, 9).repeat(1, 2, 1, 1)])
    images[0, 1], images[1, 0] = 0.0, 0.0  # each class has a channel of its own
    images += 0.05 * torch.rand(images.shape)
    batch = Batch(images, torch.tensor([0, 1]), torch.tensor([[21.5, 9.5], [37.5, 25.5]]))
    optimiser, objective, losses = torch.optim.Adam(network.parameters(), 0.03), point_loss(0.1), []
    for _ in range(60):
        loss, _ = objective(network, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    maps = class_maps(network.features(images), network.head.weight, batch.labels)
    assert maps.flatten(1).argmax(1).tolist() == [2 * 12 + 5, 6 * 12 + 9]
    assert losses[-1] < 0.3 * losses[0]


def test_points_that_are_missing_are_named():
    with pytest.raises(SettingsError, match="needs centre points"):
        point_loss(1.0)(Pass(), Batch(one_spot(1, 1), torch.tensor([1]), None))


def test_a_network_without_a_linear_head_is_refused():
    with pytest.raises(ModelError, match="Sequential has none; use pet_cnn"):
        point_loss(1.0)(nn.Sequential(nn.Flatten()), Batch(one_spot(1, 1), torch.tensor([1]), None))


@pytest.mark.parametrize("options", [{"weight": -1.0}, {"spacing_mm": 0.0}, {"temperature": 0.0}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(SettingsError, match="positive spacing and temperature"):
        point_loss(**options)


def test_losses_of_other_weights_have_other_names_by_which_runs_are_gone_on_with():
    assert point_loss(0.1).__qualname__ == point_loss(0.1).__qualname__ != point_loss(0.2).__qualname__


def test_two_spots_around_the_point_cost_their_spread_alone():
    images = torch.maximum(one_spot(2, 3), one_spot(2, 7))  # 8 pixels on either side of the cell between them
    point = [[21.5, 9.5]]
    assert loss_2(images, point, temperature=0.01) == pytest.approx(0.0, abs=1e-3)
    assert loss_2(images, point, temperature=0.01, spread=0.5, spacing_mm=2.0) == pytest.approx(0.5 * 16.0, abs=1e-2)


def test_one_spot_has_no_spread_and_a_finite_gradient():
    images, point = one_spot(2, 5), [[21.5, 9.5]]
    assert loss_2(images, point, temperature=0.01, spread=1.0) == pytest.approx(0.0, abs=0.2)
    network = Pass()
    loss, _ = point_loss(1.0, temperature=0.01, spread=1.0)(
        network, Batch(images, torch.tensor([0]), torch.tensor(point))
    )
    loss.backward()
    assert bool(network.head.weight.grad.isfinite().all())
