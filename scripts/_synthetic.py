"""Volumes, pictures and a model that scripts make themselves: the same of every seed, with nothing to fetch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from CAMLocalizerLib.core import Grid, Volume
from CAMLocalizerLib.models import ModelBundle, ModelCard, save_model
from CAMLocalizerLib.networks import build_network

CLASSES = ("no tumour", "meningioma", "glioma", "pituitary tumour")
# The network of Resources/training/brain-t1ce, and that of version 1.
ENCODER_NETWORK: Mapping[str, Any] = {
    "encoder": "efficientnet-lite0",
    "channels": [16, 32, 48, 96],
    "last_channels": 16,
    "mirror": True,
    "attention": [-1.0, 0.3333333, 0.3333333, 0.3333333],
}
PLAIN_NETWORK: Mapping[str, Any] = {"channels": [16, 32, 64, 128]}


def random_network(settings: Mapping[str, Any], *, classes: int = len(CLASSES), seed: int = 0) -> torch.nn.Module:
    """Make a DC-FPN with random weights and normalisation statistics, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network("dcfpn", classes=classes, **settings)
        for norm in (module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)):
            torch.nn.init.normal_(norm.running_mean, 0.0, 0.1)
            torch.nn.init.uniform_(norm.running_var, 0.5, 1.5)
    return network.eval()


def random_bundle(folder: Path, settings: Mapping[str, Any], *, size: int, spacing_mm: float) -> ModelBundle:
    """Write a bundle of a `random_network` that fuses all four scales.

    Args:
        folder: made if missing.
        settings: of the network.
        size: width and height of its input in pixels.
        spacing_mm: of the pixels.
    """
    card = ModelCard(
        name=folder.name,
        version="0",
        network="dcfpn",
        network_settings=settings,
        modality="noise",
        spacing_mm=spacing_mm,
        size=(size, size),
        normalisation="foreground-gamma" if "encoder" in settings else "foreground-zscore",
        classes=CLASSES,
        tumour_classes=CLASSES[1:],
        scales=(1, 2, 3, 4),
        target="any",
        map_normalisation="volume",
    )
    return save_model(folder, card, random_network(settings), dtype=torch.float32)


def head_volume(slices: int, side: int = 256, extent_mm: float = 240.0, seed: int = 0) -> Volume:
    """Make a noisy ellipsoid with a bright ball in it, in an air-filled box.

    Args:
        slices: number of axial slices.
        side: voxels per row and column.
        extent_mm: edge of the box.
        seed: of the noise.
    """
    spacing = (extent_mm / side, extent_mm / side, extent_mm / slices)
    grid = Grid((side, side, slices), spacing, (-extent_mm / 2,) * 3, np.eye(3))
    array = np.random.default_rng(seed).normal(0, 5, grid.shape_kji).astype(np.float32)
    array += 100 * _ball(grid, (0, 0, 0), (95, 75, 85)) + 90 * _ball(grid, (-30, 15, 10), (18, 18, 18))
    return Volume(np.maximum(array, 0), grid, name="head")


def body_volume(slices: int, side: int = 128, seed: int = 0) -> Volume:
    """Make a PET of an ellipsoid of 1 SUV with a hot ball in it; arguments as for `head_volume`."""
    grid = Grid((side, side, slices), (500 / side, 500 / side, 900 / slices), (-250.0, -250.0, -450.0), np.eye(3))
    array = np.random.default_rng(seed).gamma(4, 0.02, grid.shape_kji).astype(np.float32)
    array += _ball(grid, (0, 0, 0), (420, 120, 180)) + 9 * _ball(grid, (150, 20, -60), (30, 30, 30))
    return Volume(array, grid, name="body", unit="SUVbw")


def _ball(grid: Grid, centre_kji_mm: tuple[float, ...], radii_kji_mm: tuple[float, ...]) -> np.ndarray:
    """Tell which voxels lie in an ellipsoid whose centre is given from the middle of the grid."""
    axes = np.indices(grid.shape_kji, dtype=np.float32, sparse=True)
    squares = [
        ((axis - (count - 1) / 2) * step - centre) ** 2 / radius**2
        for axis, count, step, centre, radius in zip(
            axes, grid.shape_kji, grid.spacing_mm[::-1], centre_kji_mm, radii_kji_mm, strict=True
        )
    ]
    return (squares[0] + squares[1] + squares[2] < 1).astype(np.float32)


def head_pictures(count: int, side: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Make pictures of noisy discs, every second one with a bright spot.

    Returns:
        Pictures (count, 1, side, side) in 0..1, float32, and labels: 1 where there is a spot.
    """
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side] / side - 0.5
    pictures = 0.4 * (rows**2 + columns**2 < 0.16) + random.normal(0, 0.02, (count, side, side))
    labels = np.arange(count) % 2
    for index in np.flatnonzero(labels):
        row, column = random.uniform(-0.2, 0.2, 2)
        pictures[index] += 0.5 * ((rows - row) ** 2 + (columns - column) ** 2 < 0.006)
    return pictures[:, None].clip(0, 1).astype(np.float32), labels
