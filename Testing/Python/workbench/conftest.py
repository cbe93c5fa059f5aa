"""Findings, scenes and workbenches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from bench_stand_ins import Bench, run_to_end
from finding_stand_ins import blobs, localization_of, make_card

from CAMLocalizerLib.core import Grid, Volume
from CAMLocalizerLib.localizer import Localization, ProjectionLocalization
from CAMLocalizerLib.models import ModelCard
from CAMLocalizerLib.views import ProjectionPair
from CAMLocalizerLib.workbench import Review


@pytest.fixture
def card() -> ModelCard:
    return make_card()


@pytest.fixture
def found(oblique_volume: Volume, card: ModelCard) -> Localization:
    return localization_of(oblique_volume, card)


@pytest.fixture
def projected() -> ProjectionLocalization:
    """Two hot spots in a body, as a model of projections sees them."""
    grid = Grid((24, 20, 28), (4.0, 4.0, 4.0), (-48.0, -40.0, 0.0), np.eye(3))
    uptake = 1.0 + 9.0 * blobs(grid.shape_kji, ((8, 9, 8), (20, 11, 15)), 2.0)
    pair = ProjectionPair(Volume(uptake, grid, "body", "SUVbw"), spacing_mm=4.0, size=(32, 32))
    lines = pair.images
    card = make_card(
        projections=True,
        unit="SUVbw",
        scales=(1,),
        size=(32, 32),
        views=("coronal", "sagittal"),
        spacing_mm=4.0,
        target="class",
        threshold="0.3",
    )
    return ProjectionLocalization(pair, {1: lines}, {1: 1}, np.array([[0.1, 0.9], [0.2, 0.8]], np.float32), card)


@pytest.fixture
def review(found: Localization) -> Review:
    return Review(found)


@pytest.fixture
def scene() -> Iterator[Any]:
    """An empty headless scene with Slicer's module logics behind it."""
    pytest.importorskip("slicer", reason="the slicer-core wheel is not installed")
    from CAMLocalizerLib.mrml import HeadlessApplication

    with HeadlessApplication() as application:
        yield application.scene


@pytest.fixture
def bench(scene: Any, card: ModelCard) -> Bench:
    return Bench(scene, card)


@pytest.fixture
def volume_node(scene: Any, found: Localization) -> Any:
    from CAMLocalizerLib.mrml import volume_to_node

    return volume_to_node(scene, found.volume)


@pytest.fixture
def workbench(bench: Bench, volume_node: Any) -> Iterator[Any]:
    """A workbench with a complete run behind it."""
    made = bench.workbench()
    made.choose_volume(volume_node)
    run_to_end(made)
    yield made
    made.close()
