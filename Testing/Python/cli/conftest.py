"""A tiny untrained bundle, a volume on disk and the command line run in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_bundle import save_tiny_bundle

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.io import write_nifti
from CAMLocalizerLib.models import MODELS_VARIABLE


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
    save_tiny_bundle(tmp_path / "models" / "tiny")
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
