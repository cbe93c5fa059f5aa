"""Scenes for tests; skipped as a whole where the Slicer core is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, LabelMap

slicer = pytest.importorskip("slicer", reason="the slicer-core wheel is not installed")


@pytest.fixture
def scene() -> Iterator[Any]:
    """An empty headless scene with Slicer's module logics behind it."""
    from CAMLocalizerLib.mrml import HeadlessApplication

    with HeadlessApplication() as application:
        yield application.scene


@pytest.fixture
def label_map(oblique_grid: Grid) -> LabelMap:
    """Two boxes that do not touch the border, on the oblique grid."""
    array = np.zeros(oblique_grid.shape_kji, np.uint8)
    array[2:5, 4:11, 3:9] = 1
    array[6:8, 15:20, 12:17] = 2
    return LabelMap(array, oblique_grid, segments=("Tumour", "Necrosis"))
