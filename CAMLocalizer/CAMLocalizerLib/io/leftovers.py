"""What a killed process left beside its target: told by its name, and put in order by the next run."""

from __future__ import annotations

import os
import platform
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LONGEST_PREFIX = 100
LONGEST_HOST = 24
PARTIAL, OLD = "partial", "old"
_NAME = re.compile(r"(?P<host>[A-Za-z0-9-]*)-(?P<process>\d+)-[0-9a-f]{8}\.(?P<kind>partial|old)")


def temporary_name(target: Path, kind: str) -> str:
    """Return a new hidden name beside a target that says which process on which machine uses it.

    Args:
        target: the file or folder to be.
        kind: ``partial`` for what is being written, ``old`` for what is being replaced.
    """
    return f"{_prefix(target)}{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.{kind}"


def put_in_order(target: Path) -> None:
    """Remove what killed processes of this machine left beside a target, and bring back what one was replacing.

    Whatever cannot be removed stays.
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
    """Begin of a hidden name, short enough for every file system."""
    return f".{os.fsencode(target.name)[:LONGEST_PREFIX].decode('utf-8', 'ignore')}."


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", platform.node())[:LONGEST_HOST]


def _is_running(process: int) -> bool:
    """Tell whether a process of this machine runs; where that cannot be asked without harm, it is taken to."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
