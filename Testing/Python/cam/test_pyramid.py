"""Pyramid maps of DC-FPN, by autograd and in closed form, against a plain reference."""

from __future__ import annotations

import copy

import pytest
import torch
from test_gradcam import ConvolutionGradients
from torch import Tensor, nn
from torch.nn import functional

from CAMLocalizerLib.cam import CAM, PyramidGradCAM
from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.networks import DCFPN, fold_batch_norm

SUBSETS = [(1, 2, 3, 4), (1,), (4,), (1, 4), (2, 3), (3,)]
TARGETS = torch.tensor([0, 2, 1])


def trained(*, dense: bool = True) -> DCFPN:
    """A small network whose normalisation is far from the identity."""
    torch.manual_seed(8)
    model = DCFPN(1, 3, (4, 6, 5, 7), dense)
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.normal_(norm.weight, 1.0, 0.3)
        nn.init.normal_(norm.bias, 0.0, 0.3)
        nn.init.normal_(norm.running_mean, 0.0, 0.3)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
    return model.double().eval()


def images() -> Tensor:
    return torch.randn(3, 1, 16, 40, generator=torch.Generator().manual_seed(6), dtype=torch.float64)


def reference(model: DCFPN, weights: Tensor, scale: int) -> Tensor:
    """Grad-CAM of one scale by plain autograd through the whole network."""
    features = model.features(images())
    score = (model.classify(features) * weights).sum()
    (gradient,) = torch.autograd.grad(score, features[scale], allow_unused=True)
    return torch.relu((gradient.mean((2, 3), keepdim=True) * features[scale]).sum(1)).detach()


def one_hot() -> Tensor:
    return functional.one_hot(TARGETS, 3).double()


def close(got: Tensor, expected: Tensor) -> bool:
    return bool((got.double() - expected).abs().max() <= 1e-5 * expected.abs().max())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("scales", SUBSETS)
def test_maps_equal_plain_autograd(scales: tuple[int, ...], dense: bool, folded: bool, dtype: torch.dtype):
    model = trained(dense=dense)
    tested = copy.deepcopy(model).to(dtype)
    cam = PyramidGradCAM(fold_batch_norm(tested) if folded else tested, scales=scales)
    result = cam(images().to(dtype), TARGETS)
    assert tuple(result.maps) == scales
    assert all(close(result.maps[scale], reference(model, one_hot(), scale)) for scale in scales)


@pytest.mark.parametrize("folded", [False, True])
def test_class_weights_equal_plain_autograd(folded: bool):
    model, weights = trained(), torch.tensor([[1.0, -0.5, 0.2], [0.0, 1.0, -1.0], [-1.0, 0.3, 0.7]]).double()
    maps = PyramidGradCAM(fold_batch_norm(model) if folded else model)(images(), weights).maps
    assert all(close(maps[scale], reference(model, weights, scale)) for scale in maps)


def test_autograd_differentiates_the_decoder_only():
    with ConvolutionGradients() as counted:
        PyramidGradCAM(trained())(images())
    assert counted.count == {"input": 9}  # three stages of one transposed and two plain convolutions
    with ConvolutionGradients() as counted:
        PyramidGradCAM(trained(), scales=(1, 2))(images())
    assert counted.count == {"input": 3}


def test_layers_before_the_earliest_map_record_no_graph():
    model, recorded = trained(), {}
    for name, module in model.named_children():
        module.register_forward_hook(lambda _m, _i, output, key=name: recorded.update({key: output.requires_grad}))
    PyramidGradCAM(model, scales=(1, 3))(images())
    # scale 3 is where the graph starts: its own output is cut off behind this hook
    assert {name for name, graph in recorded.items() if graph} == {"scale2", "scale1", "head"}


def test_a_folded_network_works_with_layers_of_ones_own_by_autograd():
    model = trained()
    maps = PyramidGradCAM(fold_batch_norm(model), {7: "scale3", 9: "scale1", 8: "encoder2"})(images(), TARGETS).maps
    assert close(maps[7], reference(model, one_hot(), 3))
    assert close(maps[9], reference(model, one_hot(), 1))


def test_the_closed_form_needs_no_autograd(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.autograd, "grad", lambda *_, **__: pytest.fail("autograd was used"))
    with ConvolutionGradients() as counted:
        PyramidGradCAM(fold_batch_norm(trained()))(images())
    assert not counted.count


def test_a_batch_equals_single_images_to_the_last_bit_on_a_cpu():
    cam = PyramidGradCAM(fold_batch_norm(trained().float()))
    together = cam(images().float(), TARGETS)
    for index in range(3):
        alone = cam(images()[index : index + 1].float(), TARGETS[index : index + 1])
        assert torch.equal(together.logits[index], alone.logits[0])
        assert all(torch.equal(together.maps[scale][index], alone.maps[scale][0]) for scale in together.maps)


@pytest.mark.parametrize("tile", [2, 8])
def test_the_tile_does_not_change_the_maps(tile: int):
    model = fold_batch_norm(trained())
    one, other = PyramidGradCAM(model)(images()), PyramidGradCAM(model, tile=tile)(images())
    assert all(torch.allclose(one.maps[scale], other.maps[scale]) for scale in one.maps)


def test_scale_one_without_dense_connection_is_cam():
    model = fold_batch_norm(trained(dense=False))
    cam, gradcam = CAM(model, "scale1", "head"), PyramidGradCAM(model, scales=[1])
    torch.testing.assert_close(cam(images(), TARGETS).maps[1], 16 * 40 * gradcam(images(), TARGETS).maps[1])


def test_the_closed_form_in_bfloat16_is_near():
    model = fold_batch_norm(trained().float())
    exact = PyramidGradCAM(model)(images().float(), TARGETS)
    half = PyramidGradCAM(copy.deepcopy(model).bfloat16())(images().float(), TARGETS)
    assert half.logits.dtype == torch.float32
    for scale, maps in exact.maps.items():
        assert (half.maps[scale] - maps).abs().max() < 0.05 * maps.max()


@pytest.mark.parametrize("folded", [False, True])
def test_no_evidence_gives_zeros(folded: bool):
    model = fold_batch_norm(trained()) if folded else trained()
    maps = PyramidGradCAM(model)(images(), torch.zeros(3, 3, dtype=torch.float64)).maps
    assert all(torch.equal(each, torch.zeros_like(each)) for each in maps.values())


def test_an_unknown_scale_is_refused():
    with pytest.raises(SettingsError, match=r"unknown scales \[5\]; the model provides \[1, 2, 3, 4\]"):
        PyramidGradCAM(trained(), scales=(1, 5))
    with pytest.raises(SettingsError, match="Linear has no cam_layers"):
        PyramidGradCAM(nn.Linear(2, 2))
    with pytest.raises(SettingsError, match="tile must be at least 1"):
        PyramidGradCAM(trained(), tile=0)


def test_wrong_targets_are_refused_in_closed_form_too():
    with pytest.raises(SettingsError, match=r"shape \(2,\) .* expected classes \(3,\)"):
        PyramidGradCAM(fold_batch_norm(trained()))(images(), TARGETS[:2])


@pytest.mark.parametrize("fold", [False, True])
def test_targets_may_be_a_function_of_the_logits(fold) -> None:
    model = fold_batch_norm(trained()) if fold else trained()

    def runner_up(logits: Tensor) -> Tensor:
        return logits.argsort(dim=1)[:, 1]

    with PyramidGradCAM(model) as cam:
        found = cam(images(), runner_up)
        expected = cam(images(), runner_up(found.logits))
    for scale, maps in expected.maps.items():
        torch.testing.assert_close(found.maps[scale], maps, rtol=0, atol=0)
