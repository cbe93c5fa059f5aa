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
        group: ``label``, ``type``, ``map`` or ``more``; buttons of a group stand together.
    """

    key: str
    action: str
    values: tuple[str, ...]
    label: str
    hint: str
    group: str


def answer_keys(types: Sequence[str]) -> tuple[AnswerKey, ...]:
    """Return the keys that answer.

    Args:
        types: classes of tumours of the model; with a single one there is nothing to choose.
    """
    chosen = types[:MOST_TYPES] if len(types) > 1 else ()
    return (
        AnswerKey("t", "say_tumour", (), "Tumour", "There is a tumour", "label"),
        AnswerKey("h", "say_none", (), "None", "There is no tumour", "label"),
        *(
            AnswerKey(str(number), "say_type", (name,), name.capitalize(), f"There is a tumour: {name}", "type")
            for number, name in enumerate(chosen, start=1)
        ),
        AnswerKey("y", "say_right", (), "Map right", "The label map is right as it is shown", "map"),
        AnswerKey("w", "say_wrong", (), "Map wrong", "The label map is wrong", "map"),
        AnswerKey("s", "skip", (), "Skip", "Leave the case for later", "more"),
        AnswerKey("Backspace", "take_back", (), "Take back", "Take back what was said about the case", "more"),
    )


NEXT, PREVIOUS, SLICES = "j", "k", "m"
