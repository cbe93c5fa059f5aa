"""ComponentSet: the connected components of a mask, and their measures without reading every voxel again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..core import MM3_PER_ML, Grid, GridError, OptionError, SettingsError, SuvMeasures
from .voxel_runs import Runs, ranges

ROUNDING = 1 - 1e-9


@dataclass(frozen=True)
class Component:
    """One connected component.

    Args:
        label: 1 for the largest component, then counting down in volume.
        volume_mm3: volume in cubic millimetres.
        centre_lps_mm: centre of mass of its voxels (all weigh the same), LPS in mm.
        peak: highest activation within; None where no activation was given.
        voxels: number of voxels.
        suv: PET measures; None unless the volume is a PET in SUV and was measured.
    """

    label: int
    volume_mm3: float
    centre_lps_mm: tuple[float, float, float]
    peak: float | None
    voxels: int
    suv: SuvMeasures | None = None


class ComponentSet:
    """Connected components (26 neighbours) of a mask: largest first, equal ones in storage order, labels from 1.

    Finding them takes one pass over the mask; all else is as quick as there are few runs of voxels.

    Args:
        runs: of the mask.
        component: of each run, counted from 0 in the order above.
        grid: where the voxels lie.
        activation: for the peaks, shape ``grid.shape_kji``; read when peaks are first asked for.
    """

    def __init__(
        self, runs: Runs, component: NDArray[np.intp], grid: Grid, activation: NDArray[np.float32] | None = None
    ) -> None:
        self.grid = grid
        self.voxels = _voxels(runs, component)
        self._runs = runs
        self._component = component
        self._activation = activation

    @classmethod
    def of(cls, mask: NDArray, grid: Grid, activation: NDArray[np.float32] | None = None) -> ComponentSet:
        """Find the components of everything that is not zero.

        Args:
            mask: bool or whole numbers, shape ``grid.shape_kji``; not needed any more afterwards.
            grid: where the voxels lie.
            activation: of the same shape, for the peaks.

        Raises:
            GridError: shapes that differ.
        """
        if mask.shape != grid.shape_kji:
            raise GridError(f"mask has shape {mask.shape}, its grid expects {grid.shape_kji}")
        if activation is not None and activation.shape != mask.shape:
            raise GridError(f"activation has shape {activation.shape}, the mask {mask.shape}")
        return cls.of_runs(Runs.of(mask), grid, activation)

    @classmethod
    def of_runs(cls, runs: Runs, grid: Grid, activation: NDArray[np.float32] | None = None) -> ComponentSet:
        """Find the components that runs of voxels make up; see :meth:`of`."""
        found = runs.components()
        order = np.argsort(-_voxels(runs, found), kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return cls(runs, rank[found], grid, activation)

    def __len__(self) -> int:
        return len(self.voxels)

    @cached_property
    def components(self) -> tuple[Component, ...]:
        """All components, largest first."""
        volumes = (self.voxels * self.grid.voxel_volume_mm3).tolist()
        peaks = [None] * len(self) if self.peaks is None else self.peaks.tolist()
        parts = zip(volumes, self._centres_lps_mm().tolist(), peaks, self.voxels.tolist(), strict=True)
        return tuple(
            Component(label, volume, (x, y, z), peak, number)
            for label, (volume, (x, y, z), peak, number) in enumerate(parts, start=1)
        )

    def large_enough(
        self,
        min_volume_ml: float = 0.0,
        keep_largest: int | None = None,
        *,
        min_share: float = 0.0,
        min_extent_mm: float = 0.0,
        slice_axis: int = 0,
    ) -> ComponentSet:
        """Return the components that are large enough, labelled anew from 1 in the same order.

        Args:
            min_volume_ml: components below this volume in millilitres are left out; at least 0.
            keep_largest: number of components to keep, at least 1; None for all.
            min_share: components below this share of the volume of the largest one that is left are left out, 0 to 1.
            min_extent_mm: components thinner than this across the slices are left out, unless they reach the first or
                the last slice, beyond which they may continue; at least 0.
            slice_axis: axis of the mask (k, j, i) that counts the slices.

        Raises:
            SettingsError: a negative volume or extent, a share above 1, or a number below 1.
        """
        check_rules(min_volume_ml, keep_largest, min_extent_mm, min_share)
        volumes_ml = self.voxels * (self.grid.voxel_volume_mm3 / MM3_PER_ML)
        enough = volumes_ml >= min_volume_ml * ROUNDING  # a component of exactly the minimum survives rounding
        if min_extent_mm > 0:
            enough &= self._thick_enough(min_extent_mm, slice_axis)
        if min_share > 0:
            enough &= self.voxels >= min_share * ROUNDING * self.voxels[enough].max(initial=0)
        if keep_largest is not None:
            enough[np.flatnonzero(enough)[keep_largest:]] = False
        if enough.all():
            return self
        chosen = enough[self._component]
        runs = Runs(self._runs.starts[chosen], self._runs.stops[chosen], self._runs.shape_kji)
        labels = np.cumsum(enough) - 1
        return ComponentSet(runs, labels[self._component[chosen]], self.grid, self._activation)

    def by_peak(self) -> ComponentSet:
        """Return the same components, labelled anew from 1 by their peaks, highest first.

        Raises:
            SettingsError: there is no activation to look for peaks in.
        """
        if self.peaks is None:
            raise SettingsError("components have no peaks, as no activation was given")
        order = np.argsort(-self.peaks, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return ComponentSet(self._runs, rank[self._component], self.grid, self._activation)

    def followed_by(self, others: ComponentSet) -> ComponentSet:
        """Return these components and after them others of the same grid, which share no voxel with them.

        Raises:
            GridError: another grid.
        """
        if not self.grid.matches(others.grid):
            raise GridError("components of two grids cannot be put together")
        starts = np.concatenate([self._runs.starts, others._runs.starts])
        order = np.argsort(starts, kind="stable")
        stops = np.concatenate([self._runs.stops, others._runs.stops])[order]
        component = np.concatenate([self._component, others._component + len(self)])[order]
        return ComponentSet(Runs(starts[order], stops, self._runs.shape_kji), component, self.grid, self._activation)

    def _thick_enough(self, min_extent_mm: float, slice_axis: int) -> NDArray[np.bool_]:
        first, last = self._slices(slice_axis)
        extents_mm = (last - first + 1) * self.grid.spacing_mm[2 - slice_axis]
        open_ended = (first == 0) | (last == self.grid.shape_kji[slice_axis] - 1)
        return open_ended | (extents_mm >= min_extent_mm * ROUNDING)

    def _slices(self, slice_axis: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the first and the last index of each component along an axis (0: k, 1: j, 2: i)."""
        begins = np.unravel_index(self._runs.starts, self.grid.shape_kji)[slice_axis]
        ends = np.unravel_index(self._runs.stops - 1, self.grid.shape_kji)[slice_axis]
        first = np.full(len(self), self.grid.shape_kji[slice_axis], dtype=np.intp)
        last = np.full(len(self), -1, dtype=np.intp)
        np.minimum.at(first, self._component, begins)
        np.maximum.at(last, self._component, ends)
        return first, last

    @cached_property
    def peaks(self) -> NDArray[np.float32] | None:
        """Highest activation within each component, shape (count,); None without an activation."""
        if self._activation is None:
            return None
        peaks = np.full(len(self), -np.inf, dtype=self._run_maxima.dtype)
        np.maximum.at(peaks, self._component, self._run_maxima)
        return peaks

    @cached_property
    def peaks_kji(self) -> tuple[tuple[int, int, int], ...]:
        """Voxel of each component's peak, the first one in storage order.

        Raises:
            SettingsError: there is no activation to look for peaks in.
        """
        if self._activation is None or self.peaks is None:
            raise SettingsError("components have no peaks, as no activation was given")
        reached = np.flatnonzero(self._run_maxima == self.peaks[self._component])
        run = _first(reached, self._component[reached], len(self))
        starts, lengths = self._runs.starts[run], self._runs.lengths[run]
        voxels, component = ranges(starts, lengths), np.repeat(np.arange(len(self)), lengths)
        hits = self._activation.reshape(-1)[voxels] == self.peaks[component]
        k, j, i = np.unravel_index(_first(voxels[hits], component[hits], len(self)), self.grid.shape_kji)
        return tuple(zip(k.tolist(), j.tolist(), i.tolist(), strict=True))

    def label_at(self, kji: Sequence[int]) -> int:
        """Return the label of the component that holds a voxel; 0 for background and for an index outside the grid."""
        if not all(0 <= index < size for index, size in zip(kji, self.grid.shape_kji, strict=True)):
            return 0
        flat = int(np.ravel_multi_index(tuple(int(index) for index in kji), self.grid.shape_kji))
        run = int(np.searchsorted(self._runs.starts, flat, side="right")) - 1
        return int(self._component[run]) + 1 if run >= 0 and flat < self._runs.stops[run] else 0

    @property
    def voxels_and_components(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Flat index of every voxel of every component, and which one holds it, from 0; both of shape (voxels,)."""
        lengths = self._runs.lengths
        return ranges(self._runs.starts, lengths), np.repeat(self._component, lengths)

    def mask(self) -> NDArray[np.bool_]:
        """Return a new mask of all components, bool, shape ``grid.shape_kji``; memory is only taken where they lie."""
        mask = np.zeros(self.grid.shape_kji, dtype=bool)
        self._runs.set(mask.reshape(-1), np.ones(len(self._runs), dtype=bool))
        return mask

    def write(self, mask_out: NDArray, kept: Collection[int]) -> None:
        """Overwrite a mask: 1 in the components kept, 0 elsewhere.

        Args:
            mask_out: bool or uint8, C-contiguous, shape ``grid.shape_kji``.
            kept: labels of components; others are ignored.

        Raises:
            GridError: another shape, or an array that is not C-contiguous.
        """
        if mask_out.shape != self.grid.shape_kji or not mask_out.flags.c_contiguous:
            raise GridError(f"mask must be C-contiguous of shape {self.grid.shape_kji}, got {mask_out.shape}")
        chosen = np.zeros(len(self) + 1, dtype=bool)
        labels = np.fromiter(kept, dtype=np.intp, count=len(kept))
        chosen[labels[(labels > 0) & (labels <= len(self))]] = True
        self._runs.write(mask_out.reshape(-1), chosen[1:][self._component])

    @cached_property
    def _run_maxima(self) -> NDArray[np.float32]:
        assert self._activation is not None
        return self._runs.maxima(self._activation.reshape(-1))

    def _centres_lps_mm(self) -> NDArray[np.float64]:
        lengths = self._runs.lengths
        k, j, i = np.unravel_index(self._runs.starts, self.grid.shape_kji)
        doubled = (2 * i + lengths - 1, 2 * j, 2 * k)  # of the middle of each run; whole numbers add up exactly
        sums = [np.bincount(self._component, weights=axis * lengths, minlength=len(self)) for axis in doubled]
        return self.grid.to_lps(np.stack(sums, axis=1) / (2 * self.voxels[:, None]))


def check_rules(
    min_volume_ml: float, keep_largest: int | None, min_extent_mm: float = 0.0, min_share: float = 0.0
) -> None:
    """Refuse a minimum volume, share or extent or a number of components that makes no sense.

    Raises:
        SettingsError: a negative volume or extent, a share above 1, or a number below 1.
    """
    if not 0 <= min_share <= 1:
        raise OptionError("min_share", f"must be 0 to 1, got {min_share}")
    if not np.isfinite(min_extent_mm) or min_extent_mm < 0:
        raise OptionError("min_extent_mm", f"must be at least 0, got {min_extent_mm}")
    if not np.isfinite(min_volume_ml) or min_volume_ml < 0:
        raise OptionError("min_volume_ml", f"must be at least 0, got {min_volume_ml}")
    if keep_largest is not None and keep_largest < 1:
        raise OptionError("keep_largest", f"must be at least 1, got {keep_largest}")


def _voxels(runs: Runs, component: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.bincount(component, weights=runs.lengths).astype(np.intp)


def _first(values: NDArray[np.intp], component: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return per component the first of its values; every component has one."""
    first = np.empty(count, dtype=np.intp)
    first[component[::-1]] = values[::-1]  # the last one written remains
    return first
