"""Tiny volumes on awkward grids that every layer is tested with."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, Volume


def rotation(angles_deg: tuple[float, float, float]) -> np.ndarray:
    """Rotation about x, then y, then z."""
    x, y, z = np.deg2rad(angles_deg)
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> Iterator[None]:
    """Let Ctrl+C reach the tests that send it, also where whoever started them in the background ignores it."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.fixture
def oblique_grid() -> Grid:
    """An anisotropic grid tilted by up to 20 degrees, far from the origin."""
    return Grid((20, 24, 9), (1.1, 0.9, 4.0), (-30.0, 12.5, 101.0), rotation((8.0, -12.0, 20.0)))


@pytest.fixture
def oblique_volume(oblique_grid: Grid) -> Volume:
    """Seeded noise on the oblique grid."""
    array = np.random.default_rng(7).normal(100.0, 20.0, oblique_grid.shape_kji)
    return Volume(array.astype(np.float32), oblique_grid, name="oblique")
