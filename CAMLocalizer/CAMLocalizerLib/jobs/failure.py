"""JobError, and how the end of a process is worded."""

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
    """A job that failed or was cancelled, in one sentence.

    Args:
        message: the sentence; the library's own errors in the other process arrive in their own words.
        log: file that is kept where the sentence cannot say it all; without names of volumes or patients.
    """

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


def describe_end(code: int | None, log: str = "", *, began: bool = False) -> str:
    """Say why a process ended without an answer.

    Args:
        code: its return code, or that of its launcher: negative, or 128 more, for a signal; None if it is not known.
        log: what it printed; Python names a crash there.
        began: whether it said that it works; after that only a crash or somebody else ends it without an answer.
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
        return f"the process was ended from outside, most probably because memory ran out; {OUT_OF_MEMORY}"
    return f"the process ended with code {code} and no result"


def keep_log(log: Path) -> Path | None:
    """Copy a log to where it outlives the job; None if there is none or it cannot be kept."""
    with suppress(OSError):
        if log.stat().st_size:
            number, name = tempfile.mkstemp(prefix=PREFIX, suffix=".log")
            os.close(number)
            shutil.copyfile(log, name)
            return Path(name)
    return None


def read_log(log: Path) -> str:
    """Return the last of what a log holds; nothing if it cannot be read."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_BYTES))
        return file.read().decode(errors="replace")
    return ""


def with_log(sentence: str, log: Path | None) -> str:
    """Add to a sentence where the log is."""
    return sentence if log is None else f"{sentence}; the log is in {log}"
