"""How processes are started and waited for while Slicer's window stays alive."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer

from ..jobs import Launcher, append_line
from .widgets import make_timer

POLL_MS = 100


def slicer_launcher() -> Launcher | None:
    """Return what starts a process by Slicer's own means; None where Slicer cannot do so without waiting for it."""
    launch = getattr(slicer.util, "launchConsoleProcess", None)
    if launch is None or "completedCallback" not in inspect.signature(launch).parameters:
        return None

    def start(command: Any, *, environment: Any, folder: Path, log: Path) -> Any:
        return launch(
            list(command),
            useStartupEnvironment=False,  # PythonSlicer takes Slicer's own
            updateEnvironment=dict(environment),
            cwd=str(folder),
            blocking=False,
            logCallback=lambda line: append_line(log, line),
            completedCallback=lambda _code: None,  # or Slicer logs every cancel as an error
        )

    return start


def poll_until_done(work: Any, going: Callable[[Any], None], ended: Callable[[], None]) -> None:
    """Poll work from a timer until it is over.

    Args:
        work: has ``poll()`` and ``status``; gets the timer as ``timer``.
        going: called with the status while it runs.
        ended: called at the end.
    """

    def step() -> None:
        if work.poll().running:
            going(work.status)
            return
        timer.stop()
        ended()

    timer = work.timer = make_timer(POLL_MS, step)
    timer.start()


def alive_progress(progress: Callable[..., None] | None) -> Callable[..., None]:
    """Return a progress function that also keeps the window alive."""

    def tell(*step: Any) -> None:
        if progress is not None:
            progress(*step)
        slicer.app.processEvents()

    return tell
