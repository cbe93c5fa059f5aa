"""Random changes of position, of images together with their labels per pixel and their points."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from .batches import Batch

SHIFT = 0.1  # of the sides
ROTATION_RAD = math.radians(15)
LOG_ZOOM = math.log(1.15)


def augment_batch(batch: Batch, name: str, generator: torch.Generator) -> Batch:
    """Change the position of what the images show.

    Flips and shifts move whole pixels; ``affine`` interpolates. What enters from outside is the border's value.

    Args:
        batch: images; labels per pixel, targets and points move with them. Targets have the images' size or a whole
            fraction of it.
        name: one of ``AUGMENTATIONS``; ``strong`` moves as ``affine`` does, see :func:`.appearance.change_appearance`
            for the rest.
        generator: on the CPU; decides everything.

    Returns:
        A new batch; points that leave the image become NaN, targets get the images' size.
    """
    if name == "none":
        return batch
    count, _, height, width = batch.images.shape
    mirrored = _coins(count, generator)
    upside_down = _coins(count, generator) if name == "flips" else torch.zeros(count, dtype=torch.bool)
    turned = name in ("affine", "strong")
    reach = SHIFT if turned or name == "shift" else 0.0
    columns = _sources(width, mirrored, _shifts(count, width, reach, generator))
    rows = _sources(height, upside_down, _shifts(count, height, reach, generator))
    moved = _gather(batch, rows, columns)
    return _turn(moved, generator) if turned else moved


def _coins(count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) < 0.5


def _shifts(count: int, side: int, reach: float, generator: torch.Generator) -> Tensor:
    most = int(side * reach)
    return torch.randint(-most, most + 1, (count,), generator=generator)


def _sources(side: int, reverse: Tensor, shift: Tensor) -> Tensor:
    """Return the pixel that each pixel along a side is taken from, shape (N, side); it may lie outside."""
    straight = torch.arange(side).expand(len(reverse), side)
    return torch.where(reverse[:, None], side - 1 - straight, straight) + shift[:, None]


def _gather(batch: Batch, rows: Tensor, columns: Tensor) -> Batch:
    images = batch.images
    device, (height, width) = images.device, images.shape[-2:]
    j = rows.clamp(0, height - 1).to(device)[:, :, None]  # (N, H, 1)
    i = columns.clamp(0, width - 1).to(device)[:, None, :]  # (N, 1, W)
    n = torch.arange(len(images), device=device)[:, None, None]
    moved = images[n, :, j, i].permute(0, 3, 1, 2)  # (N, H, W, C) to (N, C, H, W)
    labels = batch.labels[n, j, i] if batch.labels.ndim == 3 else batch.labels
    points = None if batch.points is None else _moved_points(batch.points, rows.to(device), columns.to(device))
    targets = None if batch.targets is None else _enlarged(batch.targets, images.shape[-2:])[n, j, i]
    return batch._replace(images=moved, labels=labels, points=points, targets=targets)


def _enlarged(targets: Tensor, size: torch.Size) -> Tensor:
    """Repeat the value of each cell over its pixels: (N, h, w) to (N, H, W)."""
    rows, columns = (side // cells for side, cells in zip(size, targets.shape[1:], strict=True))
    return targets.repeat_interleave(rows, dim=1).repeat_interleave(columns, dim=2)


def _moved_points(points: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Invert the sources: a point at source p of a side that starts at s and steps by d lies at (p - s) / d."""
    starts = torch.stack([columns[:, 0], rows[:, 0]], dim=1)  # (N, 2)
    steps = torch.stack([columns[:, 1] - columns[:, 0], rows[:, 1] - rows[:, 0]], dim=1)
    return _inside((points - starts) / steps, columns.shape[1], rows.shape[1])


def _inside(points: Tensor, width: int, height: int) -> Tensor:
    ends = points.new_tensor([width, height]) - 0.5
    outside = ((points < -0.5) | (points > ends)).any(dim=1, keepdim=True)
    return torch.where(outside, math.nan, points)


def _turn(batch: Batch, generator: torch.Generator) -> Batch:
    """Rotate and zoom about the centre."""
    count, _, height, width = batch.images.shape
    angle = (torch.rand(count, generator=generator) * 2 - 1) * ROTATION_RAD
    zoom = torch.exp((torch.rand(count, generator=generator) * 2 - 1) * LOG_ZOOM)
    cosine, sine = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    # From new to old offsets in pixels about the centre; affine_grid counts in half sides.
    matrix = torch.stack([torch.stack([cosine, -sine], 1), torch.stack([sine, cosine], 1)], 1)  # (N, 2, 2)
    half = torch.tensor([width / 2, height / 2])
    theta = torch.cat([matrix * half / half[:, None], torch.zeros(count, 2, 1)], dim=2)
    device = batch.images.device
    field = functional.affine_grid(theta.to(device, batch.images.dtype), [count, 1, height, width], align_corners=False)
    images = functional.grid_sample(batch.images, field, padding_mode="border", align_corners=False)
    labels = batch.labels
    if labels.ndim == 3:
        nearest = functional.grid_sample(
            labels[:, None].to(images.dtype), field, mode="nearest", padding_mode="border", align_corners=False
        )
        labels = nearest[:, 0].to(labels.dtype)
    targets = batch.targets
    if targets is not None:
        nearest = functional.grid_sample(
            targets[:, None].to(images.dtype), field, mode="nearest", padding_mode="border", align_corners=False
        )
        targets = nearest[:, 0].to(targets.dtype)
    points = batch.points
    if points is not None:
        centre = points.new_tensor([(width - 1) / 2, (height - 1) / 2])
        inverse = torch.linalg.inv(matrix).to(points.device, points.dtype)
        points = _inside((inverse @ (points - centre)[:, :, None])[:, :, 0] + centre, width, height)
    return batch._replace(images=images, labels=labels, points=points, targets=targets)
