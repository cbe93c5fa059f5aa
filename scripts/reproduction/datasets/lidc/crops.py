"""Regions of interest of nodules: squares of some diameters, cut from a slice and resampled to a few pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.views.resampling import apply_weights, linear_weights

SIZE = 32
ONE_SLICE_SCALES: Mapping[int, tuple[int, ...]] = MappingProxyType({1: (2,), 3: (2, 3, 4)})  # channels to diameters
SHIFT = 0.5  # in diameters, in each direction


@dataclass(frozen=True)
class Square:
    """A square of a slice, in pixels of the slice with pixel centres at whole numbers.

    Args:
        column, row: its centre.
        side: length of a side.
    """

    column: float
    row: float
    side: float

    def scaled(self, factor: float) -> Square:
        """Return the square of the same centre whose side is ``factor`` times as long."""
        return Square(self.column, self.row, self.side * factor)

    def place(self, column: float, row: float, size: int = SIZE) -> tuple[float, float]:
        """Return where a point (column, row) of the slice lies in the crop of ``size`` pixels, pixel centres whole."""
        return (
            ((column - self.column) / self.side + 0.5) * size - 0.5,
            ((row - self.row) / self.side + 0.5) * size - 0.5,
        )


def nodule_square(
    column: float, row: float, diameter: float, random: np.random.Generator, *, shift: float = SHIFT
) -> Square:
    """Place the square of twice a nodule's diameter, off its centre by chance.

    The published crops are centred, so that a map of the crop's middle would find every nodule. Here the centre is
    moved by up to ``shift`` diameters in each direction, evenly distributed, in training and in evaluation; up to 0.5
    a round nodule stays inside.

    Args:
        column: annotated centre of the nodule in pixels, along a row.
        row: the same, down a column.
        diameter: equivalent diameter in pixels.
        random: two numbers are drawn.
        shift: 0 for the published crops.

    Returns:
        The square.
    """
    across, down = random.uniform(-shift, shift, 2) * diameter
    return Square(column + across, row + down, 2 * diameter)


def cut(image: NDArray, square: Square, size: int = SIZE) -> NDArray[np.float32]:
    """Resample a square of an image (rows, columns) to (size, size) linearly, averaging what would otherwise alias.

    Outside the image its border holds.
    """
    rows, columns = (
        _weights(centre, square.side, size, count)
        for centre, count in ((square.row, image.shape[0]), (square.column, image.shape[1]))
    )
    return apply_weights(rows, image[None], columns)[0]


def cut_scales(image: NDArray, square: Square, channels: int, size: int = SIZE) -> NDArray[np.float32]:
    """Cut one slice at 2 diameters, or at 2, 3 and 4 diameters, around one centre.

    Args:
        image: shape (rows, columns).
        square: of two diameters.
        channels: 1 or 3.
        size: pixels of a side.

    Returns:
        Shape (channels, size, size).
    """
    return np.stack([cut(image, square.scaled(scale / 2), size) for scale in ONE_SLICE_SCALES[channels]])


def _weights(centre: float, side: float, size: int, count: int) -> NDArray[np.float32]:
    positions = centre + ((np.arange(size) + 0.5) / size - 0.5) * side
    return linear_weights(positions.clip(0, count - 1), count, width=side / size)
