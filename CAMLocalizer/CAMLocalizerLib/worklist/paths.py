"""Paths relative to a folder, so that both can be moved together."""

from __future__ import annotations

import os
from pathlib import Path


def relative_path(path: Path, folder: Path) -> str:
    """Return a path as seen from a folder, with ``/``; absolute if it lies on another drive."""
    try:
        return Path(os.path.relpath(path, folder.resolve())).as_posix()
    except ValueError:
        return path.as_posix()
