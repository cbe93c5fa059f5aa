"""Maps of a frozen encoder, computed once and kept: most of the work of many epochs."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..fit.appearance import change_appearance
from ..fit.augment import augment_batch
from ..fit.batches import Batch
from ..localisation.encoded import FrozenEncoder, joined

CHUNK = 32
MOST_BYTES = 2 * 1024**3


class PackedMaps:
    """Packs the maps of several strides of an image into one row of half-precision numbers, and back.

    Args:
        encoder: gives the maps.
        size: height and width of the images.
    """

    def __init__(self, encoder: FrozenEncoder, size: tuple[int, int]) -> None:
        self.encoder = encoder
        self.shapes = [tuple(each.shape[1:]) for each in encoder(torch.zeros(1, 1, *size))]

    @property
    def bytes_per_image(self) -> int:
        """Memory that the maps of an image take."""
        return 2 * sum(math.prod(shape) for shape in self.shapes)

    def pack(self, images: Tensor) -> Tensor:
        """Encode images (N, 1, H, W); gives float16, shape (N, numbers, 1, 1)."""
        maps = self.encoder(images.to(self.encoder.device))
        return torch.cat([each.flatten(1) for each in maps], dim=1).half().cpu()[:, :, None, None]

    def __call__(self, packed: Tensor) -> list[Tensor]:
        """Return the maps of packed images, float32, (N, C, h, w) each."""
        parts = packed.flatten(1).split([math.prod(shape) for shape in self.shapes], dim=1)
        return [part.float().unflatten(1, shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def fits(self, images: int) -> bool:
        """Return whether the maps of so many images may be kept in memory."""
        return images * self.bytes_per_image <= MOST_BYTES


def spread_draws(weights: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draw images as often as their weights say, as evenly as whole numbers allow (systematic sampling).

    Args:
        weights: at least 0, shape (N,).
        count: draws.
        generator: of the one random number that is needed, and of the order.

    Returns:
        Indices, shape (count,), in random order.
    """
    shares = weights.double().cumsum(0) / weights.double().sum()
    start = torch.rand(1, generator=generator, dtype=torch.float64)
    drawn = torch.searchsorted(shares, (torch.arange(count) + start) / count, right=True).clamp(max=len(weights) - 1)
    return drawn[torch.randperm(count, generator=generator)]


def packed_copies(
    packed: PackedMaps,
    batch: Batch,
    weights: Tensor,
    *,
    count: int,
    seed: int,
    augmentation: str,
    progress: Callable[[int, int], None] | None = None,
) -> Batch:
    """Draw images by weight, change each at random together with its targets, and keep the encoder's maps of it.

    Args:
        packed: encoder and layout of the maps.
        batch: all training images.
        weights: how often each is drawn, shape (N,).
        count: copies in all.
        seed: of draws and changes.
        augmentation: one of ``AUGMENTATIONS``.
        progress: called with (copies done, copies).
    """
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for chosen in spread_draws(weights, count, generator).split(CHUNK):
        part = augment_batch(_chosen(batch, chosen), augmentation, generator)
        if augmentation == "strong":
            part = part._replace(images=change_appearance(part.images, generator))
        parts.append(part._replace(images=packed.pack(part.images)))
        if progress is not None:
            progress(min(len(parts) * CHUNK, count), count)
    return joined(parts)


def packed_images(packed: PackedMaps, batch: Batch) -> Batch:
    """Keep the encoder's maps of images as they are."""
    chunks = torch.arange(len(batch.images)).split(CHUNK)
    parts = [_chosen(batch, chosen) for chosen in chunks]
    return joined([part._replace(images=packed.pack(part.images)) for part in parts])


def _chosen(batch: Batch, indices: Tensor) -> Batch:
    return Batch(*(None if field is None else field[indices] for field in batch))  # type: ignore[arg-type]
