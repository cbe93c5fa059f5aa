"""Reference levels of a network's maps, so that the maps of different volumes compare."""

from __future__ import annotations

import numpy as np
import torch

from ..cam import PyramidGradCAM
from ..networks import DCFPN, fold_batch_norm
from .evidence import tumour_direction
from .slices import SliceSet

MOST_SLICES = 400


def map_levels(network: DCFPN, slices: SliceSet, seed: int = 0) -> dict[int, float]:
    """Median over tumour slices of the highest value of each scale's raw map.

    Args:
        network: trained; left as it is.
        slices: what it was trained on; at most 400 tumour slices are drawn from it.
        seed: seed of the draw.

    Returns:
        Scale to level, positive.
    """
    tumours = np.flatnonzero(slices.labels)
    drawn = np.random.default_rng(seed).permutation(tumours)[:MOST_SLICES]
    images = torch.from_numpy(slices.images[drawn])[:, None]  # (N, 1, H, W)
    direction = tumour_direction(network.head.out_features)
    with PyramidGradCAM(fold_batch_norm(network)) as method:
        parts = [method(part, direction.expand(len(part), -1)).maps for part in images.split(16)]
    peaks = {scale: torch.cat([part[scale].amax((1, 2)) for part in parts]) for scale in parts[0]}
    return {scale: float(values.float().median().clamp(min=1e-12)) for scale, values in peaks.items()}
