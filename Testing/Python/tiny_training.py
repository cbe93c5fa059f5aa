"""Tiny labelled images that a tiny network can learn within a second."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
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


CONFIG = {
    "data": {"table": "labels.csv", "images": "images"},
    "network": {"name": "dcfpn", "settings": {"channels": [3, 3, 3, 3]}},
    "input": {"spacing_mm": 1.0, "size": [24, 16], "normalisation": "zscore"},
    "training": {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "seed": 3},
    "folds": {"count": 3, "run": [2]},
    "model": {"name": "squares", "modality": "pictures", "tumour_classes": ["square"]},
}


def write_pictures(folder: Path, count: int = 12) -> Path:
    """Write ``images`` and ``labels.csv``: pictures of 24 x 16 pixels, a bright square in every second one."""
    noise = np.random.default_rng(1)
    (folder / "images").mkdir(parents=True)
    lines = ["file,label,patient,x,y"]
    for number in range(count):
        pixels, name, centre = noise.normal(60, 10, (16, 24)), f"{number:02d}.png", ","
        if number % 2:
            column, row = noise.integers(3, 21), noise.integers(3, 13)
            pixels[row - 2 : row + 3, column - 2 : column + 3] += 120
            centre = f"{column},{row}"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / name)
        lines.append(f"{name},{'square' if number % 2 else 'nothing'},P{number // 2},{centre}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder / "labels.csv"


def write_config(path: Path, **sections: dict | None) -> Path:
    """Write a configuration as JSON; given sections change keys of the usual ones, None as a value takes one out."""
    values = {name: dict(section) for name, section in CONFIG.items()}
    for name, changes in sections.items():
        merged = values.get(name, {}) | (changes or {})
        values[name] = {key: value for key, value in merged.items() if value is not None}
    path.write_text(json.dumps(values))
    return path
