"""Where things of a worklist lie."""

from __future__ import annotations

import os
from pathlib import Path

LABEL_MAPS = "labelmaps"


def relative_path(path: Path, folder: Path) -> str:
    """Return a path as seen from a folder, with ``/``; absolute if it lies on another drive."""
    try:
        return Path(os.path.relpath(path, folder.resolve())).as_posix()
    except ValueError:
        return path.as_posix()


def label_map_folder(worklist: Path, reader: str, name: str) -> Path:
    """Return where the label map is kept that a reader judged right.

    Args:
        worklist: folder of the worklist.
        reader: identifier.
        name: of the case.
    """
    return worklist / LABEL_MAPS / reader / name
