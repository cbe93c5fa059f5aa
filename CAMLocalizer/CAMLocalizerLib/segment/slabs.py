"""Slabs: numpy's work on a large array, shared among a few threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

THREADS = min(4, os.cpu_count() or 1)
# Below this many elements a second thread costs more than it gains.
SMALLEST_SHARED = 1 << 20
# What fits into a core's own cache with a few such blocks beside it.
BLOCK = 1 << 16

Result = TypeVar("Result")


def in_slabs(work: Callable[[slice], Result], length: int, elements: int) -> list[Result]:
    """Call ``work`` on consecutive parts of ``range(length)``, at the same time where the array is large.

    Args:
        work: gets a part; what it does must not depend on where the parts begin.
        length: of the axis.
        elements: size of the array; small ones are worked on in one part.

    Returns:
        What ``work`` returned, in order.
    """
    count = max(1, min(THREADS, length)) if elements >= SMALLEST_SHARED else 1
    first, *others = (slice(length * n // count, length * (n + 1) // count) for n in range(count))
    waiting = [_pool().submit(work, part) for part in others]
    return [work(first), *(each.result() for each in waiting)]


def blocks(part: slice, width: int, size: int = BLOCK) -> Iterator[slice]:
    """Cut a part of an array's first axis into blocks that stay in the cache.

    Args:
        part: start and stop along the first axis.
        width: elements per step of the first axis.
        size: elements per block, at least; one step may have more.
    """
    step = max(1, size // max(1, width))
    for start in range(part.start, part.stop, step):
        yield slice(start, min(start + step, part.stop))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="segment")


if hasattr(os, "register_at_fork"):  # a forked process has the pool, but none of its threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
