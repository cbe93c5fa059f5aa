"""What the tests of Python and browser share: the sample volume."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "_sample.py"


@pytest.fixture(scope="session")
def sample_script() -> ModuleType:
    """The module that knows where the sample lies."""
    spec = importlib.util.spec_from_file_location("_sample", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def sample_image(sample_script: ModuleType) -> Path:
    """The sample's MR volume; tests that need it are skipped, with the reason, where it is missing."""
    if problem := sample_script.sample_problem():
        pytest.skip(problem)
    return sample_script.sample_image()
