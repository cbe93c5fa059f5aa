"""Tiny grey images with bright tumours, and a network for them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from torch import Tensor, nn

from CAMLocalizerLib.evaluation.roi_set import RoiSet
from CAMLocalizerLib.training.images import patient_folds

SIDE = 16


def blobs(count: int = 24, seed: int = 3) -> RoiSet:
    """Dim noise, every second image with a bright square as tumour; two images per patient, three folds."""
    generator = np.random.default_rng(seed)
    grey = generator.uniform(0.2, 0.4, (count, SIDE, SIDE)).astype(np.float32)
    labels = (np.arange(count) % 2).astype(np.int64)
    truth = np.zeros(grey.shape, dtype=bool)
    for index in np.flatnonzero(labels):
        row, column = generator.integers(1, SIDE - 6, 2)
        truth[index, row : row + 5, column : column + 5] = True
    grey[truth] += 0.5
    patients = np.array([f"P{index // 2}" for index in range(count)])
    names = np.array([f"image{index}" for index in range(count)])
    return RoiSet(grey, labels, ("normal", "tumour"), patients, patient_folds(patients, labels, 3, 0), names, truth)


class TinyNet(nn.Module):
    """Two convolutions, the second of which is shown."""

    cam_layers: Mapping[int, str] = MappingProxyType({1: "features"})
    strides: Mapping[int, int] = MappingProxyType({1: 1})

    def __init__(self, in_channels: int = 1, classes: int = 2) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 6, 3, padding=1), nn.ReLU()
        )
        self.head = nn.Linear(6, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Classify."""
        return self.head(self.features(images).mean((2, 3)))
