"""Answer: what one reader said about one case, and what that makes of the case."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from ..core import OptionError

State = Literal["new", "found", "failed"]
Status = Literal["new", "found", "failed", "accepted", "rejected", "skipped"]
READER_FORM = r"[\w.-]{1,40}"
READER_VARIABLE = "CAMLOCALIZER_READER"
DEFAULT_READER = "reader-1"
RIGHT, WRONG = "right", "wrong"


@dataclass(frozen=True)
class Answer:
    """What a reader said about a case, or about one slice of it.

    Args:
        tumour: whether there is a tumour; None if that was not said.
        type: class of the tumour; empty if that was not said.
        map: ``right`` or ``wrong``, of the label map on show; empty if that was not said. Not for slices.
        skipped: whether the reader left the case for later. Not for slices.
        answered_at: time of the last answer, ISO 8601, UTC; empty without an answer.
    """

    tumour: bool | None = None
    type: str = ""
    map: str = ""
    skipped: bool = False
    answered_at: str = ""

    @property
    def given(self) -> bool:
        """Whether anything was said; skipping says nothing."""
        return self.tumour is not None or bool(self.map)

    def with_tumour(self, tumour: bool, kind: str = "") -> Answer:
        """Say whether there is a tumour, and of which class; another class is no longer said."""
        return replace(self, tumour=tumour, type=kind if tumour else "", skipped=False, answered_at=now())

    def with_map(self, verdict: str) -> Answer:
        """Say whether the label map is right."""
        return replace(self, map=verdict, skipped=False, answered_at=now())

    def left_for_later(self) -> Answer:
        """Skip the case, unless something was said already."""
        return self if self.given else Answer(skipped=True, answered_at=now())


def status_of(state: State, tumour_found: bool | None, answer: Answer) -> Status:
    """Return the status of a case for a reader.

    Args:
        state: what the model did with the case.
        tumour_found: what the model said; None as long as it said nothing.
        answer: of the reader.

    Returns:
        ``rejected`` if the map is wrong or the label contradicts the model, ``accepted`` for any other answer,
        ``skipped``, or else the state.
    """
    if answer.map:
        return "accepted" if answer.map == RIGHT else "rejected"
    if answer.tumour is not None:
        return "accepted" if tumour_found in (None, answer.tumour) else "rejected"
    return "skipped" if answer.skipped else state


def check_reader(name: str) -> str:
    """Return the identifier of a reader.

    Raises:
        OptionError: it is not 1 to 40 letters, digits, dots, dashes and underscores, or begins with a dot.
    """
    if not re.fullmatch(READER_FORM, name) or name.startswith("."):
        raise OptionError("reader", f"must be 1 to 40 letters, digits, dots, dashes or underscores, got {name!r}")
    return name


def now() -> str:
    """Return the time as it is recorded: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")
