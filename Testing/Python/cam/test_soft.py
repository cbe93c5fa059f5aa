"""SAM and HESAM maps against plain torch on a tiny network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from CAMLocalizerLib.cam import CAM, HESAM, SAM, CAMResult
from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.networks.hesam import HESAMNet

TARGETS = torch.tensor([0, 2, 1])


def network(head: str) -> HESAMNet:
    torch.manual_seed(7)
    model = HESAMNet(1, 3, head, channels=(2, 3, 3, 4), unet_maps=3)
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.normal_(norm.weight, 1.0, 0.3)
        nn.init.normal_(norm.bias, 0.0, 0.3)
    for parameter in model.head.parameters():
        nn.init.normal_(parameter)
    return model.double().eval()


def images() -> Tensor:
    return torch.randn(3, 1, 32, 32, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def by_hand(features: Tensor, weights: Tensor) -> Tensor:
    """Sum over k of w_k g_k(x, y), image by image and pixel by pixel, without what speaks against the target."""
    maps = torch.zeros(features.shape[0], *features.shape[2:], dtype=features.dtype)
    for image in range(features.shape[0]):
        for k in range(features.shape[1]):
            maps[image] += weights[image, k] * features[image, k]
    return maps.clamp(min=0).float()


def test_a_sam_map_is_equation_6():
    model = network("sam")
    with torch.no_grad():
        features = model.features(model.unet(images())[0])
        expected = by_hand(features, model.head.classifier.weight[TARGETS])
    result = SAM(model)(images(), TARGETS)
    torch.testing.assert_close(result.maps[1], expected)
    torch.testing.assert_close(result.logits, model(images()).detach())


def test_a_hesam_map_is_equation_8_with_the_weights_of_each_image():
    model = network("hesam")
    with torch.no_grad():
        maps, bottleneck = model.unet(images())
        features, code = model.features(maps), bottleneck.flatten(2).max(2).values
        alpha, beta = model.head.weights.alpha[TARGETS], model.head.weights.beta[TARGETS]
        expected = by_hand(features, alpha + beta * code)
    torch.testing.assert_close(HESAM(model)(images(), TARGETS).maps[1], expected)


@pytest.mark.parametrize("kind", [SAM, HESAM])
def test_maps_of_a_batch_equal_those_of_single_images(kind: type[SAM] | type[HESAM]):
    model = network(kind.__name__.lower())
    with kind(model) as cam:
        together = cam(images(), TARGETS).maps[1]
        alone = torch.cat([cam(images()[i : i + 1], TARGETS[i : i + 1]).maps[1] for i in range(3)])
    torch.testing.assert_close(together, alone)


def test_targets_are_those_of_grad_cam():
    model = network("hesam")
    result: CAMResult = HESAM(model)(images())
    assert torch.equal(result.targets, model(images()).argmax(1))
    weights = torch.eye(3, dtype=torch.float64)[TARGETS]
    torch.testing.assert_close(HESAM(model)(images(), weights).maps[1], HESAM(model)(images(), TARGETS).maps[1])


def test_a_fresh_sam_head_draws_the_map_of_cam():
    model = network("cam")
    torch.testing.assert_close(
        SAM(model)(images()).maps[1], CAM(model, "features", "head.classifier")(images()).maps[1]
    )


@pytest.mark.parametrize("kind", [SAM, HESAM])
def test_the_model_is_restored_even_after_an_error(kind: type[SAM] | type[HESAM]):
    model = network(kind.__name__.lower()).train()
    kind(model)(images())
    with pytest.raises(ValueError, match="multiples of 8"):
        kind(model)(images()[:, :, :20])
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_heads_that_have_no_soft_map_are_refused():
    with pytest.raises(ModelError, match="is a HESAMHead, expected the linear layer"):
        SAM(network("hesam"), head="head")
    with pytest.raises(ModelError, match=r"layer 'head.units' returns \(3, 4\), expected class weights of shape"):
        HESAM(network("sam"), weights="head.units")(images())
    with pytest.raises(ModelError, match=r"has 4 inputs, layer 'unet\.down1' has 3 maps"):
        SAM(network("sam"), "unet.down1")(images())
