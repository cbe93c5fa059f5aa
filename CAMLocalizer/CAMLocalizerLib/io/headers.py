"""Header checks for errors that the image library silently repairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..core import GridError

TEXT_HEADER_BYTES = 1 << 16


def check_spacing(path: Path, spacing: tuple[float, ...]) -> None:
    """Raise GridError unless every spacing is a positive number."""
    if not all(np.isfinite(value) and value > 0 for value in spacing):
        values = ", ".join(f"{value:g}" for value in spacing)
        raise GridError(f"{path}: spacing must be positive, got ({values}) mm")
