"""A tiny untrained bundle, a volume on disk and the command line run in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.io import write_nifti
from CAMLocalizerLib.models import MODELS_VARIABLE, ModelCard, save_model
from CAMLocalizerLib.networks import build_network


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
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
        results={"figshare": {"mean_iou": 0.41}},
    )
    save_model(tmp_path / "models" / "tiny", card, network)
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def brain(tmp_path, oblique_volume) -> Path:
    path = tmp_path / "in" / "brain.nii.gz"
    path.parent.mkdir()
    write_nifti(oblique_volume.array_kji, oblique_volume.grid, path)
    return path


@pytest.fixture
def localize(models, tmp_path):
    """Run ``camlocalizer localize`` on inputs into ``out`` and return the exit code."""

    def run(*arguments) -> int:
        given = ["--output", str(tmp_path / "out")] if "--output" not in arguments else []
        return main(["localize", *map(str, arguments), *given, "--model", "tiny", "--device", "cpu"])

    return run
