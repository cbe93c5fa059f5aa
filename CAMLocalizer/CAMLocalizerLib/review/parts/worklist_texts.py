"""What the page says of the cases of a worklist and of the answers."""

from __future__ import annotations

from ...workbench.presenter import volume_text
from ...worklist import Answer, AnswerKey, Case, Counts
from ..page_state import CaseRow

TOO_EARLY = "The model has not looked at this case yet."
NEEDS_MAP = ("say_right", "say_wrong")


def row_of(case: Case) -> CaseRow:
    """Return a case as a line of the list."""
    return CaseRow(case.id, case.name, case.status, detail(case), said(case), f"thumbnail/{case.id}?{case.state}")


def detail(case: Case) -> str:
    """Say how probable a tumour is and how large, or why the case failed."""
    if case.state == "failed":
        return case.sentence
    if case.probability is None or case.volume_ml is None:
        return ""
    return f"{100 * case.probability:.0f} %, {volume_text(case.volume_ml)}"


def said(case: Case) -> str:
    """Say what the reader said."""
    answer = case.answer
    words = [] if answer.tumour is None else [(answer.type or "tumour") if answer.tumour else "none"]
    words += [f"map {answer.map}"] if answer.map else []
    words += [f"{case.labelled_slices} slices"] if case.labelled_slices else []
    return ", ".join(words)


def progress(counts: Counts) -> str:
    """Say how far the reader is."""
    words = [f"{counts.answered} of {counts.total} answered"]
    words += [f"{counts.skipped} skipped"] if counts.skipped else []
    words += [f"{counts.waiting} waiting for the model"] if counts.waiting else []
    return ", ".join(words)


def is_said(key: AnswerKey, answer: Answer) -> bool:
    """Return whether a key stands for what was said."""
    return {
        "say_tumour": answer.tumour is True,
        "say_none": answer.tumour is False,
        "say_type": bool(answer.type) and answer.type in key.values,
        "say_right": answer.map == "right",
        "say_wrong": answer.map == "wrong",
        "skip": answer.skipped,
    }.get(key.action, False)


def blocker(key: AnswerKey, *, reviewed: bool, slices: bool) -> str:
    """Say why a key cannot be used now; empty if it can.

    Args:
        key: the key.
        reviewed: whether the model has looked at the case.
        slices: whether slices are labelled.
    """
    if not reviewed and (slices or key.action in NEEDS_MAP):
        return TOO_EARLY
    if slices and (key.action in NEEDS_MAP or key.action == "skip"):
        return "This is said of whole cases."
    return ""
