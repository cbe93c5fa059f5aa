"""Missing voxels: replace NaN around the body, as in masked images, with background."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, label_components

MIN_OVERLAP = 0.5  # Dice coefficient of the content of two slices


def fill_outside_nan(array_kji: NDArray[np.float32], path: Path) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Replace NaN outside the body with background.

    Outside means connected through NaN to an edge of the volume, where two of its faces meet, or to the border of a
    single slice. FSL, SPM and PET tools mask images this way.

    Args:
        array_kji: shape (k, j, i).
        path: path for the error message.

    Returns:
        The array, and a note if voxels were replaced. Replaced voxels are 0 or, if lower, the lowest value, in a new
        array.

    Raises:
        InputError: infinite values, or NaN elsewhere: in a hole, where the body touches a face, or in a whole slice
            between others.
    """
    low, high = array_kji.min(), array_kji.max()  # NaN and infinity reach the extremes
    if np.isfinite(low) and np.isfinite(high):
        return array_kji, ()
    missing = np.isnan(array_kji)
    infinite = int(np.isinf(array_kji).sum())
    if infinite:
        raise InputError(f"{path}: {infinite} of {array_kji.size} voxels are infinite; replace them first")
    if gap := _missing_slice(missing):
        raise InputError(f"{path}: slice {gap} of {len(missing)} is NaN, but its neighbours are not; export it again")
    outside = _outside(missing)
    inside = int(missing.sum() - outside.sum())
    if inside or outside.all():
        raise InputError(
            f"{path}: {inside or array_kji.size} of {array_kji.size} voxels are NaN inside the content; replace them "
            "first"
        )
    filled = np.where(outside, np.float32(0), array_kji)
    background = min(0.0, float(filled.min()))
    filled[outside] = background
    return filled, (f"{int(outside.sum())} voxels around the content are NaN and were set to background",)


def _missing_slice(missing: NDArray[np.bool_]) -> int:
    """Return the number, from 1, of the first slice without values between slices with content; 0 if there is none."""
    filled = np.flatnonzero(~missing.all(axis=(1, 2)))
    gaps = np.flatnonzero(np.diff(filled) > 1)
    for before, behind in zip(filled[gaps], filled[gaps + 1], strict=True):
        one, two = ~missing[before], ~missing[behind]
        if 2 * int((one & two).sum()) > MIN_OVERLAP * int(one.sum() + two.sum()):  # the content continues after the gap
            return int(before) + 2
    return 0


def _outside(missing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the missing voxels that are connected (26 neighbours) with an edge of the volume."""
    labels, _count = label_components(missing)
    long = [axis for axis in range(3) if missing.shape[axis] > 1]
    on_faces = np.zeros(missing.shape, np.uint8)
    for axis in long:
        for end in (0, -1):
            face = [slice(None)] * 3
            face[axis] = slice(end, None) if end else slice(0, 1)
            on_faces[tuple(face)] += 1
    edges = on_faces >= max(1, len(long) - 1)
    return np.isin(labels, np.setdiff1d(labels[edges], [0]))
