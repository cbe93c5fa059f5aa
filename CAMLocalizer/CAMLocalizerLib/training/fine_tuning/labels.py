"""The labels of a table by the class names of the model that is fine-tuned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ...models import ModelCard
from ..checks import Problems, did_you_mean
from ..table import Row

NO_TUMOUR, ANY_TUMOUR = "none", "tumour"
TUMOUR_FREE = (NO_TUMOUR, "no tumour")


def mapped_rows(rows: Sequence[Row], card: ModelCard, table: Path, problems: Problems) -> list[Row]:
    """Give each line one of the model's class names; a tumour of unknown type keeps ``tumour``.

    Args:
        rows: lines of the table.
        card: of the model.
        table: for the messages.
        problems: takes a sentence for each label that no class of the model stands for.

    Returns:
        The lines that could be mapped. ``none`` and ``no tumour`` are the one class without a tumour, and ``tumour`` is
        the one tumour class where there is only one.
    """
    names = {label: _class_of(label, card) for label in sorted({row.label for row in rows})}
    for label, name in names.items():
        if name is None:
            problems.add(f"{table}: {_unmapped(label, card)}")
    found = [replace(row, label=name) for row in rows if (name := names[row.label]) is not None]
    if len({row.label for row in found}) == 1 and len(rows) == len(found) and not len(problems):
        problems.add(f"{table}: all labels mean {found[0].label!r}; a classifier needs images of two classes at least")
    return found


def _class_of(label: str, card: ModelCard) -> str | None:
    if label in card.classes:
        return label
    if label in TUMOUR_FREE and len(card.other_classes) == 1:
        return card.other_classes[0]
    if label == ANY_TUMOUR and card.other_classes:
        return card.tumour_classes[0] if len(card.tumour_classes) == 1 else ANY_TUMOUR
    return None


def _unmapped(label: str, card: ModelCard) -> str:
    classes = ", ".join(card.classes)
    if label == ANY_TUMOUR:
        return f"label {label!r} teaches {card.name} nothing, as all its classes are tumours: {classes}; give the type"
    if label in TUMOUR_FREE:
        number = len(card.other_classes)
        return f"label {label!r} needs one class without a tumour, and {card.name} has {number}: {classes}"
    return (
        f"label {label!r} is not a class of {card.name}{did_you_mean(label, (*card.classes, NO_TUMOUR, ANY_TUMOUR))}; "
        "rename it, or train a new model with its class (no --from)"
    )
