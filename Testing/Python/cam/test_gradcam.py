"""Grad-CAM of any classifier against plain autograd, with known pitfalls of other implementations."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from CAMLocalizerLib.cam import GradCAM
from CAMLocalizerLib.core import ModelError, SettingsError

LAYERS = {1: "late", 2: "early"}


class Residual(nn.Module):
    """A classifier with a skip connection, a dropout, a normalisation and in-place steps behind its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.early = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.late = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(6, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 3) of images (N, 1, H, W)."""
        stem = torch.relu(self.stem(images))
        early = self.early(stem)
        early += stem
        maps = functional.relu_(self.late(self.norm(functional.relu_(early))))
        return self.head(self.drop(maps.square().mean((2, 3))))


class ConvolutionGradients(TorchDispatchMode):
    """Counts which gradients of convolutions are computed: of the input, the weight, the bias."""

    def __init__(self) -> None:
        super().__init__()
        self.count: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.convolution_backward.default:
            self.count.update(name for name, done in zip(("input", "weight", "bias"), args[-1], strict=True) if done)
        return func(*args, **(kwargs or {}))


@pytest.fixture
def model() -> Residual:
    torch.manual_seed(2)
    return Residual().double().train()


@pytest.fixture
def images() -> Tensor:
    return torch.randn(6, 1, 8, 10, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def reference(model: Residual, images: Tensor, targets: Tensor) -> dict[int, Tensor]:
    """Plain autograd, step by step, without hooks or in-place operations."""
    stem = torch.relu(model.stem(images))
    early = model.early(stem)
    norm = model.norm
    normalised = functional.batch_norm(
        torch.relu(early + stem), norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
    )
    late = model.late(normalised)
    logits = model.head(torch.relu(late).square().mean((2, 3)))
    score = logits.gather(1, targets[:, None]).sum()
    gradients = torch.autograd.grad(score, (late, early))
    pairs = zip((1, 2), (late, early), gradients, strict=True)
    return {scale: torch.relu((g.mean((2, 3), keepdim=True) * f).sum(1)).detach() for scale, f, g in pairs}


def close(got: Tensor, expected: Tensor) -> bool:
    return bool((got.double() - expected.double()).abs().max() <= 1e-5 * expected.abs().max())


def test_maps_equal_plain_autograd_behind_in_place_operations(model: Residual, images: Tensor):
    targets = torch.tensor([0, 1, 2, 2, 1, 0])
    result, expected = GradCAM(model, LAYERS)(images, targets), reference(model, images, targets)
    assert all(close(result.maps[scale], expected[scale]) and expected[scale].max() > 0 for scale in LAYERS)
    assert result.maps[1].dtype == torch.float32
    assert result.maps[1].shape == (6, 4, 5)


def test_a_batch_equals_single_images_each_with_its_own_target(model: Residual, images: Tensor):
    cam, targets = GradCAM(model, LAYERS), torch.tensor([0, 1, 2, 0, 1, 2])
    together = cam(images, targets).maps
    for index in range(6):
        alone = cam(images[index : index + 1], targets[index : index + 1]).maps
        assert all(close(together[scale][index], alone[scale][0]) for scale in LAYERS)


def test_one_class_for_all_maps_every_image(model: Residual, images: Tensor):
    result = GradCAM(model, LAYERS)(images, 1)
    assert close(result.maps[2], GradCAM(model, LAYERS)(images, torch.ones(6, dtype=torch.long)).maps[2])
    assert result.targets.tolist() == [1] * 6


def test_without_targets_each_image_gets_its_highest_logit(model: Residual, images: Tensor):
    result = GradCAM(model, LAYERS)(images)
    assert torch.equal(result.targets, result.logits.argmax(1))
    assert close(result.maps[1], GradCAM(model, LAYERS)(images, result.targets).maps[1])


def test_class_weights_explain_a_difference_of_classes(model: Residual, images: Tensor):
    weights = torch.tensor([1.0, -0.5, -0.5]).double().expand(6, 3)
    negated = GradCAM(model, LAYERS)(images, -weights).maps[1]
    maps = GradCAM(model, LAYERS)(images, weights).maps[1]
    assert torch.all((maps == 0) | (negated == 0))
    one_hot = functional.one_hot(torch.tensor([1] * 6), 3).double()
    assert close(GradCAM(model, LAYERS)(images, one_hot).maps[1], GradCAM(model, LAYERS)(images, 1).maps[1])


def test_nothing_before_the_earliest_layer_and_no_parameter_is_differentiated(model: Residual, images: Tensor):
    with ConvolutionGradients() as counted:
        GradCAM(model, LAYERS)(images)
    assert counted.count == {"input": 1}  # from late to early; the stem and all weights are left out


def test_the_model_is_exactly_as_it_was(model: Residual, images: Tensor):
    model.norm.eval()
    model.stem.weight.requires_grad_(False)
    before = {name: values.clone() for name, values in model.state_dict().items()}
    with GradCAM(model, LAYERS) as cam:
        cam(images)
        assert not model.training
    assert model.training
    assert not model.norm.training
    assert not model.stem.weight.requires_grad
    assert model.late.weight.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())


def test_the_model_is_restored_after_an_error(model: Residual, images: Tensor):
    with pytest.raises(RuntimeError), GradCAM(model, LAYERS) as cam:
        cam(torch.zeros(1, 3, 8, 8, dtype=torch.float64))
    with pytest.raises(IndexError, match="mine"), GradCAM(model, LAYERS):
        raise IndexError("mine")
    assert model.training
    assert model.late.weight.requires_grad
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.is_grad_enabled()


def test_accumulated_gradients_are_kept(model: Residual, images: Tensor):
    model(images).sum().backward()
    before = model.late.weight.grad.clone()
    GradCAM(model, LAYERS)(images)
    assert torch.equal(model.late.weight.grad, before)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_frozen_parameters_and_callers_without_gradients_work(model: Residual, images: Tensor, mode):
    expected = GradCAM(model, LAYERS)(images).maps
    model.requires_grad_(False)
    with mode():
        got = GradCAM(model, LAYERS)(images.clone()).maps
        assert not torch.is_grad_enabled()
    assert all(close(got[scale], expected[scale]) for scale in LAYERS)


def test_bfloat16_models_and_autocast_give_nearly_the_same_maps(model: Residual, images: Tensor):
    exact = GradCAM(model, LAYERS)(images, 1)
    half = GradCAM(model.bfloat16(), LAYERS)(images.bfloat16(), 1)
    with torch.autocast("cpu", torch.bfloat16):
        cast = GradCAM(model.float(), LAYERS)(images.float(), 1)
    for result in (half, cast):
        assert result.logits.dtype == result.maps[1].dtype == torch.float32
        assert (result.maps[1] - exact.maps[1]).abs().max() < 0.05 * exact.maps[1].max()


def test_a_map_without_evidence_is_zero(model: Residual, images: Tensor):
    maps = GradCAM(model, LAYERS)(images, torch.zeros(6, 3, dtype=torch.float64)).maps
    assert all(torch.equal(each, torch.zeros_like(each)) for each in maps.values())


def test_three_dimensional_classifiers_work():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv3d(1, 2, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(2, 2)
    )
    assert GradCAM(model, "0")(torch.randn(2, 1, 5, 6, 7)).maps[1].shape == (2, 3, 4, 5)


@pytest.mark.parametrize(
    ("targets", "match"),
    [
        (torch.tensor([0, 3, 0, 0, 0, 0]), r"must be 0 to 2, got \[0, 3\]"),
        (torch.tensor([0, 1]), r"shape \(2,\) .* expected classes \(6,\)"),
        (torch.zeros(6), r"dtype torch.float32, expected classes"),
        (-1, "must be 0 to 2"),
    ],
)
def test_targets_that_do_not_fit_are_refused(model: Residual, images: Tensor, targets, match: str):
    with pytest.raises(SettingsError, match=match):
        GradCAM(model, LAYERS)(images, targets)


def test_an_unknown_layer_is_refused_with_similar_names(model: Residual):
    with pytest.raises(SettingsError, match=r"no layer 'lates'; its layers include \['late'\]"):
        GradCAM(model, "lates")


def test_layers_without_a_feature_map_are_refused(model: Residual, images: Tensor):
    with pytest.raises(ModelError, match=r"layer 'head' returns \(6, 3\), expected a feature map"):
        GradCAM(model, "head")(images)


def test_a_layer_that_runs_twice_is_refused(images: Tensor):
    relu = nn.ReLU()
    model = nn.Sequential(relu, nn.Conv2d(1, 2, 3), relu, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ModelError, match="'0' runs twice"):
        GradCAM(model, "0")(images.float())


def test_a_layer_that_does_not_reach_the_logits_is_refused(images: Tensor):
    class Idle(Residual):
        def forward(self, images: Tensor) -> Tensor:
            self.early(torch.zeros(1, 4, 8, 8))
            return self.head(self.late(self.stem(images)).mean((2, 3)))

    with pytest.raises(ModelError, match=r"do not depend differentiably on layers \['early'\]"):
        GradCAM(Idle(), LAYERS)(images.float())
