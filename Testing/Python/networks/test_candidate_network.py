"""The network of candidates: evidence of two projections and of numbers, added."""

from __future__ import annotations

import pytest
import torch

from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.networks.candidate_network import CandidateNetwork


@pytest.fixture
def network() -> CandidateNetwork:
    torch.manual_seed(4)
    return CandidateNetwork(width=4, members=2).eval()


def test_the_logit_is_the_sum_of_its_evidence(network) -> None:
    images, numbers = torch.rand(5, 2, 3, 32, 32), torch.randn(5, 37)
    evidence = network.evidence(images, numbers)
    assert evidence.shape == (2, 5, 3)  # members, candidates, sources
    torch.testing.assert_close(network(images, numbers), evidence.sum(dim=2).mean(dim=0))
    assert not torch.equal(evidence[0], evidence[1])


def test_each_plane_has_evidence_of_its_own(network) -> None:
    images, numbers = torch.rand(2, 2, 3, 32, 32), torch.randn(2, 37)
    other = images.clone()
    other[:, 1] = torch.rand(2, 3, 32, 32)
    before, after = network.evidence(images, numbers), network.evidence(other, numbers)
    torch.testing.assert_close(before[..., [0, 2]], after[..., [0, 2]])
    assert not torch.equal(before[..., 1], after[..., 1])


def test_numbers_are_standardised_and_outliers_cut(network) -> None:
    images = torch.zeros(1, 2, 3, 32, 32)
    network.mean.fill_(10.0)
    network.deviation.fill_(2.0)
    far, further = (network.evidence(images, torch.full((1, 37), value)) for value in (20.0, 1e6))
    torch.testing.assert_close(far, further)  # both beyond five deviations


def test_projections_or_numbers_can_be_left_out() -> None:
    images, numbers = torch.rand(3, 2, 3, 32, 32), torch.randn(3, 37)
    assert CandidateNetwork(features=0).eval().evidence(images, numbers).shape == (3, 3, 2)
    assert CandidateNetwork(projections=False).eval().evidence(images, numbers).shape == (3, 3, 1)
    with pytest.raises(ModelError, match="needs projections, features or both"):
        CandidateNetwork(features=0, projections=False)
    with pytest.raises(ModelError, match="has 2 classes, got 3"):
        build_network("candidates", classes=3)
    with pytest.raises(ModelError, match="needs at least 1 member, got 0"):
        build_network("candidates", classes=2, members=0)
