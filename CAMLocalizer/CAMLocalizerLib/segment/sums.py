"""Weighted sums of maps on the volume's grid, in blocks that stay in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .slabs import BLOCK, blocks, in_slabs


@dataclass(frozen=True, eq=False)
class Term:
    """One map and what it is multiplied by.

    Args:
        array: map, float32.
        factor: float32, one value per slice, of a shape that broadcasts against the map.
        limit: what the product is cut at; None where it cannot be too high.
    """

    array: NDArray[np.float32]
    factor: NDArray[np.float32]
    limit: np.float32 | None = None

    def write(self, part: slice, out: NDArray[np.float32]) -> None:
        """Write the product for a part of the first axis."""
        np.multiply(self.array[part], _at(self.factor, part), out=out)
        if self.limit is not None:
            np.minimum(out, self.limit, out=out)


def weighted_sum(
    total: NDArray[np.float32], terms: Sequence[Term], slice_axis: int, *, add: bool = False
) -> NDArray[np.float32]:
    """Sum terms one after the other, in float32.

    Args:
        total: overwritten with the sum.
        terms: at least one; all have factors of zero for the same slices.
        slice_axis: axis that counts the slices.
        add: add to ``total`` instead.

    Returns:
        Highest sum of each slice, as :func:`slice_maxima`.
    """

    def work(part: slice) -> list[NDArray[np.float32]]:
        scratch = np.empty((min(_planes(total), part.stop - part.start), *total.shape[1:]), dtype=np.float32)
        maxima = []
        for block in _blocks(total, part):
            if _at(terms[0].factor, block).any():
                _sum_up(total[block], terms, block, scratch, add)
            elif not add:
                total[block] = 0
            maxima.append(_highest(total[block], slice_axis))
        return maxima

    return _joined(in_slabs(work, len(total), total.size), slice_axis)


def _sum_up(
    sums: NDArray[np.float32], terms: Sequence[Term], block: slice, scratch: NDArray[np.float32], add: bool
) -> None:
    first = 0 if add else 1
    if not add:
        terms[0].write(block, sums)
    product = scratch[: len(sums)]
    for term in terms[first:]:
        term.write(block, product)
        np.add(sums, product, out=sums)


def slice_maxima(array: NDArray[np.float32], slice_axis: int) -> NDArray[np.float32]:
    """Return the highest value of each slice, in a shape that broadcasts against the array."""

    def work(part: slice) -> list[NDArray[np.float32]]:
        return [_highest(array[block], slice_axis) for block in _blocks(array, part)]

    return _joined(in_slabs(work, len(array), array.size), slice_axis)


def divide(array: NDArray[np.float32], divisors: NDArray[np.float32], maxima: NDArray[np.float32]) -> None:
    """Divide an array, whose maxima are known and at least 0, in place by one value per slice."""

    def work(part: slice) -> None:
        for block in _blocks(array, part):
            if _at(maxima, block).any():  # zero stays zero
                np.divide(array[block], _at(divisors, block), out=array[block])

    in_slabs(work, len(array), array.size)


def stretch_maxima(flat: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Return the highest value of each stretch of so many voxels; the last stretch may be shorter."""
    count = -(-flat.size // length)

    def work(part: slice) -> NDArray[np.float32]:
        values = flat[part.start * length : part.stop * length]
        highest: NDArray[np.float32] = np.maximum.reduceat(values, np.arange(0, values.size, length))
        return highest

    return np.concatenate(in_slabs(work, count, flat.size))


def _planes(array: NDArray) -> int:
    return max(1, BLOCK // array[0].size)


def _blocks(array: NDArray, part: slice) -> list[slice]:
    return list(blocks(part, array[0].size))


def _at(values: NDArray[np.float32], part: slice) -> NDArray[np.float32]:
    return values if len(values) == 1 else values[part]


def _highest(array: NDArray[np.float32], slice_axis: int) -> NDArray[np.float32]:
    highest: NDArray[np.float32] = array.max(axis=tuple({0, 1, 2} - {slice_axis}), keepdims=True)
    return highest


def _joined(parts: list[list[NDArray[np.float32]]], slice_axis: int) -> NDArray[np.float32]:
    maxima = [each for part in parts for each in part]
    return np.concatenate(maxima) if slice_axis == 0 else np.maximum.reduce(maxima)
