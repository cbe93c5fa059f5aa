"""Multi-GAP CAM agrees with CAM computed naively for each branch."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from CAMLocalizerLib.cam import MultiGAPCAM
from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.networks import DCFPN
from CAMLocalizerLib.networks.multigap import MultiGAP


def network(*, dense: bool) -> MultiGAP:
    torch.manual_seed(8)
    model = MultiGAP(1, 3, (3, 5, 4, 6), dense)
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.normal_(norm.weight, 1.0, 0.3)
        nn.init.uniform_(norm.running_var, 0.3, 2.0)
    return model.double()


def images() -> torch.Tensor:
    return torch.randn(2, 1, 16, 24, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def naive_map(model: MultiGAP, scale: int, targets: list[int]) -> torch.Tensor:
    """Weigh each branch's concatenated, normalised maps, and keep what comes from the maps of one scale."""
    features = model.features(images())
    total = torch.zeros_like(features[scale][:, 0])
    for name, branch in model.branches.items():
        seen = model.seen(int(name))
        if scale not in seen:
            continue
        start = sum(branch.channels[: seen.index(scale)])
        norm = branch.norms[seen.index(scale)]
        maps = features[scale] if isinstance(norm, nn.Identity) else norm(features[scale]) - norm(0 * features[scale])
        weights = branch.head.weight[targets, start : start + maps.shape[1]]
        total += torch.einsum("nchw,nc->nhw", maps, weights) / 4
    return functional.relu(total).detach()


@pytest.mark.parametrize("dense", [True, False])
def test_its_maps_are_those_of_the_branches_added_scale_by_scale(dense: bool):
    model = network(dense=dense).eval()
    result = MultiGAPCAM(model)(images(), torch.tensor([2, 0]))
    assert {scale: tuple(maps.shape[1:]) for scale, maps in result.maps.items()} == {
        1: (16, 24),
        2: (8, 12),
        3: (4, 6),
        4: (2, 3),
    }
    for scale, maps in result.maps.items():
        torch.testing.assert_close(maps, naive_map(model, scale, [2, 0]).float(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(result.logits, model(images()))


def test_it_explains_the_highest_logit_and_restores_the_mode():
    model = network(dense=True).train()
    result = MultiGAPCAM(model)(images())
    assert model.training
    assert torch.equal(result.targets, result.logits.argmax(1))


def test_another_network_is_refused():
    with pytest.raises(ModelError, match="needs a MultiGAP network, got DCFPN"):
        MultiGAPCAM(DCFPN(channels=(2, 2, 2, 2)))
