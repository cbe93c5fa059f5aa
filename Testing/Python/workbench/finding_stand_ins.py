"""Findings with three bright spots, made without a network."""

from __future__ import annotations

import numpy as np

from CAMLocalizerLib.core import ActivationMap, ActivationPyramid, Volume
from CAMLocalizerLib.localizer import Localization
from CAMLocalizerLib.models import ModelCard
from CAMLocalizerLib.views import extend_to_border, slice_stack

SPOTS = ((2, 5, 5), (6, 16, 12), (6, 6, 15))  # slice, row and column of the finest map
SHA256 = "ab" * 32


def make_card(**changes) -> ModelCard:
    fields = {
        "name": "tiny",
        "version": "1.2",
        "network": "dcfpn",
        "modality": "MR",
        "spacing_mm": 1.2,
        "size": (24, 24),
        "normalisation": "zscore",
        "classes": ("healthy", "glioma"),
        "tumour_classes": ("glioma",),
        "scales": (1, 2),
        "map_levels": {1: 2.0, 2: 2.0, 3: 2.0},
        "threshold": "0.2",
        "map_normalisation": "volume",
        "sha256": SHA256,
    }
    return ModelCard(**{**fields, **changes})


def blobs(shape: tuple[int, int, int], spots, width: float) -> np.ndarray:
    """Gaussian spots of falling height and seeded noise below 5 %."""
    k, j, i = np.indices(shape)
    array = np.random.default_rng(5).random(shape) * 0.05
    for number, (slice_, row, column) in enumerate(spots):
        near = ((j - row) ** 2 + (i - column) ** 2) / width**2 + (k - slice_) ** 2
        array += (1.0 - 0.15 * number) * np.exp(-near)
    return array.astype(np.float32)


def localization_of(volume: Volume, card: ModelCard, view: str = "axial") -> Localization:
    """What a model with three scales saw in the slices of a plane."""
    stack = slice_stack(volume, view, spacing_mm=card.spacing_mm, size=card.size)
    maps = []
    for scale, stride in ((1, 1), (2, 2), (3, 4)):
        cells = (len(stack), 24 // stride, 24 // stride)
        spots = [(k, j // stride, i // stride) for k, j, i in SPOTS[: 4 - scale]]
        array, grid = extend_to_border(stack, 2 * blobs(cells, spots, 3 / stride), stride)
        maps.append(ActivationMap(scale, array, grid))
    probability = np.linspace(0.1, 0.9, len(stack), dtype=np.float32)
    pyramid = ActivationPyramid(
        maps=tuple(maps),
        probabilities=np.stack([1 - probability, probability], axis=1),
        classes=card.classes,
        targets=np.ones(len(stack), np.int64),
        tumour_classes=card.tumour_classes,
        view=view,
        source_grid=volume.grid,
    )
    return Localization(volume, pyramid, card, view, notes=("ran on everything",))
