"""Weights of separable linear resampling along one axis."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

EDGE_TOLERANCE = 1e-6


def linear_weights(positions: NDArray[np.floating], count: int, *, width: float = 1.0) -> NDArray[np.float32]:
    """Return the matrix that interpolates ``count`` samples at fractional ``positions``.

    Args:
        positions: shape (n,), in samples; 0 is the centre of the first sample.
        count: number of samples on the axis.
        width: distance between neighbouring positions in samples; above 1 (fewer positions than samples) the triangle
            kernel gets this half-width, which averages samples and avoids aliasing.

    Returns:
        float32, shape (n, count). A row sums to 1 if the interval of ``width`` around its position touches the samples'
        extent (from -0.5 to ``count`` - 0.5), with constant extrapolation of the outermost samples; otherwise it is 0.
    """
    width = max(1.0, width)
    distances = np.abs(positions[:, None] - np.arange(count))  # (n, count)
    weights = np.clip(1.0 - distances / width, 0.0, None)
    reach = width / 2 + EDGE_TOLERANCE
    inside = (positions >= -reach) & (positions <= count - 1 + reach)
    sums = np.where(inside, weights.sum(axis=1), np.inf)
    return (weights / sums[:, None]).astype(np.float32)


def centred_weights(
    pixels: int, spacing_mm: float, *, count: int, source_mm: float, sign: int, centre: float | None = None
) -> NDArray[np.float32]:
    """Return the matrix that interpolates an axis at pixels centred on a sample position.

    Args:
        pixels: number of pixels.
        spacing_mm: distance between neighbouring pixels.
        count: number of samples on the axis.
        source_mm: distance between neighbouring samples.
        sign: -1 to read the samples in reverse order, else 1.
        centre: position of the middle of the pixels in samples, possibly fractional; by default the middle of the axis.

    Returns:
        As :func:`linear_weights`, shape (pixels, count).
    """
    width = spacing_mm / source_mm
    offsets = (np.arange(pixels) - (pixels - 1) / 2) * width * sign
    middle = (count - 1) / 2 if centre is None else centre
    return linear_weights(middle + offsets, count, width=width)


def apply_weights(rows: NDArray[np.float32], slices: NDArray, columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Resample a batch of slices, shape (n, rows in, columns in), to (n, rows out, columns out)."""
    batch = np.ascontiguousarray(slices, dtype=np.float32)
    return np.matmul(np.matmul(rows, batch), columns.T)


def centre_of_first_cell(pixels: int, cells: int, stride: float) -> float:
    """Return the pixel index of the centre of the first of ``cells`` feature cells, ``stride`` pixels apart.

    Padding and pooling are symmetric, so the cells are centred in the image. If they cover it, the result is
    (stride - 1) / 2; networks without padding leave a margin.
    """
    return (pixels - 1 - (cells - 1) * stride) / 2


def border_cells(pixels: int, cells: int, stride: float, first: float) -> tuple[int, int]:
    """Return how many cells to add before and after ``cells`` feature cells to cover an image.

    Args:
        pixels: number of pixels of the image.
        cells: number of cells of the map.
        stride: pixels per cell; positive.
        first: pixel index of the centre of the first cell.
    """
    before = (first - stride / 2 + 0.5) / stride
    behind = (pixels - 0.5 - first - (cells - 0.5) * stride) / stride
    return max(0, math.ceil(before - EDGE_TOLERANCE)), max(0, math.ceil(behind - EDGE_TOLERANCE))
