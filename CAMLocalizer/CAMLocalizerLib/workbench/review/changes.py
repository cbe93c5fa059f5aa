"""Change: what an action changed about a review."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum


class Change(Enum):
    """What observers of a review have to redraw."""

    SETTINGS = "settings"
    ACTIVATION = "activation"
    LABEL_MAP = "label map"
    COMPONENTS = "components"
    ACCEPTED = "accepted"
    HISTORY = "history"
    DRAWN = "drawn by hand"


Observer = Callable[[frozenset[Change]], None]


class Observers:
    """Those who want to know of changes, in the order in which they came."""

    def __init__(self) -> None:
        self._callbacks: list[Observer] = []

    def add(self, callback: Observer) -> Callable[[], None]:
        """Call ``callback`` after every change, until the function that is returned is called."""
        self._callbacks.append(callback)

        def leave() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return leave

    def tell(self, changes: set[Change]) -> None:
        """Tell all of them, unless nothing changed."""
        if changes:
            for callback in tuple(self._callbacks):
                callback(frozenset(changes))
