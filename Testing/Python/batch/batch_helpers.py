"""What workers of the tests are told to do, and waiting for a moment."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from CAMLocalizerLib.batch.batch_tables import Row
from CAMLocalizerLib.batch.plan import Plan
from CAMLocalizerLib.batch.source import BatchCase
from CAMLocalizerLib.batch.work import Outcome

LIMIT_S = 300.0


def quick_case(case: BatchCase, _plan: Plan) -> Outcome:
    """Report what a real case would, without running the model; some cases kill their worker."""
    attempts = case.path.with_suffix(".attempts")
    with attempts.open("a") as stream:
        stream.write(f"{os.getpid()}\n")
    tries = len(attempts.read_text().splitlines())
    if case.name.startswith("deadly") or (case.name.startswith("unlucky") and tries == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return Outcome(case.name, Row(case.name, "no", "", 0, "0", "0.5", "", "", "0"))


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition, without end in no test."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    """Return the worker processes that a process started."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except (OSError, ValueError, IndexError):
            continue
    return found


def checksums(folder: Path, *names: str) -> dict[str, str]:
    """Return the checksums of files of every case in a folder."""
    paths = sorted(path for name in names for path in folder.glob(f"*/{name}"))
    return {f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
