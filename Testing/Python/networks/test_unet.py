"""U-Net with a VGG encoder: layers, sizes and inputs of its finest scale."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.networks import build_network, load_imagenet_backbone

SMALL = {"channels": (2, 3, 4, 5, 6), "decoder_channels": (5, 4, 3, 2)}


@pytest.mark.parametrize(("name", "encoder"), [("unet_vgg16", 13), ("unet_vgg19", 16)])
def test_it_has_the_encoder_of_vgg_and_two_convolutions_per_decoder_step(name: str, encoder: int):
    with torch.device("meta"):
        model = build_network(name)
    assert sum(isinstance(module, nn.Conv2d) for module in model.features.modules()) == encoder
    assert sum(isinstance(module, nn.Conv2d) for module in model.decoder.modules()) == 8
    assert model(torch.zeros(2, 1, 224, 224, device="meta")).shape == (2, 1, 224, 224)


def test_its_encoder_can_load_the_weights_of_a_classifier():
    source, model = (build_network(name, channels=SMALL["channels"]) for name in ("vgg16_gap", "unet_vgg16"))
    weights = {name: tensor for name, tensor in source.state_dict().items() if name.startswith("features.")}
    assert len(load_imagenet_backbone(model, weights)) == 26
    torch.testing.assert_close(model.features[-2].weight, source.features[-3].weight, rtol=0, atol=0)


def test_every_scale_of_the_encoder_reaches_the_mask():
    torch.manual_seed(0)
    model = build_network("unet_vgg16", batch_norm=True, **SMALL)
    model(torch.randn(2, 1, 32, 48)).square().sum().backward()
    first_of_blocks = [model.features[index].weight.grad for index in (0, 7, 14, 24, 34)]
    joined = [step[0].weight.grad for step in model.decoder]
    assert all(gradient.abs().sum() > 0 for gradient in first_of_blocks)
    # the encoder's map comes last in each concatenation
    skips = zip(joined, (5, 4, 3, 2), strict=True)
    assert all(gradient[:, -count:].abs().sum() > 0 for gradient, count in skips)


def test_sizes_that_are_not_multiples_of_sixteen_are_refused():
    with pytest.raises(ValueError, match="multiples of 16 pixels, got 32 x 40"):
        build_network("unet_vgg16", **SMALL)(torch.zeros(1, 1, 32, 40))


def test_a_decoder_of_another_number_of_steps_is_refused():
    with pytest.raises(ModelError, match="the decoder needs channels for 4 steps"):
        build_network("unet_vgg16", decoder_channels=(4, 2))
