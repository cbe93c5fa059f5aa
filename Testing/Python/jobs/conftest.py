"""Fixtures: a tiny untrained bundle, a noisy volume, and a temporary folder that must be empty after a test."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.models import ModelBundle, ModelCard, save_model


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where jobs make their folders; a test fails that leaves a process working in one."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert processes_in(folder) == []


@pytest.fixture
def bundle(tmp_path: Path) -> ModelBundle:
    """A bundle with a tiny network that was never trained."""
    torch = pytest.importorskip("torch")
    from CAMLocalizerLib.networks import build_network

    settings = {"channels": (4, 4, 4, 4)}
    card = ModelCard(
        name="tiny",
        version="0",
        network="dcfpn",
        network_settings=settings,
        modality="noise",
        spacing_mm=1.2,
        size=(32, 32),
        normalisation="zscore",
        classes=("none", "tumour"),
        tumour_classes=("tumour",),
        scales=(1, 4),
    )
    torch.manual_seed(5)
    return save_model(tmp_path / "tiny", card, build_network("dcfpn", classes=2, **settings), dtype=torch.float32)


@pytest.fixture
def patient_volume(oblique_volume: Volume) -> Volume:
    """A volume whose name must not leave the process."""
    return Volume(oblique_volume.array_kji, oblique_volume.grid, name="Doe^Jane")


@pytest.fixture
def long_volume(oblique_volume: Volume) -> Volume:
    """So many slices that a job on them can be cancelled."""
    from CAMLocalizerLib.core import Grid

    grid = oblique_volume.grid
    array = np.random.default_rng(1).normal(100, 20, (4000, *grid.shape_kji[1:])).astype(np.float32)
    return Volume(array, Grid((*grid.size[:2], 4000), grid.spacing_mm, grid.origin_mm, grid.direction), name="long")


@pytest.fixture
def processes_of() -> Callable[[Path], list[int]]:
    """How to find the processes that work in a folder."""
    return processes_in


def processes_in(folder: Path) -> list[int]:
    """Return the processes whose command line names a folder; zombies have none."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(os.fsencode(folder) in word for word in words) and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found
