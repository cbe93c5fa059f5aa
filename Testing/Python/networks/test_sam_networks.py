"""The heads of soft activation mapping against the paper's equations, written out naively."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from CAMLocalizerLib.networks.hesam import HESAMNet
from CAMLocalizerLib.networks.registry import build_network
from CAMLocalizerLib.networks.sam import CAMHead, EnhancedWeights, HESAMHead, MapUnits, SAMHead
from CAMLocalizerLib.networks.small_input import SoftHeadNet

MAPS, CLASSES = 5, 3


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


def randomised(module: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(11)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    return module.double()


def units_by_hand(units: MapUnits, maps: Tensor) -> Tensor:
    """H_k: map k averaged to 6x6, flattened, through a linear layer of its own."""
    values = []
    for k in range(maps.shape[1]):
        minor = functional.adaptive_avg_pool2d(maps[:, k : k + 1], 6).flatten(1)  # (N, 36)
        values.append(functional.linear(minor, units.weight[k].reshape(1, 36), units.bias[k : k + 1]))
    return torch.cat(values, dim=1)


def test_each_unit_depends_only_on_its_own_map():
    units, maps = randomised(MapUnits(MAPS)), random(2, MAPS, 16, 16)
    torch.testing.assert_close(units(maps), units_by_hand(units, maps))
    changed = maps.clone()
    changed[:, 2] += 1.0
    difference = (units(changed) - units(maps)).abs().amax(0)
    assert (difference > 1e-6).tolist() == [False, False, True, False, False]


def test_the_units_are_few_compared_with_one_layer_of_all_maps():
    assert sum(parameter.numel() for parameter in MapUnits(256).parameters()) == 256 * 37


def test_the_sam_score_is_equation_5():
    head, maps = randomised(SAMHead(MAPS, CLASSES)), random(2, MAPS, 16, 16)
    values = units_by_hand(head.units, maps)
    expected = torch.stack([(head.classifier.weight[c] * values).sum(1) for c in range(CLASSES)], dim=1)
    torch.testing.assert_close(head(maps), expected)


def test_a_fresh_sam_head_scores_as_a_cam_head():
    cam, sam = CAMHead(MAPS, CLASSES).double(), SAMHead(MAPS, CLASSES).double()
    sam.classifier.weight.data.copy_(cam.classifier.weight.data)
    maps = random(2, MAPS, 12, 12)
    torch.testing.assert_close(sam(maps), cam(maps))


def test_the_hesam_score_is_equation_7():
    head, maps, code = randomised(HESAMHead(MAPS, CLASSES)), random(2, MAPS, 16, 16), random(2, MAPS)
    values, expected = units_by_hand(head.units, maps), torch.zeros(2, CLASSES, dtype=torch.float64)
    for c in range(CLASSES):
        for k in range(MAPS):
            expected[:, c] += (head.weights.alpha[c, k] + head.weights.beta[c, k] * code[:, k]) * values[:, k]
    torch.testing.assert_close(head(maps, code), expected)


def test_training_of_hesam_starts_from_sam():
    torch.manual_seed(3)
    head, sam = HESAMHead(MAPS, CLASSES).double(), SAMHead(MAPS, CLASSES).double()
    sam.classifier.weight.data.copy_(head.weights.alpha.data)
    maps = random(2, MAPS, 16, 16)
    torch.testing.assert_close(head(maps, random(2, MAPS)), sam(maps))
    head(maps, random(2, MAPS)).square().sum().backward()
    assert head.weights.beta.grad.abs().min() > 0


def test_a_code_without_class_would_not_change_probabilities():
    """Why d depends on the class: with equal beta for all classes the softmax cancels it."""
    head = randomised(HESAMHead(MAPS, CLASSES))
    head.weights.beta.data[:] = head.weights.beta.data[:1].clone()
    maps = random(2, MAPS, 16, 16)
    one, other = (head(maps, code).softmax(1) for code in (random(2, MAPS), torch.zeros(2, MAPS).double()))
    torch.testing.assert_close(one, other)


def test_with_class_weights_the_code_switches_a_unit_to_another_class():
    weights = EnhancedWeights(1, 2)
    weights.alpha.data = torch.tensor([[1.0], [0.0]])
    weights.beta.data = torch.tensor([[-1.0], [1.0]])
    low, high = weights(torch.tensor([[0.0], [2.0]]))
    assert low.argmax() == 0
    assert high.argmax() == 1


@pytest.mark.parametrize("head", ["cam", "sam", "hesam"])
@pytest.mark.parametrize("channels", [1, 3, 11, 21])
def test_the_papers_network_has_the_papers_sizes(head: str, channels: int):
    model = HESAMNet(channels, 2, head).eval()
    images = torch.zeros(1, channels, 32, 32)
    maps, bottleneck = model.unet(images)
    assert maps.shape == (1, 64, 32, 32)
    assert bottleneck.shape == (1, 256, 4, 4)
    assert model.features(maps).shape == (1, 256, 16, 16)
    assert model(images).shape == (1, 2)


def test_the_code_is_the_global_maximum_of_the_bottleneck():
    model, seen = HESAMNet(channels=(2, 2, 3, 4), unet_maps=3).eval(), {}
    model.head.weights.register_forward_hook(lambda _m, inputs, _o: seen.update(code=inputs[0]))
    images = random(2, 1, 32, 32).float()
    model(images)
    bottleneck = model.unet(images)[1]
    expected = torch.stack([bottleneck[:, k].flatten(1).max(1).values for k in range(4)], dim=1)
    assert torch.equal(seen["code"], expected)


def test_bad_settings_and_sizes_are_refused():
    with pytest.raises(ValueError, match=r"head must be one of \['cam', 'hesam', 'sam'\], got 'gap'"):
        HESAMNet(head="gap")
    with pytest.raises(ValueError, match="has 4 resolutions, got channels for 3"):
        HESAMNet(channels=(1, 2, 3))
    with pytest.raises(ValueError, match="multiples of 8 pixels and at least 16, got 20 x 32"):
        HESAMNet(channels=(1, 1, 1, 1), unet_maps=1)(torch.zeros(1, 1, 20, 32))
    with pytest.raises(ValueError, match="backbone must be one of"):
        SoftHeadNet("alexnet")
    with pytest.raises(ValueError, match=r"head must be one of \['cam', 'plain', 'sam'\], got 'hesam'"):
        SoftHeadNet("vgg16", "hesam")


@pytest.mark.parametrize("backbone", ["resnet18", "resnet34", "vgg16", "densenet121"])
def test_modified_backbones_have_maps_of_16_by_16_where_plain_ones_have_one_cell(backbone: str):
    for head, size in (("plain", 1), ("sam", 16)):
        model = build_network(f"{backbone}_{head}", in_channels=3, classes=2).eval()
        with torch.inference_mode():
            maps = model.features(torch.zeros(1, 3, 32, 32))
            assert maps.shape[2:] == (size, size)
            assert model.head(maps).shape == (1, 2)
        assert model.strides[1] * size == 32
        assert maps.min() >= 0


def test_modifying_a_backbone_does_not_change_weights():
    plain, fine = (SoftHeadNet("resnet18", head) for head in ("plain", "cam"))
    shapes = [[tuple(values.shape) for values in model.features.state_dict().values()] for model in (plain, fine)]
    assert shapes[0] == shapes[1]


def test_vgg16_has_13_convolutions_and_one_pooling_left():
    layers = SoftHeadNet("vgg16", "cam").features
    assert sum(isinstance(layer, torch.nn.Conv2d) for layer in layers) == 13
    assert sum(isinstance(layer, torch.nn.MaxPool2d) for layer in layers) == 1


def test_a_densenet_transition_at_stride_1_does_not_shift_a_map():
    transition = SoftHeadNet("densenet121", "cam").features[0].transition1.pool
    spot = torch.zeros(1, 1, 9, 9)
    spot[..., 4, 4] = 1.0
    blurred = transition(spot)
    assert blurred.shape == spot.shape
    torch.testing.assert_close(blurred, blurred.flip((2, 3)))
    torch.testing.assert_close(transition(torch.ones(1, 1, 9, 9)), torch.ones(1, 1, 9, 9))
