"""Reference levels of a network's maps, which make the maps of different volumes comparable."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from ..cam import GradCAM, build_method
from ..localizer.targets import target_weights
from ..models import ModelCard
from ..networks import fold_batch_norm
from .images import ImageSet

MOST_IMAGES = 400


def reference_levels(network: nn.Module, images: ImageSet, card: ModelCard, seed: int = 0) -> dict[int, float]:
    """Return the median over tumour images of the highest value of each scale's raw map.

    Args:
        network: trained, in evaluation mode; left as it is.
        images: what it was trained on; at most 400 images of the card's tumour classes are drawn from it.
        card: says what the maps explain.
        seed: seed of the draw.

    Returns:
        Scale to level, positive.
    """
    tumours = np.flatnonzero(np.isin(np.array(images.classes)[images.labels], card.tumour_classes))
    drawn = np.random.default_rng(seed).permutation(tumours)[:MOST_IMAGES]
    chosen, folded = torch.from_numpy(images.images[drawn]), fold_batch_norm(network)
    layers: Mapping[int, str] = folded.cam_layers  # type: ignore[assignment]
    with build_method(card.map, folded, layers) as method:
        return _median_peaks(method, chosen, lambda logits: target_weights(logits, card))


def _median_peaks(method: GradCAM, images: Tensor, targets: Callable[[Tensor], Tensor]) -> dict[int, float]:
    parts = [method(part, targets).maps for part in images.split(16)]
    peaks = {scale: torch.cat([part[scale].amax((1, 2)) for part in parts]) for scale in parts[0]}
    return {scale: float(values.float().median().clamp(min=1e-12)) for scale, values in peaks.items()}
