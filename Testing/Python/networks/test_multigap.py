"""Multi-GAP: one pooling and one classifier at each scale of the pyramid."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from CAMLocalizerLib.networks import DCFPN, build_network, fold_batch_norm
from CAMLocalizerLib.networks.multigap import MultiGAP

CHANNELS = (3, 5, 4, 6)


def network(*, dense: bool) -> MultiGAP:
    """A small network in evaluation mode whose normalisation is far from the identity."""
    torch.manual_seed(3)
    model = MultiGAP(1, 4, CHANNELS, dense)
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.normal_(norm.weight, 1.0, 0.3)
        nn.init.normal_(norm.bias, 0.0, 0.3)
        nn.init.uniform_(norm.running_var, 0.3, 2.0)
    return model.double().eval()


def images() -> torch.Tensor:
    return torch.randn(2, 1, 16, 24, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("dense", [True, False])
def test_it_has_the_22_convolution_layers_of_dcfpn(dense: bool):
    layers = [
        module for module in MultiGAP(dense=dense).modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    ]
    assert len(layers) == 22


def test_its_pyramid_is_that_of_dcfpn():
    model, other = network(dense=True), DCFPN(1, 4, CHANNELS).double().eval()
    names = set(other.state_dict()) & set(model.state_dict())
    assert {name for name in other.state_dict() if not name.startswith(("norms", "head"))} == names
    other.load_state_dict({**other.state_dict(), **{name: model.state_dict()[name] for name in names}})
    for scale, maps in other.features(images()).items():
        torch.testing.assert_close(model.features(images())[scale], maps, rtol=0, atol=0)
    assert (dict(model.cam_layers), dict(model.strides)) == (dict(other.cam_layers), dict(other.strides))


def test_without_dense_connection_the_logits_are_the_mean_of_a_classifier_per_scale():
    model = network(dense=False)
    logits = torch.stack(
        [model.branches[str(scale)].head(maps.mean((2, 3))) for scale, maps in model.features(images()).items()]
    )
    torch.testing.assert_close(model(images()), logits.mean(0))


def test_with_dense_connection_a_branch_uses_its_own_and_coarser_scales():
    model, features = network(dense=True), network(dense=True).features(images())
    assert [model.seen(scale) for scale in (1, 2, 3, 4)] == [(1, 2, 3, 4), (2, 3, 4), (3, 4), (4,)]
    assert [model.branches[str(scale)].head.in_features for scale in (1, 2, 3, 4)] == [18, 15, 10, 6]
    changed = {**features, 1: features[1] + 1}
    before = [model.branches[str(scale)]([features[seen] for seen in model.seen(scale)]) for scale in (1, 2, 3, 4)]
    after = [model.branches[str(scale)]([changed[seen] for seen in model.seen(scale)]) for scale in (1, 2, 3, 4)]
    assert [not torch.equal(one, other) for one, other in zip(before, after, strict=True)] == [True] + [False] * 3


@pytest.mark.parametrize("dense", [True, False])
def test_the_weights_of_its_maps_give_the_logits_up_to_a_constant(dense: bool):
    model = network(dense=dense)
    features, weights = model.features(images()), model.map_weights()
    products = sum(features[scale].mean((2, 3)) @ weights[scale].T for scale in (1, 2, 3, 4))
    rest = model(images()) - products
    torch.testing.assert_close(rest[0], rest[1], rtol=1e-10, atol=1e-12)
    assert not torch.allclose(products[0], products[1])


@pytest.mark.parametrize("dense", [True, False])
def test_it_trains(dense: bool):
    model = MultiGAP(1, 2, CHANNELS, dense)
    nn.functional.cross_entropy(model(images().float()), torch.tensor([0, 1])).backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize("dense", [True, False])
def test_folding_its_normalisation_keeps_its_logits(dense: bool):
    model = network(dense=dense)
    torch.testing.assert_close(fold_batch_norm(model)(images()), model(images()), rtol=1e-10, atol=1e-12)


def test_it_is_built_by_name():
    model = build_network("multigap", classes=3, channels=[2, 3, 4, 5], dense=True)
    assert isinstance(model, MultiGAP)
    assert model(torch.zeros(1, 1, 16, 16)).shape == (1, 3)


def test_other_than_four_scales_are_refused():
    with pytest.raises(ValueError, match="has 4 scales, got channels for 3"):
        MultiGAP(channels=(1, 2, 3))


def test_sizes_that_are_not_multiples_of_eight_are_refused():
    with pytest.raises(ValueError, match="multiples of 8 pixels, got 16 x 20"):
        network(dense=False)(torch.zeros(1, 1, 16, 20, dtype=torch.float64))
