"""The keys of a worklist, alike in every user interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_TYPES = 9


@dataclass(frozen=True)
class AnswerKey:
    """A key and what it says.

    Args:
        key: as browsers call it.
        action: name of a method of :class:`WorklistSession`.
        values: its arguments.
        label: for a button.
        hint: for a list of keys.
    """

    key: str
    action: str
    values: tuple[str, ...]
    label: str
    hint: str


def answer_keys(types: Sequence[str]) -> tuple[AnswerKey, ...]:
    """Return the keys that answer.

    Args:
        types: classes of tumours of the model; with a single one there is nothing to choose.
    """
    chosen = types[:MOST_TYPES] if len(types) > 1 else ()
    return (
        AnswerKey("t", "say_tumour", (), "Tumour", "There is a tumour"),
        AnswerKey("h", "say_none", (), "None", "There is no tumour"),
        *(
            AnswerKey(str(number), "say_type", (name,), name.capitalize(), f"There is a tumour: {name}")
            for number, name in enumerate(chosen, start=1)
        ),
        AnswerKey("y", "say_right", (), "Map is right", "The label map is right as it is shown"),
        AnswerKey("w", "say_wrong", (), "Map is wrong", "The label map is wrong"),
        AnswerKey("s", "skip", (), "Skip", "Leave the case for later"),
        AnswerKey("Backspace", "take_back", (), "Take back", "Take back what was said about the case"),
    )


NEXT, PREVIOUS, SLICES = "j", "k", "m"
