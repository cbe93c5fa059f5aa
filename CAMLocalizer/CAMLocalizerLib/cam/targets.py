"""Targets of maps: one class per image, or a weighted sum of class scores."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ..core import SettingsError

Targets = int | Tensor | Callable[[Tensor], Tensor] | None


def resolve_targets(targets: Targets, logits: Tensor) -> Tensor:
    """Resolve and check the targets of a batch.

    Args:
        targets: None for each image's highest logit, one class for all images, classes (N,) of an integer dtype, class
            weights (N, classes) of a floating dtype, or a function that returns one of these for the logits.
        logits: (N, classes).

    Returns:
        Classes (N,) int64 or class weights (N, classes), on the logits' device.

    Raises:
        SettingsError: targets of another shape or dtype, or a class that the model does not have.
    """
    if targets is None:
        return logits.detach().argmax(dim=1)
    chosen = targets(logits.detach()) if callable(targets) else targets
    given = torch.as_tensor(chosen, device=logits.device)
    if given.is_floating_point() and given.shape == logits.shape:
        return given.detach()
    return _checked_classes(given, *logits.shape)


def class_weights(targets: Tensor, logits: Tensor) -> Tensor:
    """Express resolved targets as weights (N, classes) of the score ``(logits * weights).sum(1)``."""
    if targets.is_floating_point():
        return targets.to(logits.dtype)
    return functional.one_hot(targets, logits.shape[1]).to(logits.dtype)


def _checked_classes(given: Tensor, images: int, classes: int) -> Tensor:
    whole = not (given.is_floating_point() or given.is_complex() or given.dtype == torch.bool)
    expanded = given.expand(images) if given.dim() == 0 else given
    if not whole or expanded.shape != (images,):
        raise SettingsError(
            f"targets have shape {tuple(given.shape)} and dtype {given.dtype}, expected classes ({images},) of an "
            f"integer dtype or class weights ({images}, {classes}) of a floating dtype"
        )
    if images and (int(expanded.min()) < 0 or int(expanded.max()) >= classes):
        raise SettingsError(f"target classes must be 0 to {classes - 1}, got {sorted(set(expanded.tolist()))}")
    return expanded.to(torch.int64)
