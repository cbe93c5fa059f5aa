"""Runs a classifier over the slices or projections of a volume, batch by batch, with what memory there is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..cam import CAMResult, build_method
from ..core import CAMLocalizerError, SettingsError
from ..models import ModelCard
from ..views import normalise_slices
from .device import is_out_of_memory
from .targets import common_logits, target_classes, target_weights

Progress = Callable[[int, int], None]
BLANK_TOLERANCE = 1e-5
logger = logging.getLogger("CAMLocalizerLib")


class ImageStack(Protocol):
    """Images of a volume that are made a few at a time."""

    def __len__(self) -> int: ...

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Images that show enough to be judged, shape (images,)."""
        ...

    def batch(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return images ``start`` to ``stop`` (excluded), shape (images, height, width)."""
        ...


@dataclass
class SliceResults:
    """Arrays that the batches are written into, allocated once.

    Args:
        maps: scale to raw maps, float32, (slices, h, w).
        probabilities: float32, (slices, classes).
        log_probabilities: their logarithms, computed from the logits, float32, (slices, classes).
        present: slices that the model saw, bool, (slices,).
        targets: int64, (slices,).
    """

    maps: dict[int, NDArray[np.float32]]
    probabilities: NDArray[np.float32]
    log_probabilities: NDArray[np.float32]
    present: NDArray[np.bool_]
    targets: NDArray[np.int64]

    @classmethod
    def blank(cls, card: ModelCard, count: int, sizes: Mapping[int, tuple[int, int]]) -> SliceResults:
        """Start with what slices without content get: zero maps, and certainty that there is no tumour.

        Where every class is a tumour, a blank slice speaks for none of them more than for the others.
        """
        probabilities = np.full((count, len(card.classes)), 1.0 / len(card.classes), dtype=np.float32)
        if card.other_classes:
            probabilities[:] = np.array(card.classes) == card.other_classes[0]
        targets = np.full(count, card.classes.index(card.tumour_classes[0]), dtype=np.int64)
        maps = {scale: np.zeros((count, height, width), np.float32) for scale, (width, height) in sizes.items()}
        with np.errstate(divide="ignore"):
            logarithms = np.log(probabilities)
        return cls(maps, probabilities, logarithms, np.zeros(count, dtype=bool), targets)

    def put(self, scale: int, rows: NDArray[np.int64], maps: NDArray[np.float32]) -> None:
        """Write the maps of some slices; the first ones set the size, which is smaller in networks without padding."""
        if maps.shape[1:] != self.maps[scale].shape[1:]:
            self.maps[scale] = np.zeros((len(self.targets), *maps.shape[1:]), dtype=np.float32)
        self.maps[scale][rows] = maps


@dataclass
class SliceRunner:
    """Classifies slices and explains each; halves the batch, then turns to the CPU, when memory runs out.

    Args:
        network: for inference, on ``device``.
        layers: scale to layer name, the scales to be explained.
        card: what the network expects and what it says.
        device: where it runs now.
        dtype: of images and network.
        batch_size: slices at once, at least 1.
        map: name of the method that makes the maps.
        notes: sentences for the user on what was done otherwise than asked.
    """

    network: nn.Module
    layers: Mapping[int, str]
    card: ModelCard
    device: torch.device
    dtype: torch.dtype
    batch_size: int
    map: str = "pg-cam"
    notes: list[str] = field(default_factory=list)

    images: ClassVar[str] = "slices"
    fewest: ClassVar[int] = 1
    fewest_words: ClassVar[str] = "a single slice"

    def run(self, stack: ImageStack, results: SliceResults, progress: Progress | None) -> None:
        """Fill ``results`` slice by slice; ``progress`` is told (slices done, slices) and may raise to cancel."""
        start, total = 0, len(stack)
        self.batch_size = max(self.batch_size, self.fewest)
        while start < total:
            stop = min(start + self.batch_size, total)
            if not self._try_batch(stack, start, stop, results):
                self._retreat()
                continue
            start = stop
            if progress is not None:
                progress(start, total)

    def _try_batch(self, stack: ImageStack, start: int, stop: int, results: SliceResults) -> bool:
        try:
            self._batch(stack.batch(start, stop), stack.filled[start:stop], start, results)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return False  # what the failed batch held is free once its frames are gone, before the next try
        return True

    def _retreat(self) -> None:
        if self.batch_size > self.fewest:
            self.batch_size = max(self.batch_size // 2, self.fewest)
            self._tell(f"{self.device} ran out of memory: continuing with {self.batch_size} {self.images} at once")
        elif self.device.type != "cpu":
            self._tell(
                f"{self.device} ran out of memory with {self.fewest_words}: continuing with the CPU, which is slower"
            )
            self.device = torch.device("cpu")
            self.network.to(self.device)
        else:
            raise SettingsError(
                f"not enough memory for {self.fewest_words}; close other programs or use a smaller model"
            )
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _tell(self, note: str) -> None:
        self.notes.append(note)
        logger.warning(note)

    def _batch(self, slices: NDArray[np.float32], filled: NDArray[np.bool_], start: int, results: SliceResults) -> None:
        present = np.flatnonzero(has_content(slices) & filled)
        if not present.size:
            return
        normalised = normalise_slices(slices[present], self.card.normalisation)
        images = torch.from_numpy(normalised)[:, None].to(self.device, self.dtype)  # (N, 1, H, W)
        explained = self._explain(images.contiguous(memory_format=torch.channels_last))
        logits = explained.logits.float()
        if not bool(logits.isfinite().all()):
            raise CAMLocalizerError(
                f"{self.card.name} gave no finite score for {self.images} {start} to {start + len(slices) - 1}; "
                "use precision float32 or another model"
            )
        rows = start + present
        results.present[rows] = True
        calibrated = logits / self.card.temperature
        results.probabilities[rows] = calibrated.softmax(dim=1).cpu().numpy()
        results.log_probabilities[rows] = calibrated.log_softmax(dim=1).cpu().numpy()
        results.targets[rows] = target_classes(self._explained_logits(logits), self.card).cpu().numpy()
        for scale in self.layers:
            results.put(scale, rows, explained.maps[scale].float().cpu().numpy())

    def _explain(self, images: Tensor) -> CAMResult:
        tile = None if self.fewest == 1 else len(images)
        with build_method(self.map, self.network, self.layers, tile=tile) as method:
            return method(images, lambda logits: target_weights(self._explained_logits(logits), self.card))

    def _explained_logits(self, logits: Tensor) -> Tensor:
        """Return the logits, (N, classes), that say which class the map of each image explains: its own."""
        return logits


class ProjectionRunner(SliceRunner):
    """Classifies the two projections of a volume together; their maps explain one class, see `common_logits`."""

    images = "projections"
    fewest = 2
    fewest_words = "both projections"

    def _explained_logits(self, logits: Tensor) -> Tensor:
        return common_logits(logits)


def has_content(slices: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which slices, shape (N, height, width), are not blank; blank ones are skipped in inference and training."""
    lowest, highest = slices.min(axis=(1, 2)), slices.max(axis=(1, 2))
    return highest - lowest > BLANK_TOLERANCE * np.maximum(np.abs(lowest), np.abs(highest))
