"""Half-written folders that interrupted cases left behind."""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

ENDINGS = (".partial", ".removed")


def remove_partial(output: Path) -> None:
    """Remove half-written folders.

    Each is moved out of the way first, so that a worker of a killed batch that still writes there fails instead of
    publishing what is left.
    """
    for entry in list(os.scandir(output)):
        if not (entry.name.startswith(".") and entry.name.endswith(ENDINGS) and entry.is_dir(follow_symlinks=False)):
            continue
        aside = output / f".{uuid.uuid4().hex}.removed"
        with suppress(OSError):
            Path(entry.path).rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
