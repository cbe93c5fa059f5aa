"""Tumour masks of the figshare collection, for evaluation and the supervised baseline alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .images import read_pictures, to_square

MASKS = "masks_256.zip"
HALF = 0.5 - 1e-6  # weights are float32: a pixel of exactly one half belongs


def figshare_masks(folder: Path, names: Sequence[str] | NDArray[np.str_], *, size: int) -> NDArray[np.bool_]:
    """Read the masks of slices, resampled as `figshare_image_set` resamples their images.

    Args:
        folder: holds ``masks_256.zip``.
        names: names of the slices as `figshare_image_set` gives them.
        size: height and width wanted.

    Returns:
        (N, size, size): pixels at least half of which are tumour. A tumour of less than that becomes empty.

    Raises:
        InputError: the archive is missing or no zip archive, or names are missing from it.
    """
    pictures = read_pictures(folder / MASKS, [str(name) for name in names])
    squares = [to_square((stored > 0).astype(np.float32), size) >= HALF for stored in pictures]
    return np.stack(squares) if squares else np.zeros((0, size, size), dtype=bool)
