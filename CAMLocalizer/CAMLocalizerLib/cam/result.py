"""CAMResult: the class activation maps of a batch of images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class CAMResult:
    """Logits of a batch of images, and their class activation maps at each scale.

    Args:
        logits: (N, classes), at least float32.
        targets: targets of the maps: class of each image (N,) int64, or class weights (N, classes).
        maps: scale to evidence (N, h, w), float32, at least 0, not normalised, at the layer's own resolution.
    """

    logits: Tensor
    targets: Tensor
    maps: Mapping[int, Tensor]
