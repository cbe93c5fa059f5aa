"""What a candidate looks like on its coronal and sagittal projection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .candidates import Candidates

SIDE = 32  # pixels
SLAB_VOXELS = 4  # on either side of the candidate
COARSE = 4  # voxels per pixel of the overview
MAX_SUV = 60.0
VIEWS = ("slab", "body", "overview")


def candidate_views(candidates: Candidates) -> NDArray[np.float32]:
    """Cut the maximum intensity projections around each candidate.

    Three of each plane: of the slab of 36 mm around the candidate, of the whole body, both 128 mm wide with pixels of
    4 mm, and of the whole body 512 mm wide with pixels of 16 mm.

    Args:
        candidates: of one volume.

    Returns:
        log(1 + SUV), 0 outside the volume, float32, shape (N, 2, 3, 32, 32): candidate, plane (coronal, sagittal), view
        in the order of `VIEWS`, rows to superior, columns to the left or to posterior.
    """
    values = np.log1p(np.clip(candidates.uptake.array_kji, 0, MAX_SUV)).astype(np.float32)
    found = np.zeros((len(candidates), 2, len(VIEWS), SIDE, SIDE), dtype=np.float32)
    for plane, (across, seen) in enumerate(((1, (0, 2)), (2, (0, 1)))):
        whole = values.max(axis=across)
        body, overview = _padded(whole), _padded(_pooled(whole))
        for number, peak in enumerate(candidates.peaks):
            row, column = peak[seen[0]], peak[seen[1]]
            near = [slice(None)] * 3
            near[across] = slice(max(0, peak[across] - SLAB_VOXELS), peak[across] + SLAB_VOXELS + 1)
            for axis in seen:
                near[axis] = slice(max(0, peak[axis] - SIDE // 2), peak[axis] + SIDE // 2)
            slab = values[tuple(near)].max(axis=across)
            above, before = max(0, SIDE // 2 - row), max(0, SIDE // 2 - column)
            found[number, plane, 0, above : above + slab.shape[0], before : before + slab.shape[1]] = slab
            found[number, plane, 1] = body[row : row + SIDE, column : column + SIDE]
            row, column = row // COARSE, column // COARSE
            found[number, plane, 2] = overview[row : row + SIDE, column : column + SIDE]
    return found


def _padded(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Surround an image by half a side of zeros, so that the part around pixel (r, c) starts at (r, c)."""
    return np.pad(image, SIDE // 2)


def _pooled(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the maximum of every `COARSE` x `COARSE` pixels."""
    whole = np.pad(image, [(0, -size % COARSE) for size in image.shape])
    height, width = (size // COARSE for size in whole.shape)
    pooled: NDArray[np.float32] = whole.reshape(height, COARSE, width, COARSE).max(axis=(1, 3))
    return pooled
