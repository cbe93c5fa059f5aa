"""Sharing a large array among threads."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.segment import slabs


@pytest.mark.parametrize("length", [1, 2, 3, 17])
def test_slabs_cover_the_axis_in_order(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    monkeypatch.setattr(slabs, "THREADS", 4)
    parts = slabs.in_slabs(lambda part: part, length, slabs.SMALLEST_SHARED)
    assert len(parts) == min(4, length)
    assert [n for part in parts for n in range(part.start, part.stop)] == list(range(length))


def test_small_arrays_are_not_shared() -> None:
    assert slabs.in_slabs(lambda part: part, 9, 100) == [slice(0, 9)]


def test_an_error_in_another_thread_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slabs, "THREADS", 2)

    def fail_late(part: slice) -> None:
        if part.start:
            raise ValueError("second slab")

    with pytest.raises(ValueError, match="second slab"):
        slabs.in_slabs(fail_late, 2, slabs.SMALLEST_SHARED)


@pytest.mark.parametrize(("width", "steps"), [(1, 8), (3, 2), (100, 1), (0, 8)])
def test_blocks_hold_no_more_than_their_size_but_at_least_one_step(width: int, steps: int) -> None:
    found = list(slabs.blocks(slice(2, 21), width, size=8))
    assert [n for part in found for n in range(part.start, part.stop)] == list(range(2, 21))
    assert max(part.stop - part.start for part in found) == steps


def test_a_forked_process_makes_threads_of_its_own() -> None:
    first = slabs._pool()
    slabs._pool.cache_clear()  # what a fork does in the child
    assert slabs._pool() is not first
    np.testing.assert_array_equal(slabs.in_slabs(lambda part: part.stop, 1, 1), [1])
