"""How well the maps of CAM, SAM and HESAM lie on the nodules, beside maps that need no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from CAMLocalizerLib.cam import CAM, HESAM, SAM, GradCAM, resize_maps
from CAMLocalizerLib.metrics import iou, mean_dice_over_thresholds
from CAMLocalizerLib.segment import apply_threshold

BATCH = 32
THRESHOLD = 0.4
METHODS: Mapping[str, Callable[[nn.Module], GradCAM]] = {
    "CAM": lambda network: CAM(network, "features", "head.classifier"),
    "SAM": SAM,
    "HESAM": HESAM,
}


@dataclass(frozen=True)
class MapScore:
    """Means over nodules.

    Args:
        iou: of the map above 0.4 of its maximum with the mask.
        dice: mean Dice over 256 thresholds.
        pointing: share of maps whose highest pixel lies in the mask.
        empty: share of maps without any evidence, which count as misses.
        count: number of nodules.
    """

    iou: float
    dice: float
    pointing: float
    empty: float
    count: int


def network_maps(network: nn.Module, method: str, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Map the evidence for the class that the network gives each image, resized to it and divided by its maximum.

    Args:
        network: in any mode, which it keeps.
        method: a key of `METHODS`.
        images: normalised, shape (N, C, H, W).

    Returns:
        Shape (N, H, W), 0 to 1; zero throughout where nothing speaks for the class.
    """
    with METHODS[method](network) as cam:
        parts = [
            resize_maps(cam(torch.from_numpy(images[start : start + BATCH])).maps[1], images.shape[2:])
            for start in range(0, len(images), BATCH)
        ]
    return by_maximum(torch.cat(parts).numpy())


def by_maximum(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide maps (N, H, W), at least 0, by the maximum of each."""
    highest = maps.max(axis=(1, 2), keepdims=True)
    return np.divide(maps, np.where(highest > 0, highest, 1), dtype=np.float32)


def centre_maps(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Guess without looking: a bump in the middle, above the threshold within a quarter of the side."""
    count, _, height, width = images.shape
    rows, columns = (np.arange(side) - (side - 1) / 2 for side in (height, width))
    distance = (rows[:, None] / height) ** 2 + (columns[None] / width) ** 2  # in squared sides
    bump = np.exp(np.log(THRESHOLD) * distance / 0.25**2)
    return by_maximum(np.repeat(bump[None].astype(np.float32), count, axis=0))


def brightness_maps(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the brightness of the first channel for evidence, as nodules are brighter than the lung."""
    first = images[:, 0]
    return by_maximum(first - first.min(axis=(1, 2), keepdims=True))


def score_maps(maps: NDArray[np.float32], truths: NDArray[np.bool_]) -> MapScore:
    """Compare maps in 0..1 with masks, both of shape (N, H, W)."""
    pairs = list(zip(maps, truths, strict=True))
    return MapScore(
        iou=float(np.mean([iou(truth, apply_threshold(each, THRESHOLD)) for each, truth in pairs])),
        dice=float(np.mean([mean_dice_over_thresholds(truth, each) for each, truth in pairs])),
        pointing=float(np.mean([points_inside(each, truth) for each, truth in pairs])),
        empty=float(np.mean([not each.any() for each in maps])),
        count=len(pairs),
    )


def points_inside(activation: NDArray[np.float32], truth: NDArray[np.bool_]) -> bool:
    """Return whether the highest pixel, the first among equals, lies in the mask; never for a map of zeros."""
    return bool(activation.any() and truth.flat[int(activation.argmax())])
