"""Helpers for tests of jobs: misbehaving launchers, and waiting for a state."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from CAMLocalizerLib.jobs import LocalizationJob, start_process
from CAMLocalizerLib.jobs.launcher import Launched

LIMIT_S = 300.0
# Starts what it is given and waits for it; killed, it leaves its child alive, as PythonSlicer does.
RELAY = "import subprocess, sys; sys.exit(subprocess.Popen(sys.argv[1:]).wait())"


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition, without end in no test."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def until_message(job: LocalizationJob, words: str) -> None:
    """Wait until a job says something."""
    until(lambda: words in job.poll().message, f"the job never said {words!r} but {job.poll()}")


def relay(command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path) -> Launched:
    """Start a process through another one, in the session of this one."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-S", "-c", RELAY, *command],
            env={**os.environ, **environment},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def running_instead(code: str) -> Callable[..., Launched | None]:
    """Make a launcher that runs other Python code in the place of the worker; its last argument is the folder."""

    def launch(command: Sequence[str], **known: object) -> Launched | None:
        return start_process([command[0], "-c", code, command[-1]], **known)  # type: ignore[arg-type]

    return launch


def serving(work: str) -> Callable[..., Launched | None]:
    """Make a launcher of a child whose work is this Python code."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from CAMLocalizerLib.jobs.service import serve\n"
        "def work(folder, request):\n"
        f"    {work}\n"
        "serve(Path(sys.argv[1]), work)\n"
    )
    return running_instead(code)
