"""Smoothing along the stack: neighbouring slices of a volume show nearly the same tissue and should say the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .inference import SliceResults

# Elements of the maps that are smoothed at once, so that no second set of maps is held.
BLOCK = 1 << 22


def smooth_along_stack(results: SliceResults, spacing_mm: float, deviation_mm: float) -> None:
    """Average log-probabilities and maps of neighbouring slices, in place.

    The weights are a Gaussian of the distance between the slices, so that slices of 1 mm are smoothed and those of 6 mm
    hardly are. Blank slices neither change nor count. The class that a map explains remains that of its own slice.

    Args:
        results: of all slices of a volume, in their order.
        spacing_mm: distance of neighbouring slices; positive.
        deviation_mm: standard deviation of the Gaussian, at least 0; 0 changes nothing.
    """
    rows = np.flatnonzero(results.present)
    if deviation_mm == 0 or rows.size < 2:
        return
    weights = stack_weights(rows * spacing_mm, deviation_mm)
    results.log_probabilities[rows] = _normalised(weights @ results.log_probabilities[rows])
    results.probabilities[rows] = np.exp(results.log_probabilities[rows])
    for maps in results.maps.values():
        cells = maps.reshape(len(maps), -1)  # (slices, h * w), a view
        step = max(1, BLOCK // len(maps))
        for start in range(0, cells.shape[1], step):
            part = cells[:, start : start + step]
            part[rows] = weights @ part[rows]


def stack_weights(positions_mm: NDArray[np.floating], deviation_mm: float) -> NDArray[np.float32]:
    """Return the matrix that averages what lies at positions by a Gaussian of their distances.

    Args:
        positions_mm: shape (n,).
        deviation_mm: standard deviation, positive.

    Returns:
        float32, shape (n, n); rows sum to 1.
    """
    distances = (positions_mm[:, None] - positions_mm) / deviation_mm
    weights = np.exp(-0.5 * distances**2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _normalised(logarithms: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale probabilities, given as logarithms of shape (slices, classes), so that those of each slice sum to 1."""
    highest = logarithms.max(axis=1, keepdims=True)
    return logarithms - highest - np.log(np.exp(logarithms - highest).sum(axis=1, keepdims=True))
