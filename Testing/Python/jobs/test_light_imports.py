"""Modules for the user interface import neither torch nor packages that must be installed first."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[3] / "CAMLocalizer"
TO_BE_INSTALLED = ("torch", "skimage", "matplotlib", "safetensors", "tqdm", "jinja2")
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
    "measure",
    "mrml",
    "workbench",
]


@pytest.mark.parametrize("name", MODULES)
def test_the_user_interface_needs_only_packages_of_slicer(name) -> None:
    if name in ("mrml", "workbench") and find_spec("slicer") is None:
        pytest.skip("the slicer-core wheel is not installed")
    code = (
        "import sys\n"
        f"for name in {TO_BE_INSTALLED}:\n"
        "    sys.modules[name] = None  # importing it fails, as in a new Slicer\n"
        f"import CAMLocalizerLib.{name}\n"
    )
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_files_can_be_processed_and_reviewed_without_slicer() -> None:
    code = (
        "import sys\n"
        "for name in ('slicer', 'vtk', 'vtkmodules', 'qt'):\n"
        "    sys.modules[name] = None\n"
        "from CAMLocalizerLib.workbench import Review, presenter\n"
        "from CAMLocalizerLib.workbench.scripting import process_folder\n"
    )
    done = run(code)
    assert done.returncode == 0, done.stderr


def run(code: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(LIBRARY)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("child", ["worker", "probe"])
def test_a_child_announces_itself_before_heavy_imports(child) -> None:
    done = run(f"import sys, CAMLocalizerLib.jobs.{child}; print('numpy' in sys.modules)")
    assert done.stdout == "False\n", done.stderr


def test_lazy_names_are_not_modules() -> None:
    import CAMLocalizerLib.jobs as layer

    assert all(callable(getattr(layer, name)) for name in layer.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'tumour'"):
        _ = layer.tumour


def test_names_that_need_torch_are_still_found_in_the_localizer() -> None:
    pytest.importorskip("torch")
    import CAMLocalizerLib.localizer as layer

    assert all(hasattr(layer, name) for name in layer.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'tumour'"):
        _ = layer.tumour
