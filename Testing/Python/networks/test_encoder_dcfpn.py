"""DC-FPN on an encoder: its scales, the mirror, and class maps against naive sums."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from CAMLocalizerLib.networks import DCFPN, EncoderDCFPN
from CAMLocalizerLib.networks.feature_pyramid import DecoderStage

CHANNELS = (3, 5, 4, 6)
STRIDES = {1: 2, 2: 4, 3: 8, 4: 16}


def network(*, mirror: bool = False, classes: int = 3) -> EncoderDCFPN:
    """A small decoder whose normalisation is far from the identity."""
    torch.manual_seed(3)
    model = EncoderDCFPN(1, classes, channels=CHANNELS, last_channels=4, mirror=mirror)
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.normal_(norm.weight, 1.0, 0.3)
        nn.init.normal_(norm.bias, 0.5, 0.3)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
    return model.double().eval()


def images() -> Tensor:
    return torch.rand(2, 1, 32, 48, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("mirror", [True, False])
def test_its_scales_have_a_half_to_a_sixteenth_of_the_resolution(mirror: bool):
    model = network(mirror=mirror)
    features = model.features(images())
    assert dict(model.strides) == STRIDES
    assert {scale: tuple(maps.shape) for scale, maps in features.items()} == {
        scale: (2, 4, 32 // stride, 48 // stride) for scale, stride in STRIDES.items()
    }
    assert all(bool((maps >= 0).all()) for maps in features.values())


def test_its_named_layers_give_the_features():
    model, seen = network(), {}
    for scale, name in model.cam_layers.items():
        model.get_submodule(name).register_forward_hook(lambda _m, _i, output, key=scale: seen.update({key: output}))
    features = model.features(images())
    assert all(seen[scale] is features[scale] for scale in STRIDES)


def test_the_head_normalises_averages_and_weighs_all_scales():
    model = network()
    features = model.features(images())
    pooled = torch.cat([norm(features[scale]).mean((2, 3)) for scale, norm in enumerate(model.norms, start=1)], dim=1)
    expected = pooled @ model.head.weight.T + model.head.bias
    torch.testing.assert_close(model.classify(features), expected)
    torch.testing.assert_close(model(images()), expected)


def test_attention_averages_by_the_softmax_of_the_map_it_follows():
    plain = network()
    attending = EncoderDCFPN(1, 3, channels=CHANNELS, last_channels=4, attention=(-1.0, 0.5, 0.5)).double().eval()
    attending.load_state_dict(plain.state_dict())
    features = attending.features(images())

    expected = []
    for scale, norm in zip((1, 2, 3, 4), attending.norms, strict=True):
        maps = attending.class_maps(features)[scale]
        followed = -maps[:, 0] + 0.5 * maps[:, 1] + 0.5 * maps[:, 2]
        shares = torch.exp(followed) / torch.exp(followed).sum((1, 2), keepdim=True)
        expected.append((norm(features[scale]) * shares[:, None]).sum((2, 3)))

    assert torch.allclose(attending.classify(features), attending.head(torch.cat(expected, 1)), atol=1e-5)
    assert not torch.allclose(attending.classify(features), plain.classify(features), atol=1e-3)


def test_with_attention_small_and_large_tumours_have_equal_weight():
    model = EncoderDCFPN(classes=2, channels=(2, 2, 2, 2), last_channels=1, attention=(-1.0, 1.0)).eval()
    with torch.no_grad():
        model.head.weight.copy_(torch.tensor([[-10.0] * 4, [10.0] * 4]))
    small, large = ({scale: torch.zeros(1, 1, 32, 32) for scale in (1, 2, 3, 4)} for _ in range(2))
    for scale in (1, 2, 3, 4):
        small[scale][..., 4:6, 4:6], large[scale][..., 4:20, 4:20] = 1.0, 1.0

    odds = [model.classify(features).diff().item() for features in (small, large)]

    assert odds[0] > 0.95 * odds[1] > 0


def test_a_last_map_is_used_only_by_the_head():
    model = network()
    with torch.no_grad():
        before = model.features(images())
        for parameter in model.last[3].parameters():
            parameter.zero_()
        after = model.features(images())
    assert all(torch.equal(before[scale], after[scale]) for scale in (1, 2, 3))
    assert not torch.equal(before[4], after[4])


def test_class_maps_are_the_gradient_of_the_logits_times_the_maps():
    model = network()
    features = {scale: maps.detach().requires_grad_() for scale, maps in model.features(images()).items()}
    maps = model.class_maps(features)
    for chosen in range(3):
        score = model.classify(features)[:, chosen].sum()
        gradients = torch.autograd.grad(score, list(features.values()))
        for (scale, feature), gradient in zip(features.items(), gradients, strict=True):
            weights = gradient.sum((2, 3), keepdim=True)  # Grad-CAM's mean, times the number of cells
            torch.testing.assert_close(maps[scale][:, chosen], (weights * feature).sum(1))


def test_class_maps_are_differentiable_in_maps_head_and_normalisation():
    model = network()
    maps = model.class_maps(model.features(images()))
    sum(each.square().sum() for each in maps.values()).backward()
    trained = [model.head.weight, *(norm.weight for norm in model.norms), model.scale4[1].weight]
    assert all(bool(parameter.grad.abs().sum() > 0) for parameter in trained)


def test_averages_of_class_maps_are_the_logits_up_to_a_constant():
    model = network()
    features = model.features(images())
    sums = sum(each.mean((2, 3)) for each in model.class_maps(features).values())
    difference = model.classify(features) - sums
    torch.testing.assert_close(difference[0], difference[1])


def test_the_mirror_input_is_the_excess_over_the_other_half():
    model = network(mirror=True)
    joined, seen = network(mirror=True).scale4[0], []
    model.scale4[0].register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    top = torch.randn(1, joined.num_features // 2, 3, 4, dtype=torch.float64)
    encoded = model.encoder(torch.rand(1, 1, 48, 64, dtype=torch.float64))
    model.features_of([*encoded[:3], top])
    assert torch.equal(seen[0][:, : top.shape[1]], top)
    for row, column in ((0, 0), (1, 3), (2, 1)):
        across = 3 - column
        near = top[0, :, max(row - 1, 0) : row + 2, max(across - 1, 0) : across + 2].amax((1, 2))
        expected = functional.relu(top[0, :, row, column] - near)
        torch.testing.assert_close(seen[0][0, top.shape[1] :, row, column], expected)


def test_training_does_not_change_a_frozen_encoder():
    model = network().freeze_encoder().train()
    before = copy.deepcopy(model.encoder.state_dict())
    model(images()).square().sum().backward()
    assert not model.encoder.training
    assert model.scale3.training
    assert all(parameter.grad is None for parameter in model.encoder.parameters())
    assert all(torch.equal(values, before[name]) for name, values in model.encoder.state_dict().items())


def test_the_maps_of_a_frozen_encoder_can_be_reused():
    model = network(mirror=True)
    encoded = [maps.detach() for maps in model.encoder(images())]
    features, again = model.features(images()), model.features_of(encoded)
    assert all(torch.equal(features[scale], again[scale]) for scale in STRIDES)


def test_coarse_scales_are_computed_without_finer_ones():
    model = network()
    model.scale2.register_forward_hook(lambda *_: pytest.fail("scale 2 was computed"))
    features = model.features_of(model.encoder(images()), scales=(4, 3))
    assert list(features) == [3, 4]
    assert list(model.class_maps(features)) == [3, 4]


def test_a_decoder_stage_supports_skip_connections_of_any_width():
    stage = DecoderStage(6, 4, skip_channels=5)
    assert stage(torch.zeros(1, 6, 2, 3), torch.zeros(1, 5, 4, 6)).shape == (1, 4, 4, 6)
    same = DecoderStage(6, 4).state_dict()
    assert {name: values.shape for name, values in same.items()} == {
        name: values.shape for name, values in DCFPN(channels=(2, 3, 4, 6)).scale3.state_dict().items()
    }


def test_sides_that_are_no_multiple_of_sixteen_are_refused():
    with pytest.raises(ValueError, match="multiples of 16 pixels, got 32 x 40"):
        network()(torch.zeros(1, 1, 32, 40, dtype=torch.float64))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"channels": (1, 2, 3)}, "has 4 scales, got channels for 3"),
        ({"attention": (1.0, -1.0)}, "a weight for each of 4 classes, got"),
        ({"last_channels": 0}, "last_channels and classes must be at least 1, got .* 0 and 4"),
        ({"in_channels": 2}, "images of 1 or 3 channels, got 2"),
    ],
)
def test_invalid_numbers_are_refused(settings: dict[str, object], sentence: str):
    with pytest.raises(ValueError, match=sentence):
        EncoderDCFPN(**settings)
