"""A tiny untrained bundle and archives of noisy volumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from CAMLocalizerLib.core import Grid
from CAMLocalizerLib.io import write_nifti
from CAMLocalizerLib.models import MODELS_VARIABLE, ModelCard, save_model
from CAMLocalizerLib.networks import build_network


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    torch.manual_seed(11)
    network = build_network("dcfpn", classes=2, channels=(4, 4, 4, 4))
    with torch.no_grad():
        network.head.bias.copy_(torch.tensor([-3.0, 3.0]))  # every slice shows a tumour
    card = ModelCard(
        name="tiny",
        version="1.2",
        network="dcfpn",
        network_settings={"channels": (4, 4, 4, 4)},
        modality="MR",
        spacing_mm=1.2,
        size=(24, 24),
        normalisation="zscore",
        classes=("healthy", "glioma"),
        tumour_classes=("glioma",),
        scales=(1, 4),
    )
    save_model(tmp_path / "models" / "tiny", card, network)
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
