"""Availability: why an action cannot be done now, in a sentence."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .review.review import Review

FIRST_STEP = "Find tumours first."  # as the buttons of panel and page are called


class Bench(Protocol):
    """What has to be known of a workbench to tell which actions are available."""

    @property
    def review(self) -> Review | None:
        """The review on show."""
        ...

    @property
    def running(self) -> bool:
        """Whether the classifier is running."""
        ...

    @property
    def volume_node(self) -> Any:
        """The chosen volume."""
        ...

    @property
    def model(self) -> str:
        """Name of the model."""
        ...

    def notice(self) -> str:
        """Say that the volume was removed, moved or changed; empty if it was not."""
        ...

    def edited_mask(self) -> NDArray[np.uint8] | None:
        """Return the preview as it was edited by hand."""
        ...


class Availability:
    """One method per action; each returns why the action cannot be done now, empty if it can.

    Args:
        bench: the workbench.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def run_blocker(self) -> str:
        """Return why no run can be started."""
        if self._bench.running:
            return "The classifier is running; cancel it first."
        if self._bench.volume_node is None:
            return "Choose a volume first."
        if not self._bench.model:
            return "No model is installed."
        return ""

    def batch_blocker(self) -> str:
        """Return why no batch can be started."""
        if self._bench.running:
            return "The classifier is running; cancel it first."
        return "" if self._bench.model else "No model is installed."

    def cancel_blocker(self) -> str:
        """Return why there is nothing to cancel."""
        return "" if self._bench.running else "Nothing is running."

    def review_blocker(self) -> str:
        """Return why settings cannot be changed."""
        return FIRST_STEP if self._bench.review is None else ""

    def accept_blocker(self) -> str:
        """Return why the label map cannot be accepted."""
        review = self._bench.review
        if (reason := self.review_blocker() or self._bench.notice()) or review is None:
            return reason
        edited = self._bench.edited_mask()
        if not (review.mask if edited is None else edited).any():
            return "The label map is empty; lower the threshold or keep a component."
        if name := review.accepted_as:
            return f"The label map was accepted as {name} already."
        return ""

    def correct_blocker(self) -> str:
        """Return why the tumour cannot be corrected by hand."""
        review = self._bench.review
        return "" if review is not None and review.accepted_as else self.accept_blocker()

    def undo_blocker(self) -> str:
        """Return why nothing can be undone."""
        review = self._bench.review
        return self.review_blocker() or ("" if review and review.can_undo else "There is nothing to undo.")

    def redo_blocker(self) -> str:
        """Return why nothing can be redone."""
        review = self._bench.review
        return self.review_blocker() or ("" if review and review.can_redo else "There is nothing to redo.")

    def notice(self) -> str:
        """Return what became of the volume since the run, which blocks everything but a new run."""
        return self._bench.notice()

    def export_blocker(self) -> str:
        """Return why nothing can be exported."""
        return self.review_blocker() or self._bench.notice()
