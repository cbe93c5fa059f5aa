"""The second stage: maps of every scale trained on pseudo-masks, and the classifier on labels, in one network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...networks import EncoderDCFPN
from ..fit.batches import UNKNOWN, Batch
from ..fitting import Objective

SCALE_SHARES: Mapping[int, float] = {1: 0.5, 2: 1.0, 3: 0.6, 4: 0.3}
RIM = (0.15, 0.85)  # cells of the fine scales that are covered by a share between these are left out
LEAST_KNOWN = 0.75  # share of a cell that must be known if it is to count
FINE_SCALES = (1, 2)
ENTROPY_WEIGHT, OVERLAP_WEIGHT, CLASS_WEIGHT, ANY_WEIGHT = 2.0, 1.0, 0.5, 0.1
LABEL_SMOOTHING = 0.03
FIRST_OFFSET = 2.0


class LocalisingNetwork(nn.Module):
    """A network, and for each scale the line from its map to the logit of a cell's probability.

    Args:
        network: DC-FPN on an encoder.
        direction: weight of each class in the maps, shape (classes,), see `tumour_direction`.
    """

    def __init__(self, network: EncoderDCFPN, direction: Tensor) -> None:
        super().__init__()
        self.network = network
        self.direction: Tensor
        self.register_buffer("direction", direction)
        self.log_slope = nn.Parameter(torch.zeros(len(SCALE_SHARES)))
        self.offset = nn.Parameter(torch.full((len(SCALE_SHARES),), FIRST_OFFSET))

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, 1, H, W); gives logits (N, classes)."""
        return self.network(images)

    def maps(self, features: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Return the map of each scale that explains a tumour of any class, (N, 1, h, w), at least float32."""
        maps = self.network.class_maps(features)
        weights = self.direction[:, None, None]
        return {scale: (values.float() * weights).sum(1, keepdim=True) for scale, values in maps.items()}

    def cell_logits(self, maps: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Turn maps into logits of each cell's probability to show a tumour."""
        slope = self.log_slope.exp()
        return {scale: values * slope[scale - 1] - self.offset[scale - 1] for scale, values in maps.items()}

    def parameter_groups(self, encoder_learning_rate: float) -> list[dict[str, Any]]:
        """Return the optimiser's groups: the decoder, and the encoder with a rate of its own if that is not 0."""
        encoder = list(self.network.encoder.parameters())
        known = {id(parameter) for parameter in encoder}
        decoder = [parameter for parameter in self.parameters() if id(parameter) not in known]
        own = [{"params": encoder, "lr": encoder_learning_rate}] if encoder_learning_rate else []
        return [{"params": decoder}, *own]

    def start_from(self, levels: Mapping[int, float], size: tuple[int, int]) -> None:
        """Set the lines from maps to logits so that `levels` returns the given reference levels.

        Args:
            levels: reference level of each scale's Grad-CAM map.
            size: width and height of the images in pixels.
        """
        with torch.no_grad():
            self.offset.fill_(FIRST_OFFSET)
            for scale, stride in self.network.strides.items():
                cells = math.prod(side // stride for side in size)
                self.log_slope[scale - 1] = math.log(2 * FIRST_OFFSET / (levels[scale] * cells))

    def levels(self, size: tuple[int, int]) -> dict[int, float]:
        """Return the reference level of each scale's Grad-CAM map: half of it is where a cell's probability is a half.

        Args:
            size: width and height of the images in pixels. Grad-CAM weighs channels by the mean of their gradient, so
                its maps are those of `maps` divided by the number of cells.
        """
        halves = self.offset.detach().clamp(min=1e-3) * torch.exp(-self.log_slope.detach())
        cells = {scale: math.prod(side // stride for side in size) for scale, stride in self.network.strides.items()}
        return {scale: 2 * float(halves[scale - 1]) / cells[scale] for scale in SCALE_SHARES}


def tumour_direction(classes: int, tumours: Sequence[int]) -> Tensor:
    """Weigh classes as the target ``any`` does: the mean of the tumour classes minus that of the others."""
    is_tumour = torch.zeros(classes, dtype=torch.bool)
    is_tumour[list(tumours)] = True
    others = max(1, classes - len(tumours))
    return torch.where(is_tumour, 1.0 / len(tumours), -1.0 / others)


def localisation_objective(tumours: Sequence[int], encode: Callable[[Tensor], list[Tensor]] | None) -> Objective:
    """Return the objective of the second stage, for a `LocalisingNetwork`.

    Of each scale: binary cross-entropy and Dice of the cells' probabilities against the pseudo-mask, averaged to the
    scale's resolution; the rim of a mask does not count at the fine scales, images without a mask do not count at all.
    Of the image: softmax cross-entropy of its label where that is taught, elsewhere that it shows some tumour.

    Args:
        tumours: indices of the tumour classes.
        encode: gives the maps of a frozen encoder; None where the encoder is trained too.
    """

    def localisation_loss(network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        assert isinstance(network, LocalisingNetwork)
        inner = network.network
        features = inner.features(batch.images) if encode is None else inner.features_of(encode(batch.images))
        logits = inner.classify(features).float()
        loss = CLASS_WEIGHT * _label_loss(logits, batch, tumours)
        if batch.targets is not None:
            loss = loss + localisation_losses(network.cell_logits(network.maps(features)), batch.targets)
        return loss, logits

    return localisation_loss


def localisation_losses(cells: Mapping[int, Tensor], targets: Tensor) -> Tensor:
    """Sum the losses of all scales against pseudo-masks; see `scale_loss`."""
    return torch.stack(
        [share * scale_loss(cells[scale], targets, fine=scale in FINE_SCALES) for scale, share in SCALE_SHARES.items()]
    ).sum()


def scale_loss(cells: Tensor, targets: Tensor, *, fine: bool) -> Tensor:
    """Compare one scale with the pseudo-masks.

    Args:
        cells: logits, shape (N, 1, h, w).
        targets: uint8, 0, 1 or `UNKNOWN`, shape (N, H, W), H and W multiples of h and w or the reverse.
        fine: leave the rim of masks out.

    Returns:
        Cross-entropy, mean over cells of which most is known, and Dice loss of what is known, mean over images with a
        mask, weighted and added.
    """
    shown, known = (
        functional.interpolate(each[:, None].float(), size=cells.shape[-2:], mode="area")
        for each in (targets == 1, targets != UNKNOWN)
    )
    expected = shown / known.clamp(min=LEAST_KNOWN)
    counted = known > LEAST_KNOWN
    if fine:
        counted = counted & ((expected < RIM[0]) | (expected > RIM[1]))
    entropy = functional.binary_cross_entropy_with_logits(cells, expected, reduction="none")
    loss = ENTROPY_WEIGHT * (entropy * counted).sum() / counted.sum().clamp(min=1)
    masked = shown.sum((1, 2, 3)) > 0
    overlap = 1 - _dice(cells.sigmoid(), shown, known)
    return loss + OVERLAP_WEIGHT * (overlap * masked).sum() / masked.sum().clamp(min=1)


def _dice(probability: Tensor, shown: Tensor, known: Tensor) -> Tensor:
    joint, sums = (probability * shown).sum((1, 2, 3)), (probability * known + shown).sum((1, 2, 3))
    return (2 * joint + 1) / (sums + 1)


def _label_loss(logits: Tensor, batch: Batch, tumours: Sequence[int]) -> Tensor:
    taught = torch.ones_like(batch.labels, dtype=torch.bool) if batch.taught is None else batch.taught
    entropy = functional.cross_entropy(logits, batch.labels, reduction="none", label_smoothing=LABEL_SMOOTHING)
    loss = (entropy * taught).sum() / taught.sum().clamp(min=1)
    others = [index for index in range(logits.shape[1]) if index not in tumours]
    if not others or bool(taught.all()):
        return loss
    odds = logits[:, list(tumours)].logsumexp(1) - logits[:, others].logsumexp(1)
    return loss + ANY_WEIGHT * (functional.softplus(-odds) * ~taught).sum() / (~taught).sum()
