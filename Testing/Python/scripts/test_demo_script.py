"""The demo: the main job on the sample, then the overlap with its outline."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, LabelMap
from CAMLocalizerLib.io import write_label_map

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
GRID = Grid((6, 5, 4), (1.0, 2.0, 3.0), (0.0, 0.0, 0.0), np.eye(3))


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    yield importlib.import_module("demo")
    sys.modules.pop("demo", None)


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [([], "demo"), (["--output", "other", "--refine", "geodesic"], "other"), (["--output=third"], "third")],
)
def test_the_folder_of_the_results_is_that_of_the_command(demo: ModuleType, arguments: list[str], folder: str) -> None:
    assert demo.output(arguments) == Path(folder)


def test_the_overlap_is_the_dice_coefficient(demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth, found = np.zeros((2, *GRID.shape_kji), np.uint8)
    truth[1, 1, 1:5] = 1
    found[1, 1, 3:] = 1
    outline, case = tmp_path / "outline.nii.gz", tmp_path / "brain1_image"
    case.mkdir()
    write_label_map(LabelMap(truth, GRID), outline)
    write_label_map(LabelMap(found, GRID), case / "labelmap.nii.gz")
    monkeypatch.setattr(demo, "sample_label", lambda: outline)
    assert demo.overlap(tmp_path) == pytest.approx(2 * 2 / (4 + 3))
