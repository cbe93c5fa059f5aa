"""History: states that can be gone back to."""

from __future__ import annotations

from typing import Generic, TypeVar

State = TypeVar("State")
LONGEST = 200


class History(Generic[State]):
    """The states of something, in the order in which they came, and where in it one stands.

    Args:
        first: the state to begin with.
        longest: how many steps back are remembered.
    """

    def __init__(self, first: State, longest: int = LONGEST) -> None:
        self._entries: list[tuple[str, State]] = [("", first)]
        self._at = 0
        self._longest = longest

    @property
    def current(self) -> State:
        """The state one stands at."""
        return self._entries[self._at][1]

    @property
    def back_text(self) -> str:
        """What a step back takes away; empty at the beginning."""
        return self._entries[self._at][0] if self._at else ""

    @property
    def forward_text(self) -> str:
        """What a step forward brings again; empty at the end."""
        return self._entries[self._at + 1][0] if self._at + 1 < len(self._entries) else ""

    @property
    def back(self) -> State | None:
        """The state before, None at the beginning."""
        return self._entries[self._at - 1][1] if self._at else None

    @property
    def forward(self) -> State | None:
        """The state after, None at the end."""
        return self._entries[self._at + 1][1] if self._at + 1 < len(self._entries) else None

    def push(self, text: str, state: State) -> None:
        """Come to a new state; those that were stepped back from are forgotten."""
        del self._entries[self._at + 1 :]
        self._entries.append((text, state))
        del self._entries[: max(0, len(self._entries) - 1 - self._longest)]
        self._at = len(self._entries) - 1

    def step(self, by: int) -> None:
        """Stand one state further back (-1) or forward (1)."""
        self._at = min(max(self._at + by, 0), len(self._entries) - 1)
