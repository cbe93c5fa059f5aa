"""Temporary files of killed processes: recognise them by name and clean them up."""

from __future__ import annotations

import os
import platform
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MAX_PREFIX_BYTES = 100
MAX_HOST_LENGTH = 24
PARTIAL, OLD = "partial", "old"
_NAME = re.compile(r"(?P<host>[A-Za-z0-9-]*)-(?P<process>\d+)-[0-9a-f]{8}\.(?P<kind>partial|old)")


def temporary_name(target: Path, kind: str) -> str:
    """Return a new hidden file name that identifies the process and the machine that use it.

    Args:
        target: the final file or folder.
        kind: ``partial`` for new content, ``old`` for content that is being replaced.
    """
    return f"{_prefix(target)}{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.{kind}"


def clean_up_leftovers(target: Path) -> None:
    """Remove temporary files that killed processes of this machine left, and restore a target that was being replaced.

    Files that cannot be removed are ignored.
    """
    for path, kind in _stale(target):
        with suppress(OSError):
            if kind == OLD and not os.path.lexists(target) and os.path.lexists(path / target.name):
                (path / target.name).rename(target)
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _stale(target: Path) -> Iterator[tuple[Path, str]]:
    prefix = _prefix(target)
    with suppress(OSError):
        for entry in list(os.scandir(target.parent)):
            found = _NAME.fullmatch(entry.name.removeprefix(prefix)) if entry.name.startswith(prefix) else None
            if found and found["host"] == _host() and not _is_running(int(found["process"])):
                yield Path(entry.path), found["kind"]


def _prefix(target: Path) -> str:
    """Return the start of a hidden name, short enough for every file system."""
    return f".{os.fsencode(target.name)[:MAX_PREFIX_BYTES].decode('utf-8', 'ignore')}."


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", platform.node())[:MAX_HOST_LENGTH]


def _is_running(process: int) -> bool:
    """Return whether a process of this machine runs; True on Windows, where the check would end the process."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
