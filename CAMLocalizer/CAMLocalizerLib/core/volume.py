"""Volume: a scalar image and its grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arrays import read_only
from .errors import GridError, InputError
from .grid import Grid


@dataclass(frozen=True, eq=False)
class Volume:
    """A scalar 3D image in patient space. A single 2D image is a volume of one slice.

    Args:
        array_kji: intensities, shape ``grid.shape_kji``; kept as read-only float32.
        grid: where the voxels lie.
        name: how messages and results call the volume; never a patient's name.
        unit: unit of the intensities (``"SUVbw"``, ``"HU"``), empty if arbitrary.

    Raises:
        GridError: the array's shape differs from the grid's.
        InputError: NaN or infinite voxels, or one value everywhere.
    """

    array_kji: NDArray[np.float32]
    grid: Grid
    name: str = "volume"
    unit: str = ""

    def __post_init__(self) -> None:
        array = read_only(self.array_kji, np.float32)
        object.__setattr__(self, "array_kji", array)
        if array.shape != self.grid.shape_kji:
            raise GridError(f"{self.name}: array has shape {array.shape}, its grid expects {self.grid.shape_kji}")
        low, high = float(array.min()), float(array.max())  # NaN and infinity reach the extremes
        if not (np.isfinite(low) and np.isfinite(high)):
            bad = int(array.size - np.isfinite(array).sum())
            raise InputError(f"{self.name}: {bad} of {array.size} voxels are NaN or infinite; replace them first")
        if low == high:
            raise InputError(f"{self.name}: every voxel is {low:g}; there is nothing to look at")
