"""The wheel: built, installed into a new environment, and used far from the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

from CAMLocalizerLib import LabelMap, __version__
from CAMLocalizerLib.io import read_label_map, read_volume, write_nifti

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ("CAMLocalizer", "Resources/models", "pyproject.toml", "README.md", "LICENSE")
SCRIPTS = "Scripts" if sys.platform == "win32" else "bin"


def run(*command: str | Path, folder: Path) -> str:
    """Return what a command prints, run in a folder without the repository on its path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, encoding="utf-8", errors="replace"
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that nothing is left beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source, target = ROOT / name, folder / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, target)
    build = ("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder)
    run(sys.executable, "-m", "pip", *build, folder / "source", folder=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path) -> Path:
    """A new environment with the wheel alone, which finds its requirements in the environment of the tests."""
    folder = wheel.parent / "environment"
    venv.create(folder)
    python = folder / SCRIPTS / ("python.exe" if sys.platform == "win32" else "python")
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, folder=folder)
    own = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=folder).strip()
    (Path(own) / "requirements.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_wheel_holds_package_models_and_type_information(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.name.startswith(f"camlocalizer-{__version__}-")
    assert "CAMLocalizerLib/py.typed" in names
    assert any(name.endswith("models/brain-t1ce/weights.safetensors") for name in names)
    assert any(name.startswith("CAMLocalizerLib/review/web/") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"CAMLocalizerLib", "camlocalizer"}


def test_the_installed_command_is_that_of_the_wheel(environment: Path) -> None:
    command = environment / SCRIPTS / "camlocalizer"
    assert run(command, "--version", folder=environment).split() == ["camlocalizer", __version__]
    python = environment / SCRIPTS / "python"
    place = run(python, "-c", "import CAMLocalizerLib; print(CAMLocalizerLib.__file__)", folder=environment)
    assert Path(place.strip()).is_relative_to(environment)


def test_the_installed_command_localises_with_a_bundled_model(environment: Path, oblique_volume) -> None:
    write_nifti(oblique_volume.array_kji, oblique_volume.grid, environment / "tiny.nii.gz")
    command = environment / SCRIPTS / "camlocalizer"
    run(command, "localize", "tiny.nii.gz", "--model", "brain-t1ce", "--output", "results", folder=environment)
    found = read_label_map(environment / "results" / "tiny" / "labelmap.nii.gz")
    assert isinstance(found, LabelMap)
    assert found.grid.matches(read_volume(environment / "tiny.nii.gz").grid)
    assert np.isin(found.array_kji, (0, 1)).all()
