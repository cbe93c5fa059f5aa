"""What the user interface imports brings neither torch nor what has to be installed first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[3] / "CAMLocalizer"
TO_BE_INSTALLED = ("torch", "skimage", "matplotlib", "safetensors", "tqdm")
MODULES = [
    "core",
    "io",
    "views",
    "models",
    "segment",
    "localizer",
    "localizer.localization",
    "jobs",
    "installation",
]


@pytest.mark.parametrize("name", MODULES)
def test_a_layer_of_the_user_interface_needs_nothing_that_slicer_lacks(name) -> None:
    code = (
        "import sys\n"
        f"for name in {TO_BE_INSTALLED}:\n"
        "    sys.modules[name] = None  # importing it fails, as in a new Slicer\n"
        f"import CAMLocalizerLib.{name}\n"
    )
    environment = os.environ | {"PYTHONPATH": str(LIBRARY)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_needs_torch_is_still_found_in_the_localizer() -> None:
    pytest.importorskip("torch")
    import CAMLocalizerLib.localizer as layer

    assert all(hasattr(layer, name) for name in layer.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'tumour'"):
        _ = layer.tumour
