"""The second stage: maps of every scale against pseudo-masks."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from CAMLocalizerLib.cam import PyramidGradCAM
from CAMLocalizerLib.networks import EncoderDCFPN
from CAMLocalizerLib.training.fit.batches import UNKNOWN, Batch
from CAMLocalizerLib.training.images import ImageSet
from CAMLocalizerLib.training.localisation.objective import (
    LocalisingNetwork,
    localisation_objective,
    scale_loss,
    tumour_direction,
)
from CAMLocalizerLib.training.localisation.pseudo_masks import PseudoMasks


def network(seed: int = 0) -> LocalisingNetwork:
    torch.manual_seed(seed)
    inner = EncoderDCFPN(classes=3, channels=(4, 4, 4, 4), last_channels=3)
    return LocalisingNetwork(inner.freeze_encoder(), tumour_direction(3, (1, 2)))


def test_the_direction_is_that_of_any_tumour_against_the_rest():
    assert tumour_direction(3, (1, 2)).tolist() == [-1.0, 0.5, 0.5]
    assert tumour_direction(2, (0, 1)).tolist() == [0.5, 0.5]


def test_half_of_a_reference_level_is_where_the_probability_is_a_half():
    localising, images = network().eval(), torch.rand(2, 1, 48, 32)
    with torch.no_grad():
        localising.network.head.weight.abs_().mul_(1e4)[0] *= -1  # maps of any tumour far above 0
        localising.log_slope += torch.tensor([0.0, 0.5, -0.5, 1.0])
        maps = localising.maps(localising.network.features(images))
        medians = torch.stack([maps[scale].median() for scale in (1, 2, 3, 4)])
        localising.offset.copy_(medians * localising.log_slope.exp())
    with PyramidGradCAM(localising.network) as cam:
        explained = cam(images, localising.direction.expand(2, -1)).maps
    cells = localising.cell_logits(localising.maps(localising.network.features(images)))

    for scale, level in localising.levels((32, 48)).items():
        probability, above = cells[scale][:, 0].sigmoid(), explained[scale] > level / 2
        clear = (maps[scale][:, 0] / medians[scale - 1] - 1).abs() > 1e-4
        assert torch.equal(above[clear], (probability > 0.5)[clear])
        assert 0.3 < above.float().mean() < 0.7


def test_the_map_of_any_tumour_weighs_the_maps_of_the_classes():
    localising = network().eval()
    features = localising.network.features(torch.rand(2, 1, 32, 32))

    maps, of_classes = localising.maps(features), localising.network.class_maps(features)

    for scale, values in maps.items():
        expected = of_classes[scale][:, 1:].mean(1, keepdim=True) - of_classes[scale][:, :1]
        assert torch.allclose(values, expected, atol=1e-6)


def test_the_loss_of_a_scale_is_cross_entropy_and_dice_of_what_is_known():
    generator = torch.Generator().manual_seed(2)
    cells, targets = torch.randn(2, 1, 4, 6, generator=generator), torch.zeros(2, 8, 12, dtype=torch.uint8)
    targets[0, 2:6, 2:8] = 1

    loss = scale_loss(cells, targets, fine=False)

    expected = functional.avg_pool2d(targets[:, None].float(), 2)
    entropy = functional.binary_cross_entropy_with_logits(cells, expected)
    probability = cells[0].sigmoid()
    dice = (2 * (probability * expected[0]).sum() + 1) / (probability.sum() + expected[0].sum() + 1)
    assert loss.item() == pytest.approx(float(2 * entropy + 1 - dice), rel=1e-5)


def test_images_without_a_mask_do_not_count():
    cells, targets = torch.randn(2, 1, 4, 4), torch.zeros(2, 8, 8, dtype=torch.uint8)
    targets[1] = UNKNOWN
    cells.requires_grad_()

    scale_loss(cells, targets, fine=True).backward()

    assert cells.grad[1].abs().max() == 0
    assert cells.grad[0].abs().max() > 0


def test_the_rim_of_a_mask_does_not_count_at_fine_scales():
    cells, targets = torch.ones(1, 1, 4, 4, requires_grad=True), torch.zeros(1, 8, 8, dtype=torch.uint8)
    targets[0, :, :3] = 1  # the second column of cells is half covered

    def entropy_pull(fine: bool) -> torch.Tensor:
        (gradient,) = torch.autograd.grad(scale_loss(cells, targets, fine=fine), cells)
        return gradient[0, 0]

    rim, plain = entropy_pull(True)[:, 1], entropy_pull(False)[:, 1]
    assert not torch.allclose(rim, plain)


def test_what_is_unknown_around_a_mask_pulls_nowhere():
    targets = torch.zeros(1, 8, 8, dtype=torch.uint8)
    targets[0, 2:6, 2:6] = 1
    targets[0, :, 6:] = UNKNOWN
    cells = torch.randn(1, 1, 4, 4, requires_grad=True)

    scale_loss(cells, targets, fine=False).backward()

    assert cells.grad is not None
    assert cells.grad[0, 0, :, 3].abs().max() == 0
    assert cells.grad[0, 0, :, :3].abs().min() > 0


def test_gradients_reach_decoder_and_head_but_no_frozen_encoder():
    localising = network().train()
    images, targets = torch.rand(2, 1, 32, 32), torch.zeros(2, 16, 16, dtype=torch.uint8)
    targets[0, 4:8, 4:8] = 1
    objective = localisation_objective((1, 2), localising.network.encoder)

    loss, logits = objective(localising, Batch(images, torch.tensor([1, 0]), targets=targets))
    loss.backward()

    assert logits.shape == (2, 3)
    assert localising.network.head.weight.grad.abs().max() > 0
    assert localising.offset.grad.abs().min() > 0
    assert all(parameter.grad is None for parameter in localising.network.encoder.parameters())


def test_a_label_that_its_site_explains_asks_for_some_tumour_only():
    localising = network().eval()
    images = torch.rand(1, 1, 32, 32)
    objective = localisation_objective((1, 2), None)

    losses = [
        objective(localising, Batch(images, torch.tensor([label]), taught=torch.tensor([False])))[0].item()
        for label in (1, 2)
    ]

    assert losses[0] == pytest.approx(losses[1])


def test_targets_are_the_surest_masks_nothing_where_no_tumour_is_and_unknown_elsewhere():
    labels = np.array([0, 1, 1, 1])
    images = ImageSet(
        np.zeros((4, 1, 4, 4), np.float32),
        labels,
        ("none", "a"),
        np.array(list("abcd")),
        np.ones(4, int),
        labels.astype(str),
    )
    masks = PseudoMasks(np.ones((4, 2, 2), np.uint8), np.array([0.0, 0.2, 0.9, 0.5]))

    targets = masks.targets(images, (1,), 0.67)

    assert [int(each.unique().item()) for each in targets] == [0, UNKNOWN, 1, 1]


def test_the_encoder_has_a_rate_of_its_own():
    localising = network()

    decoder, encoder = localising.parameter_groups(1e-4)

    assert encoder["lr"] == 1e-4
    assert len(decoder["params"]) + len(encoder["params"]) == len(list(localising.parameters()))
    assert len(localising.parameter_groups(0.0)) == 1
