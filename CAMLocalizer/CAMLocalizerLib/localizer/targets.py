"""What the map of a slice is to explain: its most probable tumour class."""

from __future__ import annotations

import torch
from torch import Tensor

from ..models import ModelCard


def target_classes(logits: Tensor, card: ModelCard) -> Tensor:
    """Return the index of the most probable tumour class of each slice.

    Args:
        logits: (N, classes).
        card: names the classes and which of them are tumours.

    Returns:
        int64, (N,).
    """
    columns = torch.tensor([card.classes.index(name) for name in card.tumour_classes], device=logits.device)
    return columns[logits[:, columns].argmax(dim=1)]


def target_weights(logits: Tensor, card: ModelCard) -> Tensor:
    """Return the class weights of the score that the maps explain.

    With the target ``class`` it is the logit of the most probable tumour class; with ``margin`` the logit of the most
    probable class without tumour is taken off, so that the map shows what speaks for a tumour rather than what
    every slice has. With ``any`` it is the mean logit of the tumour classes minus that of the others, alike in every
    slice: the map does not depend on the type of tumour.

    Args:
        logits: (N, classes).
        card: names the classes, which of them are tumours, and the target.

    Returns:
        (N, classes) in the type of ``logits``.
    """
    if card.target == "any":
        return _any_tumour(card).to(logits).expand_as(logits)
    rows = torch.arange(len(logits), device=logits.device)
    weights = torch.zeros_like(logits)
    weights[rows, target_classes(logits, card)] = 1.0
    if card.target == "margin":
        others = torch.tensor([card.classes.index(name) for name in card.other_classes], device=logits.device)
        weights[rows, others[logits[:, others].argmax(dim=1)]] = -1.0
    return weights


def common_logits(logits: Tensor) -> Tensor:
    """Give all images of one case the same say: the logarithm of their mean probabilities.

    The projections of a volume show one disease. Were each to explain its own most probable class, the product of
    their maps would combine evidence for different ones.

    Args:
        logits: (N, classes).

    Returns:
        (N, classes) with equal rows, in the type of ``logits``.
    """
    mean = logits.float().softmax(dim=1).mean(dim=0, keepdim=True)
    return mean.log().to(logits.dtype).expand_as(logits)


def _any_tumour(card: ModelCard) -> Tensor:
    tumours, others = len(card.tumour_classes), len(card.other_classes)
    weights = [1.0 / tumours if name in card.tumour_classes else -1.0 / others for name in card.classes]
    return torch.tensor(weights)
