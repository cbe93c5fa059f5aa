"""Spheres and blobs of known uptake on any grid."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from CAMLocalizerLib.core import Grid, LabelMap, Volume

OBLIQUE = Rotation.from_euler("xyz", (8.0, -12.0, 20.0), degrees=True).as_matrix()
POINTS = 5  # of each voxel along each axis


def centred_grid(size: tuple[int, int, int], spacing_mm: tuple[float, float, float], direction: np.ndarray) -> Grid:
    """A grid whose middle lies a third of a voxel beside the origin, so that nothing is symmetric."""
    matrix = direction * spacing_mm
    middle = (np.array(size) - 1) / 2 + np.array([0.33, -0.21, 0.17])
    return Grid(size, spacing_mm, tuple(-matrix @ middle), direction)


def covered(grid: Grid, centre_lps_mm: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    """Return the share of each voxel that lies in a sphere, from points within it."""
    steps = (np.arange(POINTS) + 0.5) / POINTS - 0.5
    k, j, i = np.indices(grid.shape_kji)
    share = np.zeros(grid.shape_kji)
    for dk in steps:
        for dj in steps:
            for di in steps:
                points = grid.to_lps(np.stack([i + di, j + dj, k + dk], axis=-1))
                share += np.linalg.norm(points - centre_lps_mm, axis=-1) <= radius_mm
    return share / POINTS**3


def distances_mm(grid: Grid, centre_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray:
    """Return the distance of each voxel's centre."""
    k, j, i = np.indices(grid.shape_kji)
    return np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1)) - centre_lps_mm, axis=-1)


def pet(array: np.ndarray, grid: Grid) -> Volume:
    return Volume(array.astype(np.float32), grid, name="pet", unit="SUVbw")


def marked(mask: np.ndarray, grid: Grid) -> LabelMap:
    return LabelMap(mask.astype(np.uint8), grid)
