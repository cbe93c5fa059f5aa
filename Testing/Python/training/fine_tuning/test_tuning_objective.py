"""What a fine-tuning minimises, and the maps that it keeps."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_training import tiny_network
from torch import Tensor, nn

from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.training.fine_tuning.cached import PackedMaps, packed_copies, packed_images, spread_draws
from CAMLocalizerLib.training.fine_tuning.objective import Anchor, LabelLoss, keep_normalisation, tuning_objective
from CAMLocalizerLib.training.fine_tuning.stages import batch_of as batch_images
from CAMLocalizerLib.training.fit.batches import Batch
from CAMLocalizerLib.training.localisation.encoded import FrozenEncoder
from CAMLocalizerLib.training.localisation.objective import LocalisingNetwork, tumour_direction

LOGITS = torch.tensor([[1.0, 2.0, 0.5, 3.0]])


def batch_of(label: int, *, typed: bool = True) -> Batch:
    return Batch(torch.zeros(1, 1, 4, 4), torch.tensor([label]), taught=torch.tensor([typed]))


def test_classes_without_an_image_are_left_out_of_the_softmax() -> None:
    loss = LabelLoss(torch.tensor([0, 1, 1]), None, (1, 2, 3), 4)
    assert float(loss(LOGITS, batch_of(1))) == pytest.approx(math.log(math.e + math.e**2) - 2)
    logits = LOGITS.clone().requires_grad_(True)
    loss(logits, batch_of(1)).backward()
    assert logits.grad is not None
    assert logits.grad[0, 2:].tolist() == [0, 0]


def test_a_tumour_of_unknown_type_may_be_of_any_tumour_class() -> None:
    loss = LabelLoss(torch.tensor([0, 1]), torch.tensor([True, False]), (1, 2, 3), 4)
    tumours = math.e**2 + math.e**0.5 + math.e**3
    expected = math.log(math.e + tumours) - math.log(tumours)
    assert float(loss(LOGITS, batch_of(1, typed=False))) == pytest.approx(expected, rel=1e-5)
    assert loss.score(LOGITS, batch_of(1, typed=False)).tolist() == [1.0]
    assert loss.score(LOGITS, batch_of(1)).tolist() == [0.0]


def test_types_that_are_unknown_or_that_the_site_explains_are_not_taught(images) -> None:
    assert batch_images(images, (1,)).taught is None
    third = replace(images, untyped=np.arange(len(images)) == 3)
    assert batch_images(third, (1,)).taught.tolist() == [index != 3 for index in range(len(images))]
    sites = np.where(images.labels == 1, np.where(np.arange(len(images)) < 12, "blobs only", "both"), "both")
    taught = batch_images(replace(images, sites=sites), (1,)).taught
    assert taught.tolist() == (sites == "both").tolist()


def test_the_anchor_is_the_squared_way_of_the_weights_that_are_trained() -> None:
    network = nn.Linear(2, 1)
    assert network.bias is not None
    network.bias.requires_grad_(False)
    anchor = Anchor(network, 0.5)
    with torch.no_grad():
        network.weight += torch.tensor([[3.0, 4.0]])
        network.bias += 100
    assert anchor(network).item() == pytest.approx(12.5)


def test_normalisation_keeps_its_statistics_during_a_fine_tuning() -> None:
    network = tiny_network().train()
    before = network[1].running_mean.clone()
    batch = Batch(torch.randn(4, 1, 16, 16) + 5, torch.tensor([0, 1, 0, 1]))
    loss = LabelLoss(batch.labels, None, (1,), 2)
    tuning_objective(loss, Anchor(network, 0.01))(network, batch)[0].backward()
    assert torch.equal(network[1].running_mean, before)
    keep_normalisation(network)
    assert [module.training for module in network[:2]] == [True, False]


@pytest.fixture(scope="module")
def network() -> LocalisingNetwork:
    torch.manual_seed(2)
    inner = build_network("dcfpn", classes=3, encoder="efficientnet-lite0", channels=(4, 4, 4, 4), last_channels=4)
    return LocalisingNetwork(inner.eval(), tumour_direction(3, (1, 2)))


def test_reference_levels_survive_the_way_into_a_training_and_back(network) -> None:
    levels = {1: 0.01, 2: 0.02, 3: 0.3, 4: 0.4}
    network.start_from(levels, (64, 32))
    assert network.levels((64, 32)) == pytest.approx(levels)


def test_kept_maps_give_the_answers_that_the_images_give(network) -> None:
    images = torch.rand(5, 1, 32, 48, generator=torch.Generator().manual_seed(1))
    packed = PackedMaps(FrozenEncoder(network.network.encoder), (32, 48))
    batch = packed_images(packed, Batch(images, torch.arange(5)))
    assert batch.images.dtype == torch.float16
    assert packed.bytes_per_image == 2 * batch.images.shape[1]
    with torch.no_grad():
        found = network.network.classify(network.network.features_of(packed(batch.images)))
        torch.testing.assert_close(found, network(images), atol=5e-3, rtol=5e-3)


def test_copies_move_their_targets_along(network) -> None:
    images = torch.zeros(2, 1, 32, 32)
    images[0, 0, :, :16] = 1
    targets = torch.zeros(2, 16, 16, dtype=torch.uint8)
    targets[0, :, :8] = 1
    packed = PackedMaps(FrozenEncoder(network.network.encoder), (32, 32))
    batch = Batch(images, torch.tensor([1, 0]), targets=targets)
    copies = packed_copies(packed, batch, torch.ones(2), count=12, seed=4, augmentation="flip")
    plain = packed.pack(torch.cat([images, images.flip(-1)]))
    assert copies.targets is not None
    assert sorted(copies.labels.tolist()) == [0] * 6 + [1] * 6
    sides = set()
    for maps, label, target in zip(copies.images, copies.labels.tolist(), copies.targets, strict=True):
        left, right = bool(target[:, :8].any()), bool(target[:, -8:].any())
        assert (left, right) in ([(True, False), (False, True)] if label else [(False, False)])
        expected = plain[2 if right else 0] if label else plain[1]
        torch.testing.assert_close(maps, expected, atol=1e-2, rtol=1e-2)
        sides.add((label, right))
    assert (1, True) in sides
    assert (1, False) in sides


def test_draws_are_as_even_as_whole_numbers_allow() -> None:
    weights: Tensor = torch.tensor([1.0, 2.0, 0.5, 0.0, 0.5])
    counts = torch.bincount(spread_draws(weights, 20, torch.Generator().manual_seed(0)), minlength=5)
    assert bool(((counts - 20 * weights / weights.sum()).abs() < 1).all())
    assert counts[3] == 0
