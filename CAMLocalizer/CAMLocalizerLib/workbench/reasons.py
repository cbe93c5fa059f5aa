"""Reasons: what a button that cannot be pressed says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .review import Review


class Reasons(ABC):
    """One method per action; a sentence why it cannot be done now, empty if it can."""

    review: Review | None

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether the classifier is at work."""

    @property
    @abstractmethod
    def volume_node(self) -> Any:
        """The volume to look at."""

    @property
    @abstractmethod
    def model(self) -> str:
        """Name of the model."""

    @abstractmethod
    def notice(self) -> str:
        """Say that the volume is not what it was; empty if it is."""

    @abstractmethod
    def edited_mask(self) -> NDArray[np.uint8] | None:
        """Return the preview as it was edited by hand."""

    def why_not_run(self) -> str:
        """Say why no run can be started; empty if one can."""
        if self.running:
            return "The classifier is running; cancel it first."
        if self.volume_node is None:
            return "Choose a volume first."
        if not self.model:
            return "No model is installed."
        return ""

    def why_not_cancel(self) -> str:
        """Say why there is nothing to cancel; empty if there is."""
        return "" if self.running else "Nothing is running."

    def why_not_review(self) -> str:
        """Say why settings cannot be changed; empty if they can."""
        if self.review is None:
            return "Run the classifier first."
        return ""

    def why_not_accept(self) -> str:
        """Say why the label map cannot be accepted; empty if it can."""
        if (reason := self.why_not_review() or self.notice()) or self.review is None:
            return reason
        edited = self.edited_mask()
        if not (self.review.mask if edited is None else edited).any():
            return "The label map is empty; lower the threshold or keep a region."
        return ""

    def why_not_undo(self) -> str:
        """Say why nothing can be undone; empty if something can."""
        return self.why_not_review() or ("" if self.review and self.review.can_undo else "There is nothing to undo.")

    def why_not_redo(self) -> str:
        """Say why nothing can be done again; empty if something can."""
        return self.why_not_review() or ("" if self.review and self.review.can_redo else "There is nothing to redo.")

    def why_not_export(self) -> str:
        """Say why nothing can be exported; empty if something can."""
        return self.why_not_review() or self.notice()
