"""Pseudo-masks: the presumed extent of each image's labelled structure, from maps and the image itself."""

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
from ..fit.batches import UNKNOWN, Batch
from ..images import ImageSet
from .balance import groups, most_certain
from .components import best_component, largest
from .encoded import FrozenEncoder, evidence_maps
from .objective import LocalisingNetwork
from .surroundings import Surroundings, spread

LEAST_PEAK = 2.0  # evidence that the strongest cell of the present class is raised to
FINEST_SCALES = (1, 2, 3)
LEAST_MAP_PEAK = 0.05
LEAST_EVIDENCE_AGREEMENT, LEAST_MAP_AGREEMENT = 0.2, 0.4  # below which no component of the image shows the tumour
AGREEING, EQUAL = 0.6, 0.75  # agreement from which image and map share the border, and from which the image has it
LEAST_PROBABILITY = 1e-4
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class PseudoMasks:
    """One mask per image.

    Args:
        masks: uint8, 0, 1 or `UNKNOWN`, shape (N, H / 2, W / 2).
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
    surroundings: Surroundings,
    tumours: Sequence[int],
    *,
    progress: Progress | None = None,
) -> PseudoMasks:
    """Make the first pseudo-masks.

    Each is the component of the image that agrees best with the evidence for the image's own class. Where none agrees,
    as the border is faint, it is the region in which evidence, asymmetry and anomaly together are highest. So it is
    where the label is not taught, as its site explains it, with the evidence for any class, if the organ is symmetric
    in this plane.

    Args:
        head: trained `EvidenceHead`, in evaluation mode.
        encoder: what its maps come from.
        batch: the images and which labels are taught.
        surroundings: of the same images.
        tumours: indices of the tumour classes.
        progress: called with (images with a tumour done, all of them).
    """
    head.to(encoder.device)
    images, side = surroundings.images, surroundings.side
    taught = np.ones(len(images), dtype=bool) if batch.taught is None else batch.taught.numpy()
    masks, confidence = np.zeros((len(images), *side), np.uint8), np.zeros(len(images))
    numbers = {label: number for number, label in enumerate(tumours)}
    shown = np.flatnonzero(np.isin(images.labels, list(tumours)))
    for done, index in enumerate(shown.tolist(), 1):
        evidence = _mirror_averaged(head, encoder, batch.images[index : index + 1])[0]
        if taught[index]:
            own, body = evidence[numbers[int(images.labels[index])]], surroundings.body(index)
            likely = spread(_raised(own).sigmoid(), side)
            masks[index], confidence[index] = best_component(surroundings.image(index), likely * body, body)
            if confidence[index] < LEAST_EVIDENCE_AGREEMENT:
                masks[index], _ = surroundings.region(index, spread(own, side))
        elif surroundings.symmetric(index):
            any_class = spread(evidence.logsumexp(0), side)
            masks[index], confidence[index] = surroundings.region(index, any_class)
        if progress is not None:
            progress(done, len(shown))
    return PseudoMasks(masks, confidence)


def masks_from_maps(
    network: LocalisingNetwork,
    encoder: FrozenEncoder,
    surroundings: Surroundings,
    tumours: Sequence[int],
    *,
    progress: Progress | None = None,
) -> PseudoMasks:
    """Make the pseudo-masks of a further round from the network's own maps.

    Each is the component with most probability above half of the highest one. Its border is drawn by the component of
    the image that agrees best with the map, as far as both agree. Where none agrees, the mask is the region in which
    map, asymmetry and anomaly together are highest.

    Args:
        network: trained in the last round, in evaluation mode.
        encoder: that of the network.
        surroundings: of all training images.
        tumours: indices of the tumour classes.
        progress: called with (images with a tumour done, all of them).
    """
    images, side = surroundings.images, surroundings.side
    masks, confidence = np.zeros((len(images), *side), np.uint8), np.zeros(len(images))
    folded = copy.deepcopy(network)
    folded.network = cast(EncoderDCFPN, fold_batch_norm(network.network))
    folded.to(encoder.device)
    shown = np.flatnonzero(np.isin(images.labels, list(tumours)))
    for done, index in enumerate(shown.tolist(), 1):
        probability = _cell_probability(folded, encoder, torch.from_numpy(images.images[index : index + 1]), side)
        image, body = surroundings.image(index), surroundings.body(index)
        masks[index], confidence[index], agreement = _redrawn(image, body, probability)
        if agreement < LEAST_MAP_AGREEMENT:
            bounded = probability.clip(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
            masks[index], _ = surroundings.region(index, np.log(bounded / (1 - bounded)))
        if progress is not None:
            progress(done, len(shown))
    return PseudoMasks(masks, confidence)


def _redrawn(
    image: NDArray[np.float32], body: NDArray[np.bool_], probability: NDArray[np.float32]
) -> tuple[NDArray[np.bool_], float, float]:
    """Draw a mask from a map; gives mask, confidence, and the agreement of the map with a component of the image."""
    above = probability > max(probability.max(), LEAST_MAP_PEAK) / 2
    if not above.any():
        return above, 0.0, 0.0
    mask = largest(above, probability)
    confidence = float(probability[mask].mean() * probability[mask].sum() / probability[above].sum())
    component, agreement = best_component(image, probability, body)
    if agreement > EQUAL:
        mask = component
    elif agreement > AGREEING:
        mask = ndimage.gaussian_filter(component.astype(np.float32) + mask, 1.0) > 0.9
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(mask)
    return filled, confidence, agreement


@torch.no_grad()
def _mirror_averaged(head: nn.Module, encoder: FrozenEncoder, images: Tensor) -> Tensor:
    """Return the evidence of an image and its mirror image, averaged, (1, T, h, w)."""
    images = images.to(encoder.device)
    mirrored = head(evidence_maps(encoder(images.flip(-1)))).flip(-1)
    return (head(evidence_maps(encoder(images))) + mirrored).float().cpu() / 2


def _raised(evidence: Tensor) -> Tensor:
    """Raise evidence so that the strongest cell is at least sure."""
    return evidence + max(0.0, LEAST_PEAK - float(evidence.max()))


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
