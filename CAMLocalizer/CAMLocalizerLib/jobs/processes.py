"""ProcessIdentity: identify a process even if its number is reused."""

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
    """A process, identified by its number and start time.

    Args:
        pid: process number.
        started: start time, in the format of the operating system.
    """

    pid: int
    started: str

    @classmethod
    def current(cls) -> ProcessIdentity:
        """Return the identity of this process."""
        return cls(os.getpid(), start_time(os.getpid()) or "")

    def alive(self) -> bool:
        """Return whether the process is running; False for zombie processes."""
        return start_time(self.pid) == self.started

    def kill(self) -> None:
        """Kill the process, with its process group if it leads one; does nothing if it has ended."""
        if not self.alive():
            return
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform != "win32" and os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, signal.SIGKILL)
            else:  # on Windows, SIGTERM ends a process at once
                os.kill(self.pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def start_time(pid: int) -> str | None:
    """Return the start time of a process in the format of the operating system; None if it is not running."""
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
    fields = text.rpartition(")")[2].split()  # the name before it may contain spaces and brackets
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
    if sys.platform != "win32":  # for mypy
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
