"""JobError, and messages for processes that ended without a result."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

from ..core import CAMLocalizerError
from .folder import PREFIX

WINDOWS_CRASHES = {0xC0000005: "access violation", 0xC00000FD: "stack overflow", 0xC0000409: "stack overrun"}
KILLED = 9
LOG_BYTES = 1 << 16
OUT_OF_MEMORY = "close other programs, or choose the CPU, a smaller batch or a smaller model"


class JobError(CAMLocalizerError):
    """A job that failed or was cancelled.

    Args:
        message: one sentence; for the library's errors in the other process, their own message.
        log: log file with more details if needed; without names of volumes or patients.
    """

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


def describe_end(code: int | None, log: str = "", *, began: bool = False) -> str:
    """Return why a process ended without an answer.

    Args:
        code: return code of the process or its launcher; negative or 128 plus its number for a signal; None if unknown.
        log: output of the process, which contains Python's message of a crash.
        began: whether the worker was running; after that only a crash or a kill ends it without an answer.
    """
    if re.search(r"bad_alloc|cannot allocate memory|out of memory", log, re.IGNORECASE):
        return f"memory ran out; {OUT_OF_MEMORY}"
    if crash := re.search(r"^Fatal Python error: (.+)$", log, re.MULTILINE):
        return f"the process crashed ({crash[1].strip()})"
    if code is None or code == 0:
        return "the process ended without a result"
    if name := WINDOWS_CRASHES.get(code & 0xFFFFFFFF):
        return f"the process crashed ({name})"
    number = -code if code < 0 else code - 128
    if number != KILLED:
        with suppress(ValueError):
            return f"the process crashed ({signal.strsignal(signal.Signals(number)) or number})"
    if number == KILLED or began:
        return f"the process was killed, most likely because memory ran out; {OUT_OF_MEMORY}"
    return f"the process ended with code {code} and no result"


def keep_log(log: Path) -> Path | None:
    """Copy a log to a file that outlives the job; None if the log is missing or empty or cannot be copied."""
    with suppress(OSError):
        if log.stat().st_size:
            number, name = tempfile.mkstemp(prefix=PREFIX, suffix=".log")
            os.close(number)
            shutil.copyfile(log, name)
            return Path(name)
    return None


def read_log(log: Path) -> str:
    """Return the end of a log; empty if it cannot be read."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_BYTES))
        return file.read().decode(errors="replace")
    return ""


def with_log(sentence: str, log: Path | None) -> str:
    """Append the path of the log to a sentence."""
    return sentence if log is None else f"{sentence}; the log is in {log}"
