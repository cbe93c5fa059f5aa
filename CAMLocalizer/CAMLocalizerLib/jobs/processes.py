"""ProcessIdentity: one process and no other, also when its number is given out again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import which

PS_LIMIT_S = 2.0
STILL_ACTIVE = 259
QUERY_LIMITED_INFORMATION = 0x1000


@dataclass(frozen=True)
class ProcessIdentity:
    """A process by its number and the moment of its start.

    Args:
        pid: its number.
        started: its start, in the system's own words.
    """

    pid: int
    started: str

    @classmethod
    def current(cls) -> ProcessIdentity:
        """Return this process."""
        return cls(os.getpid(), start_of(os.getpid()) or "")

    def alive(self) -> bool:
        """Tell whether it is running; a process that ended and was not yet collected by its parent is not."""
        return start_of(self.pid) == self.started

    def kill(self) -> None:
        """End it at once, with its process group if it leads one; nothing happens if it has ended."""
        if not self.alive():
            return
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform != "win32" and os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, signal.SIGKILL)
            else:  # SIGTERM ends a process of Windows at once
                os.kill(self.pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def start_of(pid: int) -> str | None:
    """Return when a process was started, in the system's own words; None if it does not run."""
    if sys.platform == "win32":
        return _start_on_windows(pid)
    if Path("/proc/self/stat").exists():
        return _start_on_linux(pid)
    return _start_by_ps(pid)


def _start_on_linux(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (OSError, UnicodeDecodeError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before may hold spaces and brackets
    return None if fields[0] in "ZX" else fields[19]


def _start_by_ps(pid: int) -> str | None:
    command = [which("ps") or "/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PS_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    state, _, started = done.stdout.strip().partition(" ")
    return None if not state or state[0] == "Z" else started.strip()


def _start_on_windows(pid: int) -> str | None:
    if sys.platform != "win32":  # mypy reads no further
        return None
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = wintypes.HANDLE
    handle = wintypes.HANDLE(kernel.OpenProcess(QUERY_LIMITED_INFORMATION, False, pid))
    if not handle:
        return None
    try:
        code, times = wintypes.DWORD(), [wintypes.FILETIME() for _ in range(4)]
        kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        if code.value != STILL_ACTIVE or not kernel.GetProcessTimes(handle, *map(ctypes.byref, times)):
            return None
        return f"{times[0].dwHighDateTime}:{times[0].dwLowDateTime}"
    finally:
        kernel.CloseHandle(handle)
