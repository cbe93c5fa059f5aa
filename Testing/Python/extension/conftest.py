"""The module as the desktop would import it, on the Qt-free Slicer core."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def application() -> Iterator[Any]:
    """A headless application whose scene is the global one, as on the desktop."""
    pytest.importorskip("slicer", reason="the slicer-core wheel is not installed")
    from CAMLocalizerLib.mrml import HeadlessApplication

    with HeadlessApplication(publish=True) as made:
        yield made


@pytest.fixture
def module(application: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The unchanged CAMLocalizer.py among stand-ins for what needs Qt."""
    import stand_ins

    stand_ins.register(monkeypatch)
    return stand_ins.import_module_file(monkeypatch)
