"""Evidence maps of DC-FPN's classification layer, and the loss that asks them to agree with a target."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..networks import DCFPN

FINEST_WEIGHT, COARSE_WEIGHT = 1.0, 0.3
TUMOUR_EMPHASIS = 3.0
ENTROPY_WEIGHT, DICE_WEIGHT = 2.0, 0.5
DICE_PIXELS = 10.0


def tumour_direction(classes: int) -> Tensor:
    """Weights of the logits whose sum is the evidence for any tumour against none (class 0), shape (classes,)."""
    return torch.tensor([-1.0] + [1.0 / (classes - 1)] * (classes - 1))


def evidence_maps(network: DCFPN, features: Mapping[int, Tensor]) -> dict[int, Tensor]:
    """Class activation map of every scale for "any tumour against none", signed, before any ReLU.

    The classification layer is linear in the normalised maps, so the score is the sum over scales of these maps'
    means (CAM, Zhou et al. 2016, Eq. 2).

    Returns:
        Scale to map, shape (N, height of the scale, width of the scale).
    """
    direction = tumour_direction(network.head.out_features).to(network.head.weight)
    weights = (direction @ network.head.weight).split([features[scale].shape[1] for scale in network.head_scales])
    return {
        scale: torch.einsum("nchw,c->nhw", norm(features[scale]).float(), weight)
        for scale, norm, weight in zip(network.head_scales, network.norms, weights, strict=True)
    }


class EvidenceLoss(nn.Module):
    """Cross-entropy and Dice between rescaled evidence maps and a target map of 0 to 1, at every scale.

    Gain and shift per scale belong to the loss, not to the network: the classifier stays a classifier whose only
    outputs are the logits, and its evidence maps stay what its linear layer makes of the feature maps.
    """

    def __init__(self, scales: int = 4) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.full((scales,), 2.0))
        self.shift = nn.Parameter(torch.full((scales,), -3.0))

    def rescale(self, maps: Mapping[int, Tensor], scale: int) -> Tensor:
        """Bring one scale's evidence to logits of a pixel being tumour."""
        return self.gain[scale - 1] * maps[scale] + self.shift[scale - 1]

    def forward(self, maps: Mapping[int, Tensor], target: Tensor) -> Tensor:
        """Compute the loss against a target (N, H, W) that is averaged down to each scale."""
        loss = target.new_zeros(())
        for scale in maps:
            wanted = functional.avg_pool2d(target[:, None], 2 ** (scale - 1))[:, 0]
            weight = FINEST_WEIGHT if scale == 1 else COARSE_WEIGHT
            loss = loss + weight * _map_loss(self.rescale(maps, scale), wanted)
        return loss


def _map_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    emphasis = logits.new_tensor(TUMOUR_EMPHASIS)
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, pos_weight=emphasis)
    seen = logits.sigmoid()
    dice = (2 * (seen * wanted).sum() + DICE_PIXELS) / (seen.sum() + wanted.sum() + DICE_PIXELS)
    return ENTROPY_WEIGHT * entropy + DICE_WEIGHT * (1 - dice)
