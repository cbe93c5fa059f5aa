"""Runs: a mask as stretches of voxels along i, few enough to be counted, joined and measured quickly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core import label_components
from .slabs import blocks, in_slabs

# From this many runs on (noise) reading every voxel is faster than joining runs.
MANY_RUNS = 150_000
BYTES_AT_ONCE = 1 << 18

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Runs:
    """Stretches of voxels along i that are set, in storage order.

    Args:
        starts: flat index of the first voxel of each.
        stops: flat index behind the last voxel of each; in the same row as the first.
        shape_kji: shape of the mask.
    """

    starts: NDArray[np.intp]
    stops: NDArray[np.intp]
    shape_kji: tuple[int, int, int]

    @classmethod
    def of(cls, mask: NDArray) -> Runs:
        """Find the runs of everything that is not zero in a mask (k, j, i)."""
        k, j, i = mask.shape
        flat = np.ascontiguousarray(mask).reshape(-1)
        return cls(*_runs(flat if flat.dtype == bool else flat != 0, i), (k, j, i))

    @classmethod
    def of_rows(cls, rows: NDArray[np.intp], mask: NDArray[np.bool_], shape_kji: tuple[int, int, int]) -> Runs:
        """Find the runs of a mask that is set in a few rows only.

        Args:
            rows: numbers of these rows, counted through all planes, growing.
            mask: their voxels, shape (rows, i).
            shape_kji: shape of the whole mask.
        """
        starts, stops = _runs(mask.reshape(-1), shape_kji[2])
        row = starts // shape_kji[2]
        shift = (rows[row] - row) * shape_kji[2]
        return cls(starts + shift, stops + shift, shape_kji)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def lengths(self) -> NDArray[np.intp]:
        """Voxels of each run."""
        return self.stops - self.starts

    def components(self) -> NDArray[np.intp]:
        """Join runs that touch (26 neighbours).

        Returns:
            Component of each run: 0, 1, ... in storage order of the components' first voxels.
        """
        if not len(self):
            return np.zeros(0, dtype=np.intp)
        labels = self._labelled() if len(self) > MANY_RUNS else self._joined()
        first = np.empty(int(labels.max()) + 1, dtype=np.intp)
        first[labels[::-1]] = np.arange(len(self) - 1, -1, -1)  # the last one written is the first run
        number = np.empty_like(first)
        number[np.argsort(first)] = np.arange(len(first))
        return number[labels]

    def boxes(self) -> Iterator[tuple[Box, tuple[int, int, int]]]:
        """Give the bounding box of each component and its first voxel, in storage order of the latter."""
        if not len(self):
            return
        component = self.components()
        order = np.argsort(component, kind="stable")
        begin = np.flatnonzero(np.diff(component[order], prepend=-1))
        k, j, i = (axis[order] for axis in np.unravel_index(self.starts, self.shape_kji))
        lows = [np.minimum.reduceat(axis, begin) for axis in (k, j, i)]
        highs = [np.maximum.reduceat(axis, begin) for axis in (k, j, i + self.lengths[order] - 1)]
        voxels = zip(*(axis[begin].tolist() for axis in (k, j, i)), strict=True)
        for low, high, (first_k, first_j, first_i) in zip(np.transpose(lows), np.transpose(highs), voxels, strict=True):
            lines = [slice(start, stop + 1) for start, stop in zip(low.tolist(), high.tolist(), strict=True)]
            yield (lines[0], lines[1], lines[2]), (first_k, first_j, first_i)

    def _joined(self) -> NDArray[np.intp]:
        """Hang components that touch under the one whose first run comes first, until none are left that touch.

        About as fast as scipy's graphs, whose import alone takes longer than everything else done to a mask.
        """
        first, last = self._neighbours()
        later = ranges(first.ravel(), (last - first).ravel())
        earlier = np.repeat(np.arange(len(self)), (last - first).sum(axis=1))
        root = np.arange(len(self))  # of each run: a run of its component, in the end the first one
        while not np.array_equal(one := root[earlier], other := root[later]):
            np.minimum.at(root, np.maximum(one, other), np.minimum(one, other))
            while not np.array_equal(root, above := root[root]):
                root = above
        return (np.cumsum(root == np.arange(len(self))) - 1)[root]

    def _neighbours(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return which runs of the four rows that come later touch each run: first and behind the last, (runs, 4)."""
        _, rows, width = self.shape_kji
        row = self.starts // width
        # An empty voxel after each row and an empty row after each plane, so that borders do not touch.
        shift = row + (row // rows) * (width + 1)
        starts, stops = self.starts + shift, self.stops + shift
        steps = np.array([1, rows, rows + 1, rows + 2]) * (width + 1)
        first = [np.searchsorted(stops, starts + step, side="left") for step in steps]
        last = [np.searchsorted(starts, stops + step, side="right") for step in steps]
        return np.stack(first, axis=1), np.stack(last, axis=1)

    def _labelled(self) -> NDArray[np.intp]:
        mask = np.empty(self.shape_kji, dtype=np.uint8)
        self.write(mask.reshape(-1), np.ones(len(self), dtype=np.uint8))
        labels, _ = label_components(mask)
        return labels.reshape(-1)[self.starts].astype(np.intp) - 1

    def write(self, flat: NDArray, values: NDArray) -> None:
        """Overwrite a flat array: in each run its value, 0 elsewhere."""
        flat[:] = 0
        self.set(flat, values)

    def set(self, flat: NDArray, values: NDArray) -> None:
        """Set each run of a flat array that is 0 everywhere to its value."""
        rows, starts, stops = self._close_up()
        width = self.shape_kji[2]
        bounds = np.zeros(2 * len(self) + 2, dtype=np.intp)
        bounds[1:-1:2], bounds[2:-1:2], bounds[-1] = starts, stops, len(rows) * width
        pattern = np.zeros(2 * len(self) + 1, dtype=flat.dtype)
        pattern[1::2] = values
        flat.reshape(-1, width)[rows] = np.repeat(pattern, np.diff(bounds)).reshape(-1, width)

    def maxima(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the highest value within each run; ``values`` is flat."""
        rows, starts, stops = self._close_up()
        near = values.reshape(-1, self.shape_kji[2])[rows].reshape(-1)
        bounds = np.stack([starts, stops], axis=1).ravel()
        if len(bounds) and bounds[-1] == near.size:
            bounds = bounds[:-1]
        found: NDArray[np.float32] = np.maximum.reduceat(near, bounds)[::2] if len(bounds) else near
        return found

    def _close_up(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """Return the rows that have runs, and where the runs lie among these rows alone."""
        row = self.starts // self.shape_kji[2]
        new = np.diff(row, prepend=-1) > 0
        shift = (row - np.cumsum(new) + 1) * self.shape_kji[2]
        return row[new], self.starts - shift, self.stops - shift


def ranges(starts: NDArray[np.intp], lengths: NDArray[np.intp]) -> NDArray[np.intp]:
    """Write out whole numbers: ``starts[0]``, ``starts[0] + 1``, ... for ``lengths[0]`` of them, and so on."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - lengths), lengths)


def _runs(flat: NDArray[np.bool_], width: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if not flat.size:  # no row may hold anything
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    found = np.concatenate(in_slabs(lambda part: _changes(flat, part), flat.size, flat.size))
    changes = np.append(found, flat.size) if len(found) % 2 else found
    return _by_row(changes[::2], changes[1::2], width)


def _changes(flat: NDArray[np.bool_], part: slice) -> NDArray[np.intp]:
    """Return the indices within ``part`` whose value differs from the one before; before the first comes False."""
    found = [np.zeros(1, dtype=np.intp)] if part.start == 0 and flat[0] else []
    scratch = np.zeros(BYTES_AT_ONCE, dtype=bool)
    for block in blocks(slice(max(part.start, 1), part.stop), 1, BYTES_AT_ONCE):
        changed = scratch[: block.stop - block.start]
        np.not_equal(flat[block], flat[block.start - 1 : block.stop - 1], out=changed)
        scratch[len(changed) :] = False
        found.append(_set_bytes(scratch) + block.start)
    return np.concatenate(found) if found else np.zeros(0, dtype=np.intp)


def _set_bytes(array: NDArray[np.bool_]) -> NDArray[np.intp]:
    """As ``np.flatnonzero``, eight at a time: quick where few are set."""
    words = np.flatnonzero(array.view(np.uint64) != 0)
    if 4 * len(words) > len(array) // 8:
        return np.flatnonzero(array)
    which, byte = np.nonzero(array.reshape(-1, 8)[words])
    return 8 * words[which] + byte


def _by_row(starts: NDArray[np.intp], stops: NDArray[np.intp], width: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cut runs that continue in the next row."""
    first = starts // width
    rows = (stops - 1) // width - first + 1
    if not len(rows) or rows.max() == 1:
        return starts, stops
    row = ranges(first, rows)
    return np.maximum(np.repeat(starts, rows), row * width), np.minimum(np.repeat(stops, rows), (row + 1) * width)
