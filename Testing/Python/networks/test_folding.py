"""Folded networks give the same output as the originals, including borders."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from CAMLocalizerLib.networks import DCFPN, EncoderDCFPN, MultiGAP, fold_batch_norm


def trained(model: nn.Module) -> nn.Module:
    """Give every normalisation statistics far from the identity, negative scales among them."""
    torch.manual_seed(5)
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.normal_(norm.weight, 0.5, 0.7)
        nn.init.normal_(norm.bias, 0.3, 0.5)
        nn.init.normal_(norm.running_mean, 0.0, 0.5)
        nn.init.uniform_(norm.running_var, 0.3, 2.0)
    return model.double().eval()


@pytest.mark.parametrize("size", [(8, 8), (16, 40)])
@pytest.mark.parametrize("dense", [True, False])
def test_a_folded_dcfpn_has_the_same_maps_and_logits(dense: bool, size: tuple[int, int]):
    model = trained(DCFPN(2, 3, (3, 4, 5, 6), dense))
    folded, images = fold_batch_norm(model), torch.randn(2, 2, *size, dtype=torch.float64)
    expected, got = model.features(images), folded.features(images)
    assert list(got) == list(expected) == [1, 2, 3, 4]
    for scale in expected:
        torch.testing.assert_close(got[scale], expected[scale], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(folded(images), model(images), rtol=1e-10, atol=1e-12)


def test_float32_loses_no_precision_by_folding():
    model = trained(DCFPN(channels=(4, 8, 8, 8)))
    images = torch.randn(2, 1, 32, 32, dtype=torch.float64)
    folded = fold_batch_norm(copy.deepcopy(model).float())
    torch.testing.assert_close(folded(images.float()).double(), model(images), rtol=1e-5, atol=1e-5)


def test_no_normalisation_is_left_and_weights_are_channels_last():
    folded = fold_batch_norm(trained(DCFPN(channels=(4, 8, 8, 8))))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert folded.scale1.skip.weight.is_contiguous(memory_format=torch.channels_last)
    assert not folded.training
    assert not any(parameter.requires_grad for parameter in folded.parameters())


def test_folding_does_not_change_the_original():
    model = DCFPN(channels=(2, 2, 2, 2)).train()
    before = copy.deepcopy(model.state_dict())
    fold_batch_norm(model)
    assert model.training
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())


def test_other_networks_are_folded_where_a_convolution_precedes():
    inner = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU())
    model = trained(nn.Sequential(inner, nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(3 * 6 * 6, 2)))
    folded, images = fold_batch_norm(model), torch.randn(2, 1, 8, 8, dtype=torch.float64)
    assert sum(isinstance(module, nn.BatchNorm2d) for module in folded.modules()) == 1
    torch.testing.assert_close(folded(images), model(images), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("mirror", [True, False])
def test_an_encoder_network_is_folded_whole(mirror: bool):
    model = trained(EncoderDCFPN(classes=3, channels=(3, 4, 5, 6), last_channels=2, mirror=mirror))
    folded, images = fold_batch_norm(model), torch.rand(2, 1, 32, 48, dtype=torch.float64)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    expected, got = model.features(images), folded.features(images)
    for scale in expected:
        torch.testing.assert_close(got[scale], expected[scale], rtol=1e-8, atol=1e-10)
    for scale, maps in model.class_maps(expected).items():
        torch.testing.assert_close(folded.class_maps(got)[scale], maps, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(folded(images), model(images), rtol=1e-8, atol=1e-10)


def test_an_encoder_network_pads_and_rectifies_without_copies():
    model = trained(EncoderDCFPN(channels=(3, 4, 5, 6), last_channels=2))
    folded = fold_batch_norm(model)
    assert not any(isinstance(module, nn.ZeroPad2d) for module in folded.modules())
    assert all(module.inplace for module in folded.modules() if isinstance(module, nn.ReLU6))
    assert not any(module.inplace for module in model.modules() if isinstance(module, nn.ReLU6))
    assert folded.encoder.stem[1].weight.shape[1] == 1


@pytest.mark.parametrize("in_channels", [1, 3])
@pytest.mark.parametrize("encoder", ["efficientnet-lite0", "efficientnet-lite2"])
def test_a_folded_encoder_gives_the_same_maps_up_to_the_border(encoder: str, in_channels: int):
    attention = (-1.0, 0.5, 0.5, 0.0)
    model = trained(EncoderDCFPN(in_channels, 4, encoder, (3, 4, 5, 6), last_channels=2, attention=attention))
    folded, images = fold_batch_norm(model), torch.rand(2, in_channels, 48, 32, dtype=torch.float64)
    for got, expected in zip(folded.encoder(images), model.encoder(images), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(folded(images), model(images), rtol=1e-8, atol=1e-10)
    for got, expected in zip(fold_batch_norm(model.encoder)(images), model.encoder(images), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-8, atol=1e-10)


def test_decoder_stages_of_any_network_are_folded():
    model = trained(MultiGAP(classes=3, channels=(3, 4, 5, 6)))
    folded, images = fold_batch_norm(model), torch.randn(2, 1, 16, 24, dtype=torch.float64)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    torch.testing.assert_close(folded(images), model(images), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("options", "folds"), [({}, True), ({"padding": 1}, False), ({"groups": 2}, False)])
def test_a_norm_is_folded_into_the_unpadded_convolution_behind_it(options: dict[str, int], folds: bool):
    model = trained(nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 4, 3, **options), nn.BatchNorm2d(4), nn.ReLU()))
    folded, images = fold_batch_norm(model), torch.randn(2, 2, 6, 6, dtype=torch.float64)
    assert sum(isinstance(module, nn.BatchNorm2d) for module in folded.modules()) == (0 if folds else 1)
    torch.testing.assert_close(folded(images), model(images), rtol=1e-10, atol=1e-12)
