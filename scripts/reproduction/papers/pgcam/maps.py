"""From the maps of a classifier to boxes, and how well they hit the tumours, as PG-CAM counts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from CAMLocalizerLib.cam import GradCAM, resize_maps
from CAMLocalizerLib.metrics import BoxScore, boxes, iou, score_boxes
from CAMLocalizerLib.segment import apply_threshold

BATCH = 16


@dataclass(frozen=True)
class MapScore:
    """How the thresholded maps of some images agree with their masks.

    Args:
        boxes: counts over all images.
        ious: IoU of the thresholded map with the mask, one per image.
    """

    boxes: BoxScore
    ious: tuple[float, ...]

    @property
    def mean_iou(self) -> float:
        """Mean over the images; nan for none."""
        return float(np.mean(self.ious)) if self.ious else float("nan")


def raw_maps(
    cam: GradCAM, images: NDArray[np.float32], weights: Sequence[float], *, signed: bool = False
) -> dict[int, Tensor]:
    """Map the evidence for a weighted sum of class scores in images (N, C, H, W), a batch at a time.

    Args:
        cam: a method and its network.
        images: normalised.
        weights: of the classes; 1 for the class in question and 0 for the others.
        signed: keep evidence against the class as negative values, as CAM without a ReLU has it.

    Returns:
        Scale to maps (N, h, w) at the layer's own resolution.
    """
    parts: list[dict[int, Tensor]] = []
    with cam:
        for start in range(0, len(images), BATCH):
            batch = torch.from_numpy(np.ascontiguousarray(images[start : start + BATCH]))
            asked = torch.tensor(weights).expand(len(batch), -1)
            maps = dict(cam(batch, asked).maps)
            if signed:  # M = ReLU(M) - ReLU(-M)
                against = cam(batch, -asked).maps
                maps = {scale: maps[scale] - against[scale] for scale in maps}
            parts.append(maps)
    return {scale: torch.cat([part[scale] for part in parts]) for scale in parts[0]}


def fused_maps(maps: Mapping[int, Tensor], scales: Sequence[int], size: tuple[int, int]) -> NDArray[np.float32]:
    """Fuse scales as PG-CAM does: each resized to the image and divided by its maximum, summed, divided again.

    Args:
        maps: scale to raw maps (N, h, w).
        scales: the scales to fuse.
        size: height and width of the images.

    Returns:
        Activations in 0..1, shape (N, height, width); zero throughout where no scale has any evidence.

    Source:
        PG-CAM (Lee et al., 2018), Eq. 3.
    """
    total = torch.stack([_by_maximum(resize_maps(maps[scale], size)) for scale in scales]).sum(0)
    return _by_maximum(total).numpy()


def stretched_maps(maps: Tensor, size: tuple[int, int]) -> NDArray[np.float32]:
    """Resize signed maps (N, h, w) to the image and stretch each from its minimum and maximum to 0 and 1.

    Returns:
        Shape (N, height, width); a constant map becomes zero.

    Source:
        ResCAM in PG-CAM (Lee et al., 2018): Eq. 1 has no ReLU, its activation score lies between zero and one.
    """
    resized = resize_maps(maps, size)
    return _by_maximum(resized - resized.amin((1, 2), keepdim=True)).numpy()


def _by_maximum(maps: Tensor) -> Tensor:
    highest = maps.amax((1, 2), keepdim=True)
    return maps / torch.where(highest > 0, highest, 1.0)


def score_maps(activations: NDArray[np.float32], truths: NDArray[np.bool_], threshold: float) -> MapScore:
    """Threshold activations (N, H, W) and compare boxes and pixels with masks of the same shape."""
    founds = [apply_threshold(activation, threshold) for activation in activations]
    pairs = list(zip(founds, truths, strict=True))
    counts = sum((score_boxes(boxes(found), boxes(truth)) for found, truth in pairs), BoxScore())
    return MapScore(counts, tuple(iou(truth, found) for found, truth in pairs))
