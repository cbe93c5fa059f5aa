"""Batches taken from arrays in memory, without any work per image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler, Sampler

from .options import FitOptions

UNKNOWN = 255


class Batch(NamedTuple):
    """Some images and what is known of them.

    Args:
        images: shape (N, C, H, W).
        labels: class of each image, shape (N,); for networks that learn a label per pixel shape (N, H, W).
        points: centre points (column, row) in pixels, NaN where unknown, shape (N, 2); None where none is known.
        targets: where the class is taken to be seen, uint8: 0, 1 or `UNKNOWN`, shape (N, h, w), a cell for one or
            several pixels; None where nothing is taken to be known.
        taught: whether the label of each image is to be learnt, bool, shape (N,); None for all.
    """

    images: Tensor
    labels: Tensor
    points: Tensor | None = None
    targets: Tensor | None = None
    taught: Tensor | None = None


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


class WeightedSampler(Sampler[int]):
    """Draws images with replacement by their weights; seed and epoch alone decide what is drawn.

    Args:
        weights: how often each image is drawn relative to the others, at least 0, shape (N,).
        samples: images per epoch, shared among the replicas.
        seed: of the draws.
        replicas: processes that share the images.
        rank: which of them this is.
    """

    def __init__(self, weights: Tensor, samples: int, seed: int, replicas: int = 1, rank: int = 0) -> None:
        self.weights, self.samples, self.seed = weights.double(), samples, seed
        self.replicas, self.rank, self.epoch = replicas, rank, 0

    def set_epoch(self, epoch: int) -> None:
        """Draw anew."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.samples // self.replicas

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        drawn = torch.multinomial(self.weights, len(self) * self.replicas, replacement=True, generator=generator)
        return iter(drawn[self.rank :: self.replicas].tolist())


def make_loader(
    everything: Batch,
    options: FitOptions,
    *,
    shuffle: bool,
    replicas: int = 1,
    rank: int = 0,
    weights: Tensor | None = None,
) -> DataLoader[Any]:
    """Return batches in an order that depends on the seed and the epoch alone, so that a resumed run sees the same one.

    Args:
        everything: all images.
        options: batch size, seed and workers.
        shuffle: a new order each epoch; a last batch of a single image is then left out, because batch
            normalisation learns nothing from it.
        replicas: processes that share the images.
        rank: which of them this is.
        weights: how often each image is drawn, see `WeightedSampler`; None to take each once.
    """
    dataset = InMemory(everything)
    sampler: WeightedSampler | DistributedSampler[Any]
    if weights is None:
        sampler = DistributedSampler(dataset, replicas, rank, shuffle=shuffle, seed=options.seed)
    else:
        sampler = WeightedSampler(weights, options.images_per_epoch or len(dataset), options.seed, replicas, rank)
    count = len(sampler)
    return DataLoader(
        dataset,
        batch_size=options.batch_size,
        sampler=sampler,
        collate_fn=_identity,
        drop_last=shuffle and count > options.batch_size and count % options.batch_size == 1,
        num_workers=options.num_workers,
        pin_memory=options.accelerator != "cpu" and torch.cuda.is_available(),
        generator=torch.Generator(),
    )


def _identity(batch: Any) -> Any:
    return batch
