"""A pretrained encoder with average pooling and one linear layer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from CAMLocalizerLib.cam import CAM
from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.networks import EncoderClassifier, build_network, fold_batch_norm, load_encoder_weights


def small(seed: int = 1) -> EncoderClassifier:
    """A network in evaluation mode whose running statistics are not those of a fresh one."""
    torch.manual_seed(seed)
    network = build_network("efficientnet_lite0", classes=3, channels=5).train()
    with torch.no_grad():
        network(torch.rand(4, 1, 32, 48))
    return network.eval()


def test_logits_are_the_linear_layer_of_averages_and_maps_its_weighted_channels():
    network, images = small(), torch.rand(2, 1, 32, 48)
    with torch.no_grad():
        features = network.features(images)
        by_hand = features.flatten(2).mean(2) @ network.head.weight.T + network.head.bias
        torch.testing.assert_close(network(images), by_hand)
    assert features.shape == (2, 5, 2, 3)
    weighed = torch.einsum("nchw,c->nhw", features, network.head.weight[2]).clamp(min=0)
    torch.testing.assert_close(CAM(network, "features", "head")(images, 2).maps[1], weighed.detach())


def test_its_last_convolution_uses_the_encoders_coarsest_map():
    network, images = small(), torch.rand(1, 1, 16, 16)
    convolution, norm, _ = network.features.last
    with torch.no_grad():
        expected = norm(convolution(network.encoder(images)[3])).relu()
        torch.testing.assert_close(network.features(images), expected)
    assert network.features.last[0].kernel_size == (1, 1)


def test_a_cell_is_centred_on_its_offset():
    network = small().double()
    images = torch.rand(2, 1, 640, 48, dtype=torch.float64, requires_grad=True)
    network.features(images)[:, :, 20, 1].sum().backward()
    rows = images.grad.abs().amax((0, 1, 3)).nonzero().flatten()
    centre = network.offsets[1] + 20 * network.strides[1]
    assert 0 < rows[0] < rows[-1] < 639
    assert (int(rows[0]) + int(rows[-1])) / 2 == pytest.approx(centre, abs=2.0)


def test_folding_does_not_change_its_output():
    network, images = small(), torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(fold_batch_norm(network)(images), network(images), rtol=1e-4, atol=1e-5)


def test_encoder_weights_come_from_a_file_of_either_kind_of_network(tmp_path: Path):
    source = small(seed=7)
    pyramid = build_network("dcfpn", classes=2, encoder="efficientnet-lite0", channels=(2, 2, 2, 2), last_channels=1)
    pyramid.encoder.load_state_dict(source.encoder.state_dict())
    for network in (source, pyramid):
        save_file(network.state_dict(), tmp_path / "whole.safetensors")
        other = small(seed=2)
        head = other.head.weight.clone()
        load_encoder_weights(other, tmp_path / "whole.safetensors")
        for name, tensor in source.encoder.state_dict().items():
            assert torch.equal(other.encoder.state_dict()[name], tensor)
        assert torch.equal(other.head.weight, head)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"channels": 0}, "classes and channels must be at least 1, got 2 and 0"),
        ({"encoder": "lenet"}, "encoder must be one of efficientnet-lite0"),
        ({"in_channels": 2}, "an encoder needs images of 1 or 3 channels, got 2"),
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, object], sentence: str):
    with pytest.raises(ModelError, match=sentence):
        build_network("efficientnet_lite0", **settings)


def test_sizes_that_are_not_multiples_of_16_are_refused():
    with pytest.raises(ValueError, match="multiples of 16"):
        small()(torch.rand(1, 1, 24, 32))
