"""Masks of the nodule patches, for evaluation alone; nothing that trains imports this."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..figshare.images import read_pictures
from .crops import SHIFT, SIZE, cut
from .nodules import nodule_squares, read_nodules

MASKS = "masks_128.zip"
INSIDE = 0.5


def read_nodule_masks(folder: Path, *, seed: int = 0, shift: float = SHIFT, size: int = SIZE) -> NDArray[np.bool_]:
    """Read what at least two readers outlined, in the crops that `read_nodule_images` gives for the same arguments.

    Args:
        folder: holds ``nodules.csv`` and ``masks_128.zip``.
        seed: of the shifts.
        shift: as for the images.
        size: pixels of a side.

    Returns:
        A pixel belongs where the mask covers more than half of it; shape (N, size, size).

    Raises:
        InputError: files that are missing or damaged.
    """
    nodules = read_nodules(folder)
    pictures = read_pictures(folder / MASKS, [each.name for each in nodules])
    squares = nodule_squares(nodules, seed, shift)
    crops = [cut(picture > 0, square, size) for picture, square in zip(pictures, squares, strict=True)]
    return np.stack(crops) > INSIDE
