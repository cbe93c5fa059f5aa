"""A review in a process of its own, and a Chromium that shows it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "CAMLocalizer"
PREPARED = Path(__file__).with_name("prepared_review.py")
ENDING_S = 10
SANDBOX = ("--no-sandbox",)  # containers lack what Chromium's own sandbox needs


class RunningReview:
    """The command ``review`` as a user starts it.

    Args:
        arguments: of the command; or of ``script``.
        script: a script to run instead.
    """

    def __init__(self, arguments: Sequence[str | Path], *, script: Path | None = None) -> None:
        command = ["-m", "CAMLocalizerLib", "review", "--no-browser"] if script is None else [str(script)]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed with this object
        self.process = subprocess.Popen(
            [sys.executable, *command, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(PACKAGE), "OMP_NUM_THREADS": "2"},
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        match = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", line)
        if match is None:
            self.stop()
            raise RuntimeError(f"the review did not start: {line}{self.complaints()}")
        self.address, self.port, self.token = match[0], int(match[1]), match[2]

    @property
    def root(self) -> str:
        """Address without the token."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> int:
        """End it as Ctrl+C does; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def complaints(self) -> str:
        """Return what it wrote to standard error."""
        self._errors.seek(0)
        return self._errors.read()

    def __enter__(self) -> RunningReview:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._errors.close()


def missing() -> str:
    """Say what the tests in the browser need and this machine lacks; empty if nothing."""
    try:
        import playwright  # noqa: F401
        import trame_slicer  # noqa: F401
    except ImportError as error:
        return f"{error.name} is not installed"
    if chromium_path() is None:
        return "Chromium is not installed: apt install chromium, or python -m playwright install chromium"
    sys.path.insert(0, str(PACKAGE))
    from CAMLocalizerLib.review.opengl import OpenGLProbe

    with OpenGLProbe() as probe:
        return probe.problem()


def chromium_path() -> str | None:
    """Return the system's Chromium, or else Playwright's own; None without either."""
    if (found := shutil.which("chromium")) is not None:
        return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return str(own) if own.is_file() else None


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=SANDBOX)
        yield browser
        browser.close()
