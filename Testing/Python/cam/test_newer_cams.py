"""Grad-CAM++ and Layer-CAM against plain autograd, with known pitfalls of other implementations."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from CAMLocalizerLib.cam import GradCAM, GradCAMPlusPlus, LayerCAM

LAYERS = {1: "late", 2: "early"}
BOTH = pytest.mark.parametrize("method", [GradCAMPlusPlus, LayerCAM])


class Small(nn.Module):
    """A classifier with a skip connection, a dropout and in-place steps behind its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.early = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU())
        self.late = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.ReLU())
        self.mix = nn.Conv2d(6, 5, 1)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(5, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 3) of images (N, 1, H, W)."""
        stem = torch.relu(self.stem(images))
        early = self.early(stem)
        early += stem
        late = self.late(early)
        late *= 1.5
        return self.head(self.drop(functional.relu_(self.mix(late)).mean((2, 3))))


def features_and_score(model: Small, images: Tensor, targets: Tensor) -> tuple[dict[int, Tensor], Tensor]:
    """Plain steps, without hooks or in-place operations."""
    stem = torch.relu(model.stem(images))
    early = model.early(stem)
    late = model.late(early + stem)
    logits = model.head(torch.relu(model.mix(late * 1.5)).mean((2, 3)))
    return {1: late, 2: early}, logits.gather(1, targets[:, None]).sum()


def equation_19(features: Tensor, gradient: Tensor) -> Tensor:
    """Grad-CAM++ as the paper prints it, cell by cell, for gradients other than zero."""
    squares, cubes = gradient**2, gradient**3
    alpha = squares / (2 * squares + features.sum((2, 3), keepdim=True) * cubes)
    alpha = torch.where(gradient == 0, 0, alpha)
    weights = (alpha * torch.relu(gradient)).sum((2, 3), keepdim=True)
    return torch.relu((weights * features).sum(1))


def layer_cam(features: Tensor, gradient: Tensor) -> Tensor:
    maps = torch.zeros_like(features[:, 0])
    for channel in range(features.shape[1]):
        maps = maps + features[:, channel] * gradient[:, channel].clamp(min=0)
    return maps.clamp(min=0)


FORMULAS = {GradCAMPlusPlus: equation_19, LayerCAM: layer_cam}


def reference(method: type[GradCAM], model: Small, images: Tensor, targets: Tensor) -> dict[int, Tensor]:
    features, score = features_and_score(model.eval(), images, targets)
    gradients = torch.autograd.grad(score, list(features.values()))
    pairs = zip(features.items(), gradients, strict=True)
    return {scale: FORMULAS[method](maps, gradient).detach() for (scale, maps), gradient in pairs}


@pytest.fixture
def model() -> Small:
    torch.manual_seed(5)
    return Small().double().train()


@pytest.fixture
def images() -> Tensor:
    return torch.randn(6, 1, 8, 10, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def close(got: Tensor, expected: Tensor) -> bool:
    return bool((got.double() - expected.double()).abs().max() <= 1e-5 * expected.abs().max())


@BOTH
def test_maps_equal_plain_autograd_behind_in_place_operations(method: type[GradCAM], model: Small, images: Tensor):
    targets = torch.tensor([0, 1, 2, 2, 1, 0])
    result = method(model, LAYERS)(images, targets)
    assert model.training
    expected = reference(method, model, images, targets)
    assert all(close(result.maps[scale], expected[scale]) and expected[scale].max() > 0 for scale in LAYERS)
    assert result.maps[1].dtype == torch.float32
    assert {scale: tuple(maps.shape) for scale, maps in result.maps.items()} == {1: (6, 4, 5), 2: (6, 8, 10)}


def test_grad_cam_plus_plus_shares_are_those_of_the_derivatives_of_the_exponential(images: Tensor):
    """Behind the layer the network is linear in pieces, so its higher derivatives are those that Eq. 19 assumes."""
    torch.manual_seed(1)
    features = torch.rand(1, 2, 2, 3, dtype=torch.float64, requires_grad=True)
    head = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(12, 1)).double()
    raised = head(features).exp().sum()
    first = torch.autograd.grad(raised, features, create_graph=True)[0]
    weights = torch.zeros(1, 2, dtype=torch.float64)
    for channel in range(2):
        for cell in range(6):
            at = (0, channel, cell // 3, cell % 3)
            second = torch.autograd.grad(first[at], features, create_graph=True)[0][at]
            third = torch.autograd.grad(second, features, retain_graph=True)[0][at]
            alpha = second / (2 * second + features[0, channel].sum() * third)
            weights[0, channel] += (alpha * torch.relu(first[at])).detach()
    expected = torch.relu((weights[:, :, None, None] * features).sum(1)).detach()

    class Behind(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.head = nn.Identity(), head

        def forward(self, maps: Tensor) -> Tensor:
            return self.head(self.layer(maps))

    got = GradCAMPlusPlus(Behind(), "layer")(features.detach(), 0).maps[1]
    assert close(got / got.max(), expected / expected.max())
    assert expected.max() > 0


@pytest.mark.parametrize("factor", [1e-12, 1e-4, 1e6])
def test_maps_of_small_or_large_gradients_do_not_depend_on_an_epsilon(model: Small, images: Tensor, factor: float):
    with torch.no_grad():
        model.head.weight *= factor
    targets = torch.zeros(6, dtype=torch.long)
    got, expected = GradCAMPlusPlus(model, LAYERS)(images, targets), reference(GradCAMPlusPlus, model, images, targets)
    assert all(close(got.maps[scale], expected[scale]) and expected[scale].max() > 0 for scale in LAYERS)


@BOTH
def test_a_constant_added_to_the_score_and_another_unit_of_the_features_change_no_shape(
    method: type[GradCAM], model: Small, images: Tensor
):
    before = method(model, "late")(images, 1).maps[1]
    with torch.no_grad():
        model.head.bias += 500  # exp(500) overflows float32
        model.late[0].weight *= 1e4
        model.late[0].bias *= 1e4
        model.mix.weight /= 1e4
    after = method(model, "late")(images, 1).maps[1]
    assert before.max() > 0
    assert close(after / after.max(), before / before.max())


def test_layer_cam_does_not_depend_on_the_scores_unit(model: Small, images: Tensor):
    weights = torch.tensor([1.0, -0.5, -0.5]).double().expand(6, 3)
    maps = LayerCAM(model, LAYERS)(images, weights).maps
    scaled = LayerCAM(model, LAYERS)(images, 1e-9 * weights).maps
    assert all(close(1e9 * scaled[scale], maps[scale]) for scale in LAYERS)


def test_a_denominator_of_zero_gives_no_weight():
    model = nn.Sequential(nn.Identity(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 1, bias=False))
    nn.init.constant_(model[3].weight, 4.0)  # gradients of 1 over the four cells
    images = torch.tensor([[[[-3.0, 1.0], [0.0, 0.0]], [[3.0, 1.0], [0.0, 0.0]]]])  # sums of -2 and 4
    maps = GradCAMPlusPlus(model, "0")(images, 0).maps[1]
    assert torch.allclose(maps[0], torch.tensor([[3.0, 1.0], [0.0, 0.0]]) * 4 / 6)


@BOTH
def test_a_batch_equals_single_images_each_with_its_own_target(method: type[GradCAM], model: Small, images: Tensor):
    cam, targets = method(model, LAYERS), torch.tensor([0, 1, 2, 0, 1, 2])
    together = cam(images, targets).maps
    for index in range(6):
        alone = cam(images[index : index + 1], targets[index : index + 1]).maps
        assert all(close(together[scale][index], alone[scale][0]) for scale in LAYERS)


@BOTH
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_frozen_parameters_and_callers_without_gradients_work(
    method: type[GradCAM], model: Small, images: Tensor, mode
):
    expected = method(model, LAYERS)(images).maps
    model.requires_grad_(False)
    with mode():
        got = method(model, LAYERS)(images.clone()).maps
    assert all(close(got[scale], expected[scale]) for scale in LAYERS)


@BOTH
def test_bfloat16_models_give_nearly_the_same_maps(method: type[GradCAM], model: Small, images: Tensor):
    exact = method(model, LAYERS)(images, 1)
    half = method(model.bfloat16(), LAYERS)(images.bfloat16(), 1)
    for scale in LAYERS:
        assert half.maps[scale].dtype == torch.float32
        assert (half.maps[scale] - exact.maps[scale]).abs().max() < 0.05 * exact.maps[scale].max()


@BOTH
def test_a_map_without_evidence_is_zero(method: type[GradCAM], model: Small, images: Tensor):
    maps = method(model, LAYERS)(images, torch.zeros(6, 3, dtype=torch.float64)).maps
    assert all(torch.equal(each, torch.zeros_like(each)) for each in maps.values())


@BOTH
def test_the_model_is_exactly_as_it_was(method: type[GradCAM], model: Small, images: Tensor):
    before = {name: values.clone() for name, values in model.state_dict().items()}
    with method(model, LAYERS) as cam:
        cam(images)
        assert not model.training
    assert model.training
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())


@BOTH
def test_three_dimensional_classifiers_work(method: type[GradCAM]):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv3d(1, 2, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(2, 2)
    )
    assert method(model, "0")(torch.randn(2, 1, 5, 6, 7)).maps[1].shape == (2, 3, 4, 5)
