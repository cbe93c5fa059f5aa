"""Pseudo-masks: what each image's label is taken to name, from maps and from the image itself."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional

from ...networks import EncoderDCFPN, fold_batch_norm
from ..fit.appearance import FOREGROUND
from ..fit.batches import UNKNOWN, Batch
from ..images import ImageSet
from .asymmetry import asymmetric_component, asymmetry
from .balance import groups, most_certain
from .components import best_component, foreground, largest
from .encoded import FrozenEncoder, evidence_maps
from .objective import LocalisingNetwork

PIXELS_PER_CELL = 2  # of a pseudo-mask
UNSYMMETRIC_PLANE = "sagittal"
LEAST_PEAK = 2.0  # evidence that the strongest cell of the present class is raised to
FINEST_SCALES = (1, 2, 3)
LEAST_MAP_PEAK = 0.05
AGREEING, EQUAL = 0.6, 0.75  # agreement from which image and map share the border, and from which the image has it
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class PseudoMasks:
    """One mask per image.

    Args:
        masks: uint8, 0 or 1, shape (N, H / 2, W / 2).
        confidence: at least 0, shape (N,); 0 where no mask was found.
    """

    masks: NDArray[np.uint8]
    confidence: NDArray[np.float64]

    def targets(self, images: ImageSet, tumours: Sequence[int], keep: float) -> Tensor:
        """Return what the decoder learns: the most certain masks of each class and site; 0 everywhere without tumour.

        Args:
            images: the images of these masks.
            tumours: indices of the tumour classes.
            keep: share that is kept.

        Returns:
            uint8, 0, 1 or `UNKNOWN`, shape (N, H / 2, W / 2).
        """
        free = ~np.isin(images.labels, list(tumours))
        kept = most_certain(self.confidence, groups(images), keep) & ~free
        targets = np.full(self.masks.shape, UNKNOWN, dtype=np.uint8)
        targets[kept], targets[free] = self.masks[kept], 0
        return torch.from_numpy(targets)


def masks_from_evidence(
    head: nn.Module,
    encoder: FrozenEncoder,
    batch: Batch,
    images: ImageSet,
    tumours: Sequence[int],
    *,
    symmetric: bool,
    progress: Progress | None = None,
) -> PseudoMasks:
    """Make the first pseudo-masks.

    Each is the component of the image that agrees best with the evidence for the image's own class. Where that label is
    not taught, as its site explains it, it is the most asymmetric component, if the organ is symmetric in this plane.

    Args:
        head: trained `EvidenceHead`, in evaluation mode.
        encoder: what its maps come from.
        batch: the images and which labels are taught.
        images: the same images with classes and planes.
        tumours: indices of the tumour classes.
        symmetric: whether the organ is.
        progress: called with (images done, images).
    """
    head.to(encoder.device)
    taught = np.ones(len(images), dtype=bool) if batch.taught is None else batch.taught.numpy()
    side = images.images.shape[2] // PIXELS_PER_CELL, images.images.shape[3] // PIXELS_PER_CELL
    masks, confidence = np.zeros((len(images), *side), np.uint8), np.zeros(len(images))
    numbers = {label: number for number, label in enumerate(tumours)}
    for index in range(len(images)):
        if (label := int(images.labels[index])) in numbers:
            image = _halved(images.images[index, 0])
            body = foreground(image, FOREGROUND)
            if taught[index]:
                evidence = _mirror_averaged(head, encoder, batch.images[index : index + 1])[0, numbers[label]]
                masks[index], confidence[index] = best_component(image, _spread(evidence, side) * body, body)
            elif symmetric and images.planes is not None and images.planes[index] != UNSYMMETRIC_PLANE:
                masks[index], confidence[index] = asymmetric_component(asymmetry(image, body))
        if progress is not None:
            progress(index + 1, len(images))
    return PseudoMasks(masks, confidence)


def masks_from_maps(
    network: LocalisingNetwork,
    encoder: FrozenEncoder,
    images: ImageSet,
    tumours: Sequence[int],
    *,
    progress: Progress | None = None,
) -> PseudoMasks:
    """Make the pseudo-masks of a further round from the network's own maps.

    Each is the component with most probability above half of the highest one. Its border is drawn by the component of
    the image that agrees best with the map, as far as both agree.

    Args:
        network: trained in the last round, in evaluation mode.
        encoder: that of the network.
        images: all training images.
        tumours: indices of the tumour classes.
        progress: called with (images done, images).
    """
    side = images.images.shape[2] // PIXELS_PER_CELL, images.images.shape[3] // PIXELS_PER_CELL
    masks, confidence = np.zeros((len(images), *side), np.uint8), np.zeros(len(images))
    folded = copy.deepcopy(network)
    folded.network = cast(EncoderDCFPN, fold_batch_norm(network.network))
    folded.to(encoder.device)
    for index in range(len(images)):
        if int(images.labels[index]) in tumours:
            probability = _cell_probability(folded, encoder, torch.from_numpy(images.images[index : index + 1]), side)
            masks[index], confidence[index] = _redrawn(_halved(images.images[index, 0]), probability)
        if progress is not None:
            progress(index + 1, len(images))
    return PseudoMasks(masks, confidence)


def _redrawn(image: NDArray[np.float32], probability: NDArray[np.float32]) -> tuple[NDArray[np.bool_], float]:
    above = probability > max(probability.max(), LEAST_MAP_PEAK) / 2
    if not above.any():
        return above, 0.0
    mask = largest(above, probability)
    confidence = float(probability[mask].mean() * probability[mask].sum() / probability[above].sum())
    component, agreement = best_component(image, probability, foreground(image, FOREGROUND))
    if agreement > EQUAL:
        mask = component
    elif agreement > AGREEING:
        mask = ndimage.gaussian_filter(component.astype(np.float32) + mask, 1.0) > 0.9
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(mask)
    return filled, confidence


@torch.no_grad()
def _mirror_averaged(head: nn.Module, encoder: FrozenEncoder, images: Tensor) -> Tensor:
    """Return the evidence of an image and its mirror image, averaged, (1, T, h, w)."""
    images = images.to(encoder.device)
    mirrored = head(evidence_maps(encoder(images.flip(-1)))).flip(-1)
    return (head(evidence_maps(encoder(images))) + mirrored).float().cpu() / 2


def _spread(evidence: Tensor, side: tuple[int, int]) -> NDArray[np.float32]:
    """Turn evidence (h, w) into probabilities at the masks' resolution; the strongest cell is at least sure.

    Cells of the encoder see half a cell further down and right than where they are stored; mirroring has evened that
    out for the columns, so rows are moved by half a cell.
    """
    raised = evidence + max(0.0, LEAST_PEAK - float(evidence.max()))
    fine = functional.interpolate(raised.sigmoid()[None, None], size=side, mode="bilinear")[0, 0].numpy()
    down = side[0] // evidence.shape[0] // 2
    return np.concatenate([np.repeat(fine[:1], down, axis=0), fine[: len(fine) - down]])


@torch.no_grad()
def _cell_probability(
    network: LocalisingNetwork, encoder: FrozenEncoder, images: Tensor, side: tuple[int, int]
) -> NDArray[np.float32]:
    """Average the probabilities of the fine scales, of an image and its mirror image, (h, w)."""
    total = torch.zeros(side)
    for mirrored in (False, True):
        given = (images.flip(-1) if mirrored else images).to(encoder.device)
        cells = network.cell_logits(network.maps(network.network.features_of(encoder(given))))
        for scale in FINEST_SCALES:
            fine = functional.interpolate(cells[scale].sigmoid(), size=side, mode="bilinear")[0, 0]
            total += (fine.flip(-1) if mirrored else fine).cpu()
    return (total / (2 * len(FINEST_SCALES))).numpy()


def _halved(image: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = image.shape
    cells = image.reshape(height // PIXELS_PER_CELL, PIXELS_PER_CELL, width // PIXELS_PER_CELL, PIXELS_PER_CELL)
    means: NDArray[np.float32] = cells.mean(axis=(1, 3))
    return means
