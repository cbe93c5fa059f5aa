"""ActivationLevels: how many voxels an activation has at each level, and the thresholds that follow from it."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..core import SettingsError
from .otsu import otsu
from .slabs import BLOCK, blocks, in_slabs

# A power of two: multiplying by it only moves the exponent, so that every float lies in its bin exactly.
BINS = 4096
OTSU_BINS = 256
# Voxels below and above a percentile that are sorted along with it.
NEARBY = 1 << 17


class ActivationLevels:
    """Percentiles, Otsu's threshold, histogram and cumulative counts of one activation.

    All is computed when first asked for and remembered: one pass counts the voxels in 4096 even steps, and a percentile
    then looks only at the voxels of its own step and of those nearby. Percentiles are those of ``np.percentile``, bit
    for bit.

    Percentile and Otsu use the slices that contribute, zeros within them included: rows, columns and slices
    of the array that are zero throughout (below the limit of the tumour probability, outside the field of view) are
    left out, whichever axis counts the slices.

    Args:
        activation: 0..1, any shape; must not change while this is used.
    """

    def __init__(self, activation: NDArray[np.floating]) -> None:
        self._activation = activation
        self._flat = activation.reshape(-1)
        self._sorted: dict[int, NDArray] = {}

    def percentile(self, percent: float) -> float:
        """Return the level below which so many percent of the contributing voxels lie; 0 if there are none."""
        count = self.contributing
        if not count:
            return 0.0
        position = (count - 1) * (percent / 100)
        below = int(position)
        low, high = self._ranked(below), self._ranked(min(below + 1, count - 1))
        share, step = position - below, high - low
        kind = self._flat.dtype.type
        return float(high - step * kind(1 - share) if share >= 0.5 else low + step * kind(share))

    def otsu(self) -> float:
        """Return Otsu's threshold; 0 without contributing voxels, just above their only value if they have but one."""
        if not self.contributing:
            return 0.0
        lowest, highest = self._ranked(0), self._ranked(self.contributing - 1)
        if lowest == highest:
            return float(np.nextafter(lowest, type(lowest)(np.inf)))
        edges = np.linspace(lowest, highest, OTSU_BINS + 1, dtype=self._flat.dtype)
        from_edge = np.concatenate([[self.contributing], self.at_or_above(edges[1:-1]), [0]])
        return otsu(-np.diff(from_edge), (edges[:-1] + edges[1:]) / 2)

    @cached_property
    def positive(self) -> int:
        """Number of voxels above 0."""
        return int(self._counts.sum())

    def histogram(self, bins: int = 256) -> NDArray[np.int64]:
        """Count the voxels above 0 in even steps from 0 to 1; those of exactly 1 are in the last.

        Args:
            bins: a power of two up to 4096.

        Raises:
            SettingsError: another number of bins.
        """
        _check_steps(bins)
        counts = self._counts[:BINS].copy()
        counts[-1] += self._counts[BINS]
        return counts.reshape(bins, -1).sum(axis=1)

    def curve(self, steps: int = 256) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the levels 0, 1 / steps, ..., 1 and how many voxels above 0 lie at or above each.

        Args:
            steps: a power of two up to 4096.

        Raises:
            SettingsError: another number of steps.
        """
        _check_steps(steps)
        return np.arange(steps + 1) / steps, self._counts[::-1].cumsum()[::-1][:: BINS // steps]

    def at_or_above(self, levels: NDArray[np.floating]) -> NDArray[np.int64]:
        """Count the voxels at or above each of some levels, which are above 0 and of the activation's own precision."""
        steps = np.minimum(levels * self._flat.dtype.type(BINS), BINS).astype(np.intp)
        between = levels * self._flat.dtype.type(BINS) != steps  # others begin a step, whose voxels are counted already
        self._load(steps[between])
        counts = self._above[steps] + self._counts[steps]
        for n in np.flatnonzero(between):
            counts[n] -= np.searchsorted(self._sorted[steps[n]], levels[n])
        return counts

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        """Voxels above 0 per step, those of 1 by themselves at the end, shape (4097,)."""

        def count(part: slice) -> NDArray[np.int64]:
            counts = np.zeros(BINS + 1, dtype=np.int64)
            steps = np.empty(BLOCK, dtype=np.intp)  # what bincount takes without a copy
            for block in blocks(part, 1):
                values = self._flat[block]
                positive = int(np.count_nonzero(values > 0))
                if positive:
                    np.copyto(steps[: len(values)], self._steps(values), casting="unsafe")
                    counts += np.bincount(steps[: len(values)], minlength=BINS + 1)
                    counts[0] -= len(values) - positive
            return counts

        total: NDArray[np.int64] = np.sum(in_slabs(count, self._flat.size, self._flat.size), axis=0)
        return total

    @cached_property
    def _above(self) -> NDArray[np.int64]:
        """Voxels in higher steps than each."""
        return self._counts[::-1].cumsum()[::-1] - self._counts

    @cached_property
    def contributing(self) -> int:
        """Number of voxels in rows, columns and slices that are not zero throughout."""
        array = self._activation
        width = array[:1].size

        def look(part: slice) -> tuple[int, NDArray[np.bool_]]:
            count, others = 0, np.zeros(array.shape[1:], dtype=bool)
            for block in blocks(part, width):
                positive = array[block] > 0
                count += int(np.count_nonzero(positive.reshape(len(positive), -1).any(axis=1)))
                others |= positive.any(axis=0)
            return count, others

        counts, found = zip(*in_slabs(look, len(array), array.size), strict=True)
        others = np.logical_or.reduce(found)
        axes = range(others.ndim)
        lines = [others.any(axis=tuple(other for other in axes if other != axis)) for axis in axes]
        return sum(counts) * int(np.prod([np.count_nonzero(line) for line in lines]))

    def _ranked(self, rank: int) -> np.floating:
        """Return the value with so many contributing voxels below it in sorted order."""
        from_top = self.contributing - rank  # 1 for the highest
        if from_top > self.positive:
            return self._flat.dtype.type(0)
        step = int(np.flatnonzero(self._above < from_top)[0])
        if step not in self._sorted:
            # With its neighbours, as the next percentile will be near by.
            first, last = np.searchsorted(-self._above, -self._above[step] + np.array([-NEARBY, NEARBY]))
            self._load(np.arange(min(first, step), max(last, step + 1)))
        found: np.floating = self._sorted[step][int(self._above[step]) - from_top]
        return found

    def _load(self, steps: NDArray[np.intp]) -> None:
        """Gather and sort the voxels above 0 of the steps that were not examined before."""
        wanted = np.zeros(BINS + 1, dtype=bool)
        wanted[[step for step in steps if step not in self._sorted]] = True
        if not wanted.any():
            return

        kind = self._flat.dtype.type
        first, last = np.flatnonzero(wanted)[[0, -1]]
        lowest, beyond = kind(first / BINS), kind((last + 1) / BINS if last < BINS else np.inf)

        def gather(part: slice) -> list[NDArray]:
            found = []
            for block in blocks(part, 1):
                values = self._flat[block]
                near = values[(values >= lowest) & (values < beyond)]
                found.append(near[wanted[self._steps(near)] & (near > 0)])
            return found

        parts = in_slabs(gather, self._flat.size, self._flat.size)
        values = np.sort(np.concatenate([each for part in parts for each in part]))
        for step, held in zip(np.flatnonzero(wanted), _split(values, self._steps(values), wanted), strict=True):
            self._sorted[int(step)] = held

    def _steps(self, values: NDArray) -> NDArray[np.uint16]:
        return np.minimum(values * values.dtype.type(BINS), BINS).astype(np.uint16)


def _check_steps(number: int) -> None:
    if number < 1 or BINS % number:
        raise SettingsError(f"number of steps from 0 to 1 must be a power of two up to {BINS}, got {number}")


def _split(values: NDArray, steps: NDArray[np.uint16], wanted: NDArray[np.bool_]) -> list[NDArray]:
    """Cut sorted values where their steps change; one part per wanted step, empty ones too."""
    bounds = np.searchsorted(steps, np.flatnonzero(wanted)[1:])
    return np.split(values, bounds)
