"""The examples run as the documentation says."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from CAMLocalizerLib.io import read_label_map

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def run_example(name: str, *arguments: str) -> None:
    """Run the ``main`` of an example."""
    runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](list(arguments))


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {"find_a_tumour", "train_your_own"}


def test_the_tumour_of_the_synthetic_head_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_example("find_a_tumour", "--output", str(tmp_path))
    printed = capsys.readouterr().out
    assert "threshold 0.5" in printed
    assert "component 1" in printed
    label_map = read_label_map(tmp_path / "labelmap.nii.gz")
    centre = label_map.grid.to_lps(np.argwhere(label_map.array_kji > 0).mean(axis=0)[::-1])
    assert np.abs(centre[:2] - [30.0, -15.0]).max() < 5


def test_the_trained_model_finds_the_square(tmp_path: Path) -> None:
    run_example("train_your_own", "--output", str(tmp_path / "squares"))
    found = read_label_map(tmp_path / "squares" / "results" / "001" / "labelmap.nii.gz").array_kji[0] > 0
    assert 40 < found.sum() < 200  # the square has 81 pixels
