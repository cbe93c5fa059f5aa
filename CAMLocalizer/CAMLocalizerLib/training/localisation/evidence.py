"""Where in an image the evidence for its label lies: a small head on a frozen encoder, trained on labels alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..fit.batches import Batch
from ..fitting import Objective
from .contrast import CANDIDATE, INSIDE

WIDTH = 32
START = -2.0  # evidence of every cell before training
NOT_A_CANDIDATE = -8.0
ABSENT_WEIGHT, OUTSIDE_WEIGHT, LOWEST_WEIGHT = 0.5, 0.1, 0.1
LOWEST_SHARE = 0.05  # of the cells, which do not show the class that is present


class EvidenceHead(nn.Module):
    """Gives the evidence of each cell for each tumour class, against all other classes.

    Args:
        in_channels: channels of `evidence_maps`.
        tumours: number of tumour classes.
        symmetric: also use how far a cell exceeds the cells around its mirror image.
    """

    def __init__(self, in_channels: int, tumours: int, *, symmetric: bool = False) -> None:
        super().__init__()
        self.symmetric = symmetric
        inner = WIDTH * (2 if symmetric else 1)
        self.reduce = nn.Sequential(nn.BatchNorm2d(in_channels), nn.Conv2d(in_channels, WIDTH, 1), nn.ReLU())
        around = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.look = nn.Sequential(nn.BatchNorm2d(inner), nn.Dropout2d(0.1), around, nn.ReLU())
        self.evidence = nn.Conv2d(inner, tumours, 1)
        assert self.evidence.bias is not None
        nn.init.constant_(self.evidence.bias, START)

    def forward(self, maps: Tensor) -> Tensor:
        """Compute evidence (N, tumours, h, w) from encoder maps (N, in_channels, h, w)."""
        reduced = self.reduce(maps.to(self.evidence.weight.dtype).contiguous(memory_format=torch.channels_last))
        if self.symmetric:
            mirrored = functional.max_pool2d(reduced, 5, 1, 2).flip(-1)
            reduced = torch.cat([reduced, functional.relu(reduced - mirrored)], dim=1)
        return self.evidence(self.look(reduced))


def tumour_numbers(labels: Tensor, tumours: Sequence[int]) -> Tensor:
    """Number labels by tumour class from 1 in the order of ``tumours``; 0 for all other classes."""
    numbers = torch.zeros_like(labels)
    for number, label in enumerate(tumours, 1):
        numbers[labels == label] = number
    return numbers


def evidence_objective(tumours: Sequence[int], classes: int, *, pooling: str, instances: int) -> Objective:
    """Return the objective of the first stage.

    Softmax cross-entropy of the images' scores, where all classes without tumour share the score 0. The score of a
    tumour class is the mean evidence of its best cells; for the class of the image only candidates count. Besides,
    the best cells of absent classes, cells outside the body and the lowest twentieth of the present class are pressed
    down. Labels that are not taught count in none but the absent classes.

    Args:
        tumours: indices of the tumour classes.
        classes: number of all classes.
        pooling: ``multiple-instance`` or ``average``, see `LocalisationOptions`.
        instances: number of best cells.

    Source:
        Multiple-instance learning with the mean of the best instances: Durand, Thome, Cord, WELDON, CVPR 2016.
    """

    def evidence_loss(network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        evidence = network(batch.images).float()  # (N, T, h, w)
        assert batch.targets is not None
        inside, candidate = ((batch.targets & bit > 0)[:, None] for bit in (INSIDE, CANDIDATE))
        numbers = tumour_numbers(batch.labels, tumours)
        present = functional.one_hot(numbers, len(tumours) + 1)[:, 1:].bool()  # (N, T)
        anywhere = pooled(evidence, pooling, instances)
        scores = torch.where(present, pooled(evidence.where(candidate, NOT_A_CANDIDATE), pooling, instances), anywhere)
        taught = torch.ones_like(numbers, dtype=torch.bool) if batch.taught is None else batch.taught
        against = torch.cat([scores.new_zeros(len(scores), 1), scores], dim=1)  # (N, 1 + T)
        entropy = functional.cross_entropy(against, numbers, reduction="none")
        loss = (entropy * taught).sum() / taught.sum().clamp(min=1)
        loss = loss + ABSENT_WEIGHT * _mean_where(functional.softplus(anywhere), ~present)
        loss = loss + OUTSIDE_WEIGHT * _mean_where(functional.softplus(evidence), (~inside).expand_as(evidence))
        loss = loss + LOWEST_WEIGHT * _lowest(evidence, present)
        return loss, class_scores(against, tumours, classes)

    return evidence_loss


def pooled(evidence: Tensor, pooling: str, instances: int) -> Tensor:
    """Score each class of each image: the mean of its best cells, or of all; (N, T, h, w) to (N, T)."""
    cells = evidence.flatten(2)
    if pooling == "average":
        return cells.mean(2)
    return cells.topk(min(instances, cells.shape[2]), dim=2).values.mean(2)


def class_scores(against: Tensor, tumours: Sequence[int], classes: int) -> Tensor:
    """Spread scores (N, 1 + T), the first for no tumour, over all classes (N, classes)."""
    logits = against[:, :1].repeat(1, classes)
    logits[:, list(tumours)] = against[:, 1:]
    return logits


def _mean_where(values: Tensor, chosen: Tensor) -> Tensor:
    return (values * chosen).sum() / chosen.sum().clamp(min=1)


def _lowest(evidence: Tensor, present: Tensor) -> Tensor:
    cells = evidence.flatten(2)
    count = max(1, int(LOWEST_SHARE * cells.shape[2]))
    lowest = functional.softplus(cells.topk(count, dim=2, largest=False).values).mean(2)
    return _mean_where(lowest, present)
