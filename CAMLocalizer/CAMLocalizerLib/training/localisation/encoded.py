"""Feature maps of a frozen encoder, computed once for many epochs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...networks import fold_batch_norm
from ..fit.appearance import change_appearance
from ..fit.augment import augment_batch
from ..fit.batches import Batch
from .contrast import cell_states

TILE = 4  # images at once on a processor: their maps stay in its cache
EVIDENCE_STRIDE = 8


class FrozenEncoder:
    """An encoder that is not trained, with its normalisation folded, in bfloat16 if requested.

    Args:
        encoder: gives the maps of strides 2, 4, 8 and 16; it is not changed.
        precision: ``32-true`` or one of Lightning's mixed precisions.
        device: where `encode_batch` works; images that are elsewhere are encoded where they are.
    """

    def __init__(self, encoder: nn.Module, precision: str = "32-true", device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self._dtype = {"32-true": torch.float32, "16-mixed": torch.float16}.get(precision, torch.bfloat16)
        self._folded = fold_batch_norm(copy.deepcopy(encoder)).to(self._dtype)

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Encode images (N, 1, H, W); gives float32 maps that gradients do not pass."""
        self._folded.to(images.device)
        tile = TILE if images.device.type == "cpu" else len(images)
        with torch.inference_mode():
            parts = [self._folded(self._laid_out(part)) for part in images.split(tile)]
            joined = [torch.cat(each).float() for each in zip(*parts, strict=True)]
        return [each.clone() for each in joined]  # inference tensors may not be saved for a backward pass

    def _laid_out(self, images: Tensor) -> Tensor:
        return images.to(self._dtype).contiguous(memory_format=torch.channels_last)


def evidence_maps(encoded: list[Tensor]) -> Tensor:
    """Join the maps of strides 8 and 16 at stride 8, (N, C, H / 8, W / 8)."""
    fine, coarse = encoded[2], encoded[3]
    return torch.cat([fine, functional.interpolate(coarse, size=fine.shape[-2:], mode="bilinear")], dim=1)


def encode_batch(encoder: FrozenEncoder, batch: Batch, contrast: str) -> Batch:
    """Replace images by their maps for `EvidenceHead`, float16 on the CPU, and targets by the states of their cells."""
    images = batch.images.to(encoder.device)
    maps = evidence_maps(encoder(images)).half().cpu()
    return batch._replace(images=maps, targets=cell_states(images, EVIDENCE_STRIDE, contrast).cpu())


def augmented_copies(
    encoder: FrozenEncoder,
    batch: Batch,
    weights: Tensor,
    *,
    count: int,
    contrast: str,
    seed: int,
    augmentation: str,
    chunk: int = 48,
    progress: Callable[[int, int], None] | None = None,
) -> Batch:
    """Draw images by weight, change each at random, and keep what the encoder makes of it.

    Args:
        encoder: see `FrozenEncoder`.
        batch: all training images.
        weights: how often each is drawn, shape (N,).
        count: copies in all.
        contrast: see `cell_states`.
        seed: of draws and changes.
        augmentation: one of ``AUGMENTATIONS``.
        chunk: copies at once.
        progress: called with (copies done, copies).

    Returns:
        See `encode_batch`.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.multinomial(weights, count, replacement=True, generator=generator)
    parts = []
    for chosen in drawn.split(chunk):
        images = batch.images[chosen].to(encoder.device)
        part = Batch(images, batch.labels[chosen], taught=_chosen(batch.taught, chosen))
        part = augment_batch(part, augmentation, generator)
        if augmentation == "strong":
            part = part._replace(images=change_appearance(part.images, generator))
        parts.append(encode_batch(encoder, part, contrast))
        if progress is not None:
            progress(min(len(parts) * chunk, count), count)
    return joined(parts)


def joined(parts: list[Batch]) -> Batch:
    """Put batches together field by field."""
    fields = zip(*parts, strict=True)
    return Batch(*(None if each[0] is None else torch.cat(each) for each in fields))  # type: ignore[arg-type]


def encoded_images(encoder: FrozenEncoder, batch: Batch, contrast: str, chunk: int = 32) -> Batch:
    """Encode images as they are; see `encode_batch`."""
    return joined([encode_batch(encoder, part, contrast) for part in _parts(batch, chunk)])


def _parts(batch: Batch, chunk: int) -> Iterator[Batch]:
    for chosen in np.array_split(np.arange(len(batch.images)), max(1, len(batch.images) // chunk)):
        index = torch.from_numpy(chosen)
        yield Batch(batch.images[index], batch.labels[index], taught=_chosen(batch.taught, index))


def _chosen(values: Tensor | None, index: Tensor) -> Tensor | None:
    return None if values is None else values[index]
