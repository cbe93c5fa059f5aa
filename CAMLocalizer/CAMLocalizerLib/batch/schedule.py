"""A bounded number of tasks in flight, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from distributed import Future

Item = TypeVar("Item")
TICK_S = 1.0


def as_finished(
    submit: Callable[[Item], Future], items: Iterable[Item], limit: Callable[[], int], *, tick_s: float = TICK_S
) -> Iterator[tuple[Item, Future] | None]:
    """Submit items as earlier ones finish.

    Args:
        submit: returns the future of an item.
        items: taken one by one, so that they can be many.
        limit: how many may be in flight now.
        tick_s: how long to wait before None is given, so that a caller can look around.

    Yields:
        An item with its future, which is finished, failed or cancelled and is released afterwards; or None. Futures
        that are still in flight when the caller ends are cancelled.
    """
    waiting = iter(items)
    asked: dict[str, tuple[Item, Future]] = {}
    done: SimpleQueue[Future] = SimpleQueue()

    def refill() -> None:
        for item in islice(waiting, max(0, limit() - len(asked))):
            future = submit(item)
            asked[future.key] = (item, future)
            future.add_done_callback(done.put)

    try:
        refill()
        while asked:
            try:
                key = done.get(timeout=tick_s).key
            except Empty:
                yield None
            else:
                item, future = asked[key]
                yield item, future
                del asked[key]
                future.release()
            refill()
    finally:
        for _, future in asked.values():
            future.cancel()
