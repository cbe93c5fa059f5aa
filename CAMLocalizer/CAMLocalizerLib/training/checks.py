"""Problems collected before training starts, so that a user sees all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from ..core import CAMLocalizerError, InputError

MOST_LISTED = 20


class Problems:
    """A growing list of what is wrong, one sentence each."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def __len__(self) -> int:
        return len(self.sentences)

    def add(self, sentence: str) -> None:
        """Note a problem, once."""
        if sentence not in self.sentences:
            self.sentences.append(sentence)

    def extend(self, sentences: Iterable[str]) -> None:
        """Note several problems."""
        for sentence in sentences:
            self.add(sentence)

    @contextmanager
    def noted(self, prefix: str = "") -> Iterator[None]:
        """Note an error of ours that is raised inside instead of passing it on."""
        try:
            yield
        except CAMLocalizerError as error:
            self.add(f"{prefix}{error}")

    def raise_if_any(self, subject: str) -> None:
        """Raise one error that lists the problems.

        Args:
            subject: what they are problems of.

        Raises:
            InputError: there are problems; the first 20 are listed, the others counted.
        """
        if not self.sentences:
            return
        if len(self.sentences) == 1:
            raise InputError(f"{subject}: {self.sentences[0]}")
        lines = [f"{subject}: {len(self.sentences)} problems", *self.sentences[:MOST_LISTED]]
        if (more := len(self.sentences) - MOST_LISTED) > 0:
            lines.append(f"and {more} more")
        raise InputError("\n  - ".join(lines))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest of the known names, and all of them where none is near."""
    names = sorted(known)
    near = get_close_matches(name.lower(), names, 1, 0.6)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(names)}"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return names with commas, the first few of many."""
    each = list(names)
    shown = ", ".join(each[:most])
    return shown if len(each) <= most else f"{shown} and {len(each) - most} more"
