"""Batches taken from arrays in memory, without any work per image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from .options import FitOptions


class Batch(NamedTuple):
    """Some images and what is known of them.

    Args:
        images: shape (N, C, H, W).
        labels: class of each image, shape (N,); for networks that learn a label per pixel shape (N, H, W).
        points: centre points (column, row) in pixels, NaN where unknown, shape (N, 2); None where none is known.
    """

    images: Tensor
    labels: Tensor
    points: Tensor | None = None


class InMemory(Dataset):
    """All images as tensors; several are taken at once."""

    def __init__(self, everything: Batch) -> None:
        self.everything = everything

    def __len__(self) -> int:
        return len(self.everything.images)

    def __getitem__(self, index: int) -> Batch:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return a batch; torch's loader asks for all of its indices at once."""
        chosen = torch.as_tensor(indices)
        return Batch(*(None if field is None else field[chosen] for field in self.everything))  # type: ignore[arg-type]


def make_loader(
    everything: Batch, options: FitOptions, *, shuffle: bool, replicas: int = 1, rank: int = 0
) -> DataLoader[Any]:
    """Give batches in an order that depends on the seed and the epoch alone, so that a resumed run sees the same one.

    Args:
        everything: all images.
        options: batch size, seed and workers.
        shuffle: a new order each epoch; a last batch of a single image is then left out, because batch
            normalisation learns nothing from it.
        replicas: processes that share the images.
        rank: which of them this is.
    """
    dataset = InMemory(everything)
    sampler: DistributedSampler[Any] = DistributedSampler(dataset, replicas, rank, shuffle=shuffle, seed=options.seed)
    count = len(sampler)
    return DataLoader(
        dataset,
        batch_size=options.batch_size,
        sampler=sampler,
        collate_fn=_as_it_is,
        drop_last=shuffle and count > options.batch_size and count % options.batch_size == 1,
        num_workers=options.num_workers,
        pin_memory=options.accelerator != "cpu" and torch.cuda.is_available(),
        generator=torch.Generator(),
    )


def _as_it_is(batch: Any) -> Any:
    return batch
