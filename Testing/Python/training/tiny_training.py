"""Tiny labelled images that a tiny network can learn within a second."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from CAMLocalizerLib.training.images import ImageSet, patient_folds

SIDE = 16


def blobs(count: int = 24, seed: int = 3) -> ImageSet:
    """Noise, with a bright square in every second image; two images per patient, centres known where there is one."""
    noise = np.random.default_rng(seed)
    images = noise.normal(0, 0.3, (count, 1, SIDE, SIDE)).astype(np.float32)
    labels = np.arange(count) % 2
    points = np.full((count, 2), np.nan, dtype=np.float32)
    for index in np.flatnonzero(labels):
        column, row = noise.integers(2, SIDE - 3, 2)
        images[index, 0, row - 1 : row + 2, column - 1 : column + 2] += 3
        points[index] = column, row
    patients = np.array([f"P{index // 2}" for index in range(count)])
    names = np.array([f"image{index}" for index in range(count)])
    return ImageSet(images, labels, ("none", "blob"), patients, patient_folds(patients, labels, 3, 0), names, points)


def tiny_network(seed: int = 1, width: int = 6) -> nn.Module:
    """A classifier with batch normalisation and dropout, so that both must survive an interruption."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(width, 2),
    )
