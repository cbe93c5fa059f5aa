"""LabelMap: a segment label for every voxel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arrays import read_only
from .errors import GridError
from .grid import Grid


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A label per voxel: 0 is background, label ``n`` is ``segments[n - 1]``.

    Args:
        array_kji: labels, shape ``grid.shape_kji``; kept as read-only uint8.
        grid: position of the voxels in patient space.
        segments: names of the labels 1, 2, ...

    Raises:
        GridError: the array's shape differs from the grid's, or a label has no name.
    """

    array_kji: NDArray[np.uint8]
    grid: Grid
    segments: tuple[str, ...] = ("Tumour",)

    def __post_init__(self) -> None:
        array = read_only(self.array_kji, np.uint8)
        object.__setattr__(self, "array_kji", array)
        object.__setattr__(self, "segments", tuple(self.segments))
        if array.shape != self.grid.shape_kji:
            raise GridError(f"label map has shape {array.shape}, its grid expects {self.grid.shape_kji}")
        if (highest := int(array.max())) > len(self.segments):
            raise GridError(f"label {highest} has no name: the label map names {len(self.segments)} segments")

    @property
    def volume_mm3(self) -> float:
        """Volume of all labelled voxels in cubic millimetres; 0 for an empty label map."""
        return float(np.count_nonzero(self.array_kji)) * self.grid.voxel_volume_mm3
