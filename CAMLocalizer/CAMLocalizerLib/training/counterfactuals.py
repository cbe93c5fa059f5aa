"""Slices with their tumour taken away or put into another head, so that the site cannot stand for the tumour.

All tumour-free slices come from one collection. A network that tells the collections apart would therefore be right
without ever looking at a tumour. Three changes take that reward away: a slice of any site loses the region that
explains its label and becomes tumour-free; a slice loses a region of the same shape elsewhere and stays what it was
(so that the fill itself means nothing); a tumour-free slice gets a region of another slice and its label.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

REMOVED_SHARE, CONTROL_SHARE, TRANSPLANTED_SHARE = 0.15, 0.15, 0.25
CORE, RIM = 0.5, 0.25
MARGIN_PIXELS = 3
FILL_SIGMA = 5.0


@dataclass(frozen=True)
class Batch:
    """Slices (N, 1, H, W), evidence targets (N, H, W) and labels (N,)."""

    images: Tensor
    targets: Tensor
    labels: Tensor


def counterfactual(batch: Batch) -> Batch:
    """Change some slices of a batch as described above; randomness is torch's."""
    return transplant(remove(batch))


def remove(batch: Batch) -> Batch:
    """Fill the explained region of some tumour slices, which become tumour-free, and a place elsewhere in others."""
    draw = torch.rand(len(batch.labels))
    tumour = batch.labels > 0
    removed = tumour & (draw < REMOVED_SHARE) & (batch.targets.amax((1, 2)) >= CORE)
    control = tumour & (draw > 1 - CONTROL_SHARE)
    region = _grown(batch.targets > RIM)  # (N, H, W)
    elsewhere = _shifted(region) & ~region
    fill = torch.where(removed[:, None, None], region, elsewhere & control[:, None, None])
    images = torch.where(fill[:, None], filled(batch.images, fill[:, None]), batch.images)
    targets = torch.where(removed[:, None, None], torch.zeros_like(batch.targets), batch.targets)
    return Batch(images, targets, torch.where(removed, torch.zeros_like(batch.labels), batch.labels))


def transplant(batch: Batch) -> Batch:
    """Put the explained region of a random tumour slice into some tumour-free slices, with its label and target."""
    donors = torch.nonzero((batch.labels > 0) & (batch.targets.amax((1, 2)) >= CORE))[:, 0]
    if not len(donors):
        return batch
    donor = donors[torch.randint(len(donors), (len(batch.labels),))]
    receives = (batch.labels == 0) & (torch.rand(len(batch.labels)) < TRANSPLANTED_SHARE)
    region = batch.targets[donor] > CORE
    blend = functional.avg_pool2d(region[:, None].float(), 3, 1, 1) * receives[:, None, None, None]
    images = batch.images * (1 - blend) + batch.images[donor] * blend
    targets = torch.where(receives[:, None, None], batch.targets[donor] * region, batch.targets)
    return Batch(images, targets, torch.where(receives, batch.labels[donor], batch.labels))


def filled(images: Tensor, holes: Tensor) -> Tensor:
    """Guess what lies in holes (N, 1, H, W): the smooth surroundings, with the fine texture of the other side."""
    known = (~holes).to(images)
    smooth = _blur(images * known) / _blur(known).clamp(min=1e-3)
    mirrored = images.flip(3)
    return smooth + mirrored - _blur(mirrored)


def _grown(masks: Tensor) -> Tensor:
    size = 2 * MARGIN_PIXELS + 1
    return functional.max_pool2d(masks[:, None].float(), size, 1, MARGIN_PIXELS)[:, 0] > 0


def _shifted(masks: Tensor) -> Tensor:
    reach = masks.shape[1] // 4
    moves = torch.randint(-reach, reach + 1, (len(masks), 2)).tolist()
    return torch.stack([torch.roll(mask, tuple(move), (0, 1)) for mask, move in zip(masks, moves, strict=True)])


def _blur(images: Tensor) -> Tensor:
    reach = int(3 * FILL_SIGMA)
    offsets = torch.arange(-reach, reach + 1, dtype=images.dtype)
    kernel = torch.exp(-(offsets**2) / (2 * FILL_SIGMA**2))
    kernel = kernel / kernel.sum()
    columns = functional.conv2d(images, kernel.view(1, 1, 1, -1), padding=(0, reach))
    return functional.conv2d(columns, kernel.view(1, 1, -1, 1), padding=(reach, 0))
