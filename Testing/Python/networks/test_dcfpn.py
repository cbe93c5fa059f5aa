"""DC-FPN: its structure and the dense connection."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from CAMLocalizerLib.networks import DCFPN
from CAMLocalizerLib.networks.feature_pyramid import CONVOLUTION_LAYERS

CHANNELS = (3, 5, 4, 6)


def network(*, dense: bool = True) -> DCFPN:
    """A small network whose normalisation is far from the identity."""
    torch.manual_seed(3)
    model = DCFPN(1, 4, CHANNELS, dense)
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.normal_(norm.weight, 1.0, 0.3)
        nn.init.normal_(norm.bias, 0.0, 0.3)
    return model.double()


def enlarged_and_joined(model: DCFPN, features: dict[int, Tensor]) -> Tensor:
    """The dense connection as the paper draws it: every map enlarged to the finest, then concatenated."""
    size = features[1].shape[2:]
    return torch.cat(
        [functional.interpolate(features[scale], size=size, mode="nearest") for scale in model.head_scales], dim=1
    )


def joint_norm(model: DCFPN) -> nn.BatchNorm2d:
    """One batch normalisation of all channels with the parameters of the network's own."""
    joint = nn.BatchNorm2d(model.head.in_features).double()
    for name in ("weight", "bias", "running_mean", "running_var"):
        values = torch.cat([getattr(norm, name).detach().clone() for norm in model.norms])
        getattr(joint, name).data.copy_(values)
    return joint


def images() -> Tensor:
    return torch.randn(2, 1, 16, 24, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_it_has_22_convolution_layers():
    layers = [module for module in DCFPN().modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(layers) == CONVOLUTION_LAYERS == 22


def test_its_scales_halve_from_the_size_of_the_image():
    features = DCFPN().eval().features(torch.zeros(1, 1, 224, 224))
    assert {scale: tuple(maps.shape) for scale, maps in features.items()} == {
        1: (1, 16, 224, 224),
        2: (1, 32, 112, 112),
        3: (1, 64, 56, 56),
        4: (1, 128, 28, 28),
    }


def test_its_named_layers_give_the_features():
    model, seen = network().eval(), {}
    for scale, name in model.cam_layers.items():
        model.get_submodule(name).register_forward_hook(lambda _m, _i, output, key=scale: seen.update({key: output}))
    features = model.features(images())
    assert all(seen[scale] is features[scale] for scale in (1, 2, 3, 4))


@pytest.mark.parametrize("dense", [True, False])
def test_the_head_equals_enlarging_joining_normalising_and_averaging(dense: bool):
    model = network(dense=dense).eval()
    features = model.features(images())
    joined = joint_norm(model).eval()(enlarged_and_joined(model, features))
    torch.testing.assert_close(model.classify(features), model.head(joined.mean((2, 3))), rtol=1e-12, atol=1e-12)


def test_the_head_equals_it_in_training_up_to_the_unbiased_variance():
    model = network().train()
    features, joint = {scale: maps.detach() for scale, maps in model.features(images()).items()}, joint_norm(model)
    expected = model.head(joint(enlarged_and_joined(model, features)).mean((2, 3)))
    before = [norm.running_var.clone() for norm in model.norms]
    torch.testing.assert_close(model.classify(features), expected, rtol=1e-10, atol=1e-10)
    many, parts = 2 * 16 * 24, joint.running_var.split(CHANNELS)
    for scale, norm, old, large in zip((1, 2, 3, 4), model.norms, before, parts, strict=True):
        few = many // 4 ** (scale - 1)
        factor = (few / (few - 1)) / (many / (many - 1))
        torch.testing.assert_close(norm.running_var - 0.9 * old, (large - 0.9 * old) * factor)


def test_gradients_of_the_head_equal_those_of_enlarging_in_training():
    model = network().train()
    features = {scale: maps.detach().requires_grad_() for scale, maps in model.features(images()).items()}
    naive = model.head(joint_norm(model)(enlarged_and_joined(model, features)).mean((2, 3)))
    ours = model.classify(features)
    wanted = list(features.values())
    # batch statistics make the mean of a normalised map constant, so the cube is what tells gradients apart
    pairs = zip(
        torch.autograd.grad((ours**3).sum(), wanted), torch.autograd.grad((naive**3).sum(), wanted), strict=True
    )
    assert all(torch.allclose(one, other, atol=1e-12) for one, other in pairs)


def test_without_dense_connection_only_the_finest_scale_is_classified():
    model = network(dense=False).eval()
    features = model.features(images())
    changed = {**features, 2: features[2] + 1.0, 4: features[4] + 1.0}
    assert model.head.in_features == CHANNELS[0]
    torch.testing.assert_close(model.classify(changed), model.classify(features), rtol=0, atol=0)


def test_sides_that_are_no_multiple_of_eight_are_refused():
    with pytest.raises(ValueError, match="multiples of 8 pixels, got 16 x 20"):
        network()(torch.zeros(1, 1, 16, 20, dtype=torch.float64))


def test_other_than_four_scales_are_refused():
    with pytest.raises(ValueError, match="has 4 scales, got channels for 3"):
        DCFPN(channels=(1, 2, 3))
