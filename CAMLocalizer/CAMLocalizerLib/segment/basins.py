"""Basins: candidates of uptake on a volume's own grid, and the voxels of those that are chosen."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..core import Volume
from ..views import nearest_isotropic
from .candidates import EDGE_MM
from .runs import NEIGHBOURS
from .uptake_border import UptakeBorder


class Basins:
    """The basins of the candidates in a PET, voxel by voxel.

    Args:
        volume: PET in SUV.
        coarse: number of the candidate, from 1, on voxels of 4 mm, see :class:`Candidates`.
        count: number of candidates.
        factor: what the volume's values are multiplied by to be SUV, or as high as SUV would be.
    """

    def __init__(self, volume: Volume, coarse: NDArray[np.int32], count: int, factor: float = 1.0) -> None:
        self.volume = volume
        self.coarse = coarse
        self.count = count
        self.factor = factor

    @cached_property
    def numbers(self) -> NDArray[np.uint16]:
        """Number of the candidate, from 1, that each voxel belongs to, 0 for none; shape ``volume.grid.shape_kji``."""
        return nearest_isotropic(self.coarse.astype(np.uint16), self.volume.grid, EDGE_MM)

    @cached_property
    def highest(self) -> NDArray[np.float32]:
        """Highest uptake within each basin, SUV, shape (count,)."""
        found = np.zeros(self.count + 1, dtype=np.float32)
        np.maximum.at(found, self.numbers[self._inside], self._uptake)
        return found[1:]

    def mask(
        self, chosen: Collection[int], border: UptakeBorder | str, liver_suv: float | None = None
    ) -> NDArray[np.bool_]:
        """Outline some candidates: of each what hangs together with its highest voxel.

        Args:
            chosen: their numbers, from 0.
            border: from which uptake on a voxel of a basin belongs to it.
            liver_suv: uptake of the liver, for the border ``liver``.

        Returns:
            A new mask, shape ``volume.grid.shape_kji``.

        Raises:
            SettingsError: a border that is not understood or lacks a liver.
        """
        lowest = np.full(self.count + 1, np.inf, dtype=np.float32)
        wanted = np.fromiter(chosen, dtype=np.intp, count=len(chosen))
        lowest[wanted + 1] = UptakeBorder.parse(border).lowest(self.highest[wanted], liver_suv)
        return self._outlined(lowest) > 0

    def spread(self, values: NDArray[np.float32], border: UptakeBorder | str) -> NDArray[np.float32]:
        """Give the voxels of every candidate its value, within a border.

        Args:
            values: one per candidate, shape (count,).
            border: from which uptake on a voxel of a basin belongs to it.

        Returns:
            float32, 0 elsewhere, shape ``volume.grid.shape_kji``.
        """
        lowest = np.concatenate([[np.inf], UptakeBorder.parse(border).lowest(self.highest)]).astype(np.float32)
        each = np.concatenate([[0], values]).astype(np.float32)
        return each[self._outlined(lowest)]

    def _outlined(self, lowest: NDArray[np.float32]) -> NDArray[np.uint16]:
        """Return the number of the candidate in the voxels that belong to it, 0 elsewhere.

        Args:
            lowest: lowest uptake of each number, that of 0 first; infinite for those that are not wanted.
        """
        from scipy import ndimage  # only here: it takes long to import

        outlined = np.zeros(self.volume.grid.shape_kji, dtype=np.uint16)
        wanted = np.flatnonzero(np.isfinite(lowest[1:])) + 1
        for number in wanted.tolist():
            box = self._boxes[number - 1]
            if box is None:
                continue
            uptake = np.where(
                self.numbers[box] == number, self.volume.array_kji[box] * np.float32(self.factor), -np.inf
            )
            parts, _ = ndimage.label(uptake >= lowest[number], NEIGHBOURS)
            part = parts[np.unravel_index(int(uptake.argmax()), uptake.shape)]
            if part:
                outlined[box][parts == part] = number
        return outlined

    @cached_property
    def _boxes(self) -> list[tuple[slice, slice, slice] | None]:
        from scipy import ndimage  # as above

        found: list[tuple[slice, slice, slice] | None] = ndimage.find_objects(self.numbers, max_label=self.count)
        return found

    @cached_property
    def _inside(self) -> tuple[NDArray[np.intp], ...]:
        return np.nonzero(self.numbers)

    @cached_property
    def _uptake(self) -> NDArray[np.float32]:
        return self.volume.array_kji[self._inside] * np.float32(self.factor)
