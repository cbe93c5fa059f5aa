"""Pyramid maps of a network with constant channel weights, against autograd through the whole network."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from CAMLocalizerLib.cam import GradCAM, PyramidGradCAM
from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.networks import EncoderDCFPN, fold_batch_norm

TARGETS = torch.tensor([0, 2, 1])
WEIGHTS = torch.tensor([[1.0, -0.5, 0.2], [0.0, 1.0, -1.0], [-1.0, 0.3, 0.7]])


def trained(attention: tuple[float, ...] = ()) -> EncoderDCFPN:
    """A small decoder whose normalisation is far from the identity."""
    torch.manual_seed(8)
    model = EncoderDCFPN(1, 3, channels=(4, 6, 5, 7), last_channels=8, mirror=True, attention=attention)
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.normal_(norm.weight, 1.0, 0.3)
        nn.init.normal_(norm.bias, 0.3, 0.3)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
    return model.double().eval()


def images() -> Tensor:
    return torch.rand(3, 1, 32, 48, generator=torch.Generator().manual_seed(6), dtype=torch.float64)


def reference(model: EncoderDCFPN, weights: Tensor, scale: int) -> Tensor:
    """Grad-CAM of one scale by plain autograd."""
    features = {each: maps.detach().requires_grad_() for each, maps in model.features(images()).items()}
    score = (model.classify(features) * weights).sum()
    (gradient,) = torch.autograd.grad(score, features[scale])
    return torch.relu((gradient.mean((2, 3), keepdim=True) * features[scale]).sum(1)).detach()


def close(got: Tensor, expected: Tensor) -> bool:
    return bool((got.double() - expected).abs().max() <= 1e-5 * expected.max())


def margin(logits: Tensor) -> Tensor:
    """Class weights that depend on the logits: the highest against the mean of all."""
    return functional.one_hot(logits.argmax(1), 3).to(logits) - 1 / 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("form", ["best", "one", "classes", "weights", "function"])
def test_maps_equal_plain_autograd_for_every_target(form: str, folded: bool, dtype: torch.dtype):
    model = trained()
    logits = model(images()).detach()
    targets, weights = {
        "best": (None, functional.one_hot(logits.argmax(1), 3)),
        "one": (2, functional.one_hot(torch.full((3,), 2), 3)),
        "classes": (TARGETS, functional.one_hot(TARGETS, 3)),
        "weights": (WEIGHTS, WEIGHTS),
        "function": (margin, margin(logits)),
    }[form]
    tested = copy.deepcopy(model).to(dtype)
    result = PyramidGradCAM(fold_batch_norm(tested) if folded else tested)(images().to(dtype), targets)
    assert sorted(result.maps) == [1, 2, 3, 4]
    expected = {scale: reference(model, weights.double(), scale) for scale in result.maps}
    assert all(close(result.maps[scale], maps) for scale, maps in expected.items())
    assert sum(float(maps.max()) > 0 for maps in expected.values()) >= 3
    torch.testing.assert_close(result.logits.double(), logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scales", [(1,), (4,), (2, 3)])
def test_the_maps_of_chosen_scales_are_those_of_gradcam(scales: tuple[int, ...]):
    model = trained()
    got = PyramidGradCAM(model, scales=scales)(images(), TARGETS)
    expected = GradCAM(model, {scale: model.cam_layers[scale] for scale in scales})(images(), TARGETS)
    assert tuple(got.maps) == scales
    assert all(torch.allclose(got.maps[scale], maps) for scale, maps in expected.maps.items())


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_attention_leaves_the_weights_of_gradcam_alone(scale: int):
    model = trained(attention=(-1.0, 0.5, 0.5))
    with PyramidGradCAM(model) as cam:
        maps = cam(images(), WEIGHTS.double()).maps[scale]
    assert close(maps, reference(model, WEIGHTS.double(), scale))


def test_no_autograd_is_used(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.autograd, "grad", lambda *_, **__: pytest.fail("autograd was used"))
    result = PyramidGradCAM(trained())(images())
    assert not any(each.requires_grad for each in (result.logits, *result.maps.values()))


def test_other_layers_of_the_network_go_through_autograd():
    model = trained()
    maps = PyramidGradCAM(model, {5: "scale2", 1: "last.0"})(images(), TARGETS).maps
    assert torch.allclose(maps[1], PyramidGradCAM(model, scales=(1,))(images(), TARGETS).maps[1])
    assert maps[5].shape == (3, 8, 12)


@pytest.mark.parametrize("folded", [False, True])
def test_a_batch_equals_single_images_to_the_last_bit_on_a_cpu(folded: bool):
    model = trained().float()
    cam = PyramidGradCAM(fold_batch_norm(model) if folded else model)
    together = cam(images().float(), TARGETS)
    for index in range(3):
        alone = cam(images()[index : index + 1].float(), TARGETS[index : index + 1])
        assert torch.equal(together.logits[index], alone.logits[0])
        assert all(torch.equal(together.maps[scale][index], alone.maps[scale][0]) for scale in together.maps)


@pytest.mark.parametrize("tile", [2, 8])
def test_the_tile_does_not_change_the_maps(tile: int):
    one, other = PyramidGradCAM(trained())(images()), PyramidGradCAM(trained(), tile=tile)(images())
    assert all(torch.allclose(one.maps[scale], other.maps[scale]) for scale in one.maps)


@pytest.mark.parametrize("folded", [False, True])
def test_bfloat16_is_near(folded: bool):
    model = trained().float()
    model = fold_batch_norm(model) if folded else model
    exact = PyramidGradCAM(model)(images().float(), WEIGHTS)
    half = PyramidGradCAM(copy.deepcopy(model).bfloat16())(images().float(), WEIGHTS)
    assert half.logits.dtype == torch.float32
    for scale, maps in exact.maps.items():
        assert (half.maps[scale] - maps).abs().max() < 0.1 * maps.max()


def test_the_model_is_restored_afterwards():
    model = trained().freeze_encoder().train()
    modes = [module.training for module in model.modules()]
    before = copy.deepcopy(model.state_dict())
    with torch.inference_mode():
        PyramidGradCAM(model)(images(), TARGETS)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())
    assert model.head.weight.requires_grad
    assert not model.encoder.stem[1].weight.requires_grad
    assert not any(module._forward_hooks for module in model.modules())


def test_wrong_targets_are_refused():
    with pytest.raises(SettingsError, match=r"shape \(2,\) .* expected classes \(3,\)"):
        PyramidGradCAM(trained())(images(), TARGETS[:2])
