"""A tiny untrained bundle and archives of noisy volumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_bundle import save_tiny_bundle

from CAMLocalizerLib.core import Grid
from CAMLocalizerLib.io import write_nifti
from CAMLocalizerLib.models import MODELS_VARIABLE


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    save_tiny_bundle(tmp_path / "models" / "tiny")
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def add_volume(oblique_grid: Grid):
    """Write seeded noise to a file, folders above it included."""

    def add(path: Path, seed: int) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        array = np.random.default_rng(seed).normal(100.0, 20.0, oblique_grid.shape_kji)
        write_nifti(array.astype(np.float32), oblique_grid, path)
        return path

    return add


@pytest.fixture
def archive(tmp_path: Path, add_volume) -> Path:
    """Two patients with two volumes each."""
    for seed, name in enumerate(("P1/post.nii.gz", "P1/pre.nii.gz", "P2/post.nii.gz", "P2/pre.nii.gz")):
        add_volume(tmp_path / "archive" / name, seed)
    return tmp_path / "archive"
