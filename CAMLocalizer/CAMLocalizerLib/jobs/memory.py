"""Total and available memory of the machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from shutil import which

MB = 1 << 20
COMMAND_LIMIT_S = 2.0


def machine_memory_mb() -> tuple[int | None, int | None]:
    """Return total and available memory of the machine in MiB; None if unknown."""
    if sys.platform == "win32":
        return _on_windows()
    with suppress(OSError, ValueError):
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MB
        return total, _available_on_linux() if Path("/proc/meminfo").exists() else _available_on_macos()
    return None, None


def _available_on_linux() -> int | None:
    with suppress(OSError, ValueError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        kilobytes = dict(line.split(":", 1) for line in lines)["MemAvailable"].split()[0]
        return int(kilobytes) // 1024
    return None


def _available_on_macos() -> int | None:
    with suppress(OSError, subprocess.TimeoutExpired):
        command = [which("vm_stat") or "/usr/bin/vm_stat"]
        return available_by_vm_stat(
            subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_LIMIT_S).stdout
        )
    return None


def available_by_vm_stat(text: str) -> int | None:
    """Return the free and inactive memory in MiB from the output of macOS's ``vm_stat``; None if it is missing."""
    size = re.search(r"page size of (\d+) bytes", text)
    pages = [re.search(rf"^Pages {kind}:\s+(\d+)", text, re.MULTILINE) for kind in ("free", "inactive")]
    if size is None or None in pages:
        return None
    return sum(int(count[1]) for count in pages if count) * int(size[1]) // MB


def _on_windows() -> tuple[int | None, int | None]:
    if sys.platform != "win32":  # for mypy
        return None, None
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong)
            for name in ("total", "free", "total_page", "free_page", "total_virtual", "free_virtual", "extended")
        ]

    status = Status(length=ctypes.sizeof(Status))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None, None
    return status.total // MB, status.free // MB
