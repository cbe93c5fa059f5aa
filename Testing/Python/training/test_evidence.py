"""Evidence maps are what the classification layer adds up."""

from __future__ import annotations

import pytest
import torch

from CAMLocalizerLib.networks import DCFPN
from CAMLocalizerLib.training.evidence import EvidenceLoss, evidence_maps, tumour_direction


@pytest.fixture
def network() -> DCFPN:
    torch.manual_seed(2)
    return DCFPN(1, 4, (4, 4, 8, 8)).eval()


def test_means_of_the_maps_add_up_to_the_score_without_its_bias(network) -> None:
    images = torch.randn(3, 1, 32, 32)
    with torch.no_grad():
        features = network.features(images)
        direction = tumour_direction(4)
        score = (network.classify(features) - network.head.bias) @ direction
        total = sum(maps.mean((1, 2)) for maps in evidence_maps(network, features).values())
    torch.testing.assert_close(total, score, rtol=1e-4, atol=1e-5)


def test_the_direction_sets_every_tumour_against_none() -> None:
    torch.testing.assert_close(tumour_direction(4), torch.tensor([-1.0, 1 / 3, 1 / 3, 1 / 3]))


def test_the_loss_falls_when_evidence_and_target_agree() -> None:
    loss = EvidenceLoss(scales=1)
    target = torch.zeros(1, 16, 16)
    target[:, 4:8, 4:8] = 1.0
    right, wrong = {1: target * 6}, {1: (1 - target) * 6}
    assert loss(right, target) < 0.2 < 2 < loss(wrong, target)
