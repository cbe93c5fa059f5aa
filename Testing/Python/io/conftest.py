"""Stored pixels for the DICOM tests."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid


@pytest.fixture
def stored(oblique_grid: Grid) -> np.ndarray:
    """Seeded uint16 noise on the oblique grid."""
    return np.random.default_rng(3).integers(0, 4000, oblique_grid.shape_kji).astype(np.uint16)
