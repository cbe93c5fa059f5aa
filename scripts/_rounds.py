"""Times of several calls taken in turns, so that a busy machine slows all of them alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any


def in_turns(calls: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call, one run of each per round."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            gc.collect()
            begin = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def ratio(seconds: Mapping[str, list[float]], name: str, to: str) -> float:
    """Median over rounds of one call's time over another's of the same round."""
    pairs = zip(seconds[name], seconds[to], strict=True)
    return statistics.median(one / other for one, other in pairs)


def ratios(seconds: Mapping[str, list[float]], to: str) -> dict[str, float]:
    """Ratio of each call's time to that of one of them."""
    return {name: ratio(seconds, name, to) for name in seconds}
