"""Basins: candidates of uptake on a volume's own grid, and the voxels of those that are chosen."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..core import MM3_PER_ML, Volume, label_components
from ..views import nearest_isotropic
from .candidates import EDGE_MM
from .uptake_border import SMALL_ML, UptakeBorder


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
        self, chosen: Collection[int], border: UptakeBorder | str, reference_suv: float | None = None
    ) -> NDArray[np.bool_]:
        """Outline some candidates: of each what hangs together with its highest voxel.

        Args:
            chosen: their numbers, from 0.
            border: from which uptake on a voxel of a basin belongs to it.
            reference_suv: what the border compares with, see :meth:`UptakeBorder.lowest`.

        Returns:
            A new mask, shape ``volume.grid.shape_kji``.

        Raises:
            SettingsError: a border that is not understood or lacks its reference.
        """
        rule, wanted = UptakeBorder.parse(border), np.fromiter(chosen, dtype=np.intp, count=len(chosen))
        return self._outlined(rule, wanted, reference_suv) > 0

    def spread(
        self, values: NDArray[np.float32], border: UptakeBorder | str, reference_suv: float | None = None
    ) -> NDArray[np.float32]:
        """Give the voxels of every candidate its value, within a border.

        Args:
            values: one per candidate, shape (count,).
            border: from which uptake on a voxel of a basin belongs to it.
            reference_suv: what the border compares with, see :meth:`UptakeBorder.lowest`.

        Returns:
            float32, 0 elsewhere, shape ``volume.grid.shape_kji``.
        """
        each = np.concatenate([[0], values]).astype(np.float32)
        return each[self._outlined(UptakeBorder.parse(border), np.arange(self.count), reference_suv)]

    def _outlined(
        self, border: UptakeBorder, wanted: NDArray[np.intp], reference_suv: float | None = None
    ) -> NDArray[np.uint16]:
        """Return the number of the candidate, from 1, in the voxels that belong to it, 0 elsewhere."""
        outlined = np.zeros(self.volume.grid.shape_kji, dtype=np.uint16)
        lowest, of_small = (
            rule.lowest(self.highest[wanted], reference_suv).tolist() for rule in (border, border.of_small_lesions)
        )
        for number, usual, small in zip((wanted + 1).tolist(), lowest, of_small, strict=True):
            box = self._boxes[number - 1]
            if box is None:
                continue
            part = self._hot_part(box, number, usual)
            if small != usual and np.count_nonzero(part) * self.volume.grid.voxel_volume_mm3 < SMALL_ML * MM3_PER_ML:
                part = self._hot_part(box, number, small)
            outlined[box][part] = number
        return outlined

    def _hot_part(self, box: tuple[slice, slice, slice], number: int, lowest: float) -> NDArray[np.bool_]:
        """Find what hangs together with the highest voxel of a basin, above some uptake."""
        uptake = self.volume.array_kji[box] * np.float32(self.factor)
        uptake[self.numbers[box] != number] = -np.inf
        parts, _ = label_components(uptake >= lowest)
        top = parts[np.unravel_index(int(uptake.argmax()), uptake.shape)]
        found: NDArray[np.bool_] = (parts == top) & (top > 0)
        return found

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
