"""The package as a whole: its names, its layers and what it imports."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import CAMLocalizerLib

ROOT = Path(__file__).resolve().parents[3]
SLICER_ONLY = ("panel",)  # imports what only Slicer's desktop has
LAYERS = [
    info.name for info in pkgutil.iter_modules(CAMLocalizerLib.__path__) if info.ispkg and info.name not in SLICER_ONLY
]


def run_python(code, cwd=None):
    environment = os.environ | {"PYTHONPATH": str(ROOT / "CAMLocalizer"), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, encoding="utf-8")


@pytest.mark.parametrize("layer", LAYERS)
def test_the_public_names_of_a_layer_exist_and_are_sorted(layer):
    module = importlib.import_module(f"CAMLocalizerLib.{layer}")
    assert sorted(module.__all__) == sorted(set(module.__all__))
    assert all(hasattr(module, name) for name in module.__all__)
    assert module.__doc__


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_exports_no_more_than_it_lists(layer):
    module = importlib.import_module(f"CAMLocalizerLib.{layer}")
    own = f"CAMLocalizerLib.{layer}."
    public = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and str(getattr(value, "__module__", "")).startswith(own)
    }
    assert public <= set(module.__all__)


def test_every_public_name_of_the_package_is_found():
    for name in CAMLocalizerLib.__all__:
        assert getattr(CAMLocalizerLib, name).__name__ == name
    assert set(CAMLocalizerLib.__all__) <= set(dir(CAMLocalizerLib))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'tumour'"):
        _ = CAMLocalizerLib.tumour


def test_importing_the_package_does_not_import_torch():
    code = "import sys, CAMLocalizerLib; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert run_python(code).returncode == 0


def test_lower_layers_never_import_higher_ones():
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = run_python(code, cwd=ROOT)  # in a process of its own, since the linter switches loggers off
    assert done.returncode == 0, done.stdout


def test_every_bundle_goes_into_the_wheel():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = {patterns[0] for patterns in project["tool"]["setuptools"]["data-files"].values()}
    bundles = {f"Resources/models/{card.parent.name}/*" for card in ROOT.glob("Resources/models/*/model.json")}
    assert bundles <= listed


def test_every_file_of_the_package_that_is_not_python_goes_into_the_wheel():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed: set[Path] = set()
    for package, patterns in project["tool"]["setuptools"]["package-data"].items():
        folder = ROOT / "CAMLocalizer" / package.replace(".", "/")
        listed |= {path for pattern in patterns for path in folder.glob(pattern)}
    files = {path for path in (ROOT / "CAMLocalizer" / "CAMLocalizerLib").rglob("*") if path.is_file()}
    assert {path for path in files if path.suffix not in (".py", ".pyc")} <= listed
