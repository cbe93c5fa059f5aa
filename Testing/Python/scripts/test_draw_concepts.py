"""The figures of the concept pages: drawn from the sample by one command."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def test_every_figure_of_the_pages_is_drawn(
    sample_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    spec = importlib.util.spec_from_file_location("draw_concepts", SCRIPTS / "draw_concepts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main(["--output", str(tmp_path)]) == 0
    drawn = {path.name: np.asarray(Image.open(path).convert("RGB")) for path in tmp_path.iterdir()}
    assert set(drawn) == {path.name for path in module.OUTPUT.glob("*.png")}
    for picture in drawn.values():
        colourful = np.ptp(picture.astype(int), axis=2) > 60  # the activation map, above the grey of the image
        assert colourful.mean() > 0.001
