"""How the module starts processes: by Slicer's own means where they do not make the window wait."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


class Slicer512:
    """Takes the arguments of Slicer 5.12's launchConsoleProcess."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    def launch(
        self,
        args: list[str],
        useStartupEnvironment: bool = True,  # noqa: N803
        updateEnvironment: dict[str, str] | None = None,  # noqa: N803
        cwd: str | None = None,
        blocking: bool = True,
        logCallback: Callable[[str], None] | None = None,  # noqa: N803
        completedCallback: Callable[[int], None] | None = None,  # noqa: N803
    ) -> str:
        self.given = {**locals()}
        return "process"


def slicer_launcher() -> Callable | None:
    from CAMLocalizerLib.panel.launching import slicer_launcher

    return slicer_launcher()


def test_a_slicer_that_can_only_wait_is_not_asked(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    import slicer

    monkeypatch.setattr(slicer.util, "launchConsoleProcess", lambda args, cwd=None: None, raising=False)
    assert slicer_launcher() is None
    monkeypatch.delattr(slicer.util, "launchConsoleProcess")
    assert slicer_launcher() is None


def test_a_newer_slicer_starts_the_process_and_writes_its_log(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import slicer

    newer = Slicer512()
    monkeypatch.setattr(slicer.util, "launchConsoleProcess", newer.launch, raising=False)
    start = slicer_launcher()
    log = tmp_path / "log.txt"
    made = start((sys.executable, "-c", "pass"), environment={"A": "1"}, folder=tmp_path, log=log)
    assert made == "process"
    given = newer.given
    assert given["args"] == [sys.executable, "-c", "pass"]
    assert (given["useStartupEnvironment"], given["blocking"]) == (False, False)
    assert (given["updateEnvironment"], given["cwd"]) == ({"A": "1"}, str(tmp_path))
    given["logCallback"]("a line")
    given["completedCallback"](1)
    assert log.read_text() == "a line\n"
