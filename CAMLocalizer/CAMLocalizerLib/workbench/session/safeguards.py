"""Safeguards: the questions that are asked before something is lost or mixed up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import CAMLocalizerError
from ...localizer import Findings
from ...mrml import grid_from_node, segment_names
from ..review.accepted import AcceptedSegment
from ..review.review import Review
from ..review.review_state import ReviewState
from ..scene.ownership import other_owner
from ..scene.review_layers import ReviewLayers
from .rerun import losses, same_model, same_place

EDITED_PREVIEW = "The tumour preview was edited by hand. {change} draws it anew and the edits are lost. Continue?"
REPLACED_REVIEW = "{run} begins without the {losses} of this review; accepted segments stay in the scene. Continue?"
OTHER_OUTPUT = "{name} belongs to {owner}, not to {volume}. Put what is accepted of {volume} into it all the same?"
EDITED_SEGMENT = "{names} was edited after it was accepted. Taking it back loses the edits. Continue?"


def refuse(question: str) -> bool:  # noqa: ARG001  the question that a user interface would show
    """Decline every question, if no user interface can ask the reviewer."""
    return False


class Safeguards(ABC):
    """What a review asks of its host, and what a workbench asks the reviewer."""

    confirm: Callable[[str], bool]
    review: Review | None
    _layers: ReviewLayers | None
    _reviewed_model: str

    @property
    @abstractmethod
    def volume_node(self) -> Any:
        """The chosen volume; None if none is chosen or it was removed."""

    @property
    @abstractmethod
    def output_node(self) -> Any:
        """The segmentation that accepted segments go to; None as long as nothing was accepted and none chosen."""

    # The review's host

    def may_change(self, before: ReviewState, after: ReviewState) -> bool:
        """Ask before something that was drawn by hand is lost."""
        if self._layers is None:
            return True
        if set(after.accepted) - set(before.accepted):
            self._layers.check_output()
        drawn = (before.settings, before.rejected_kji, before.kept_kji, before.restored_kji)
        if drawn != (after.settings, after.rejected_kji, after.kept_kji, after.restored_kji) and self._loses_edits():
            return self.confirm(EDITED_PREVIEW.format(change="This change"))
        gone = set(before.accepted) - set(after.accepted)
        if names := self._layers.edited_segments(gone):
            return self.confirm(EDITED_SEGMENT.format(names=" and ".join(names)))
        return True

    def edited_mask(self) -> NDArray[np.uint8] | None:
        """Return the preview as it was edited by hand; None where it was not."""
        return None if self._layers is None else self._layers.edited_mask()

    def taken_names(self) -> Collection[str]:
        """Return the names of the output segmentation's segments."""
        return () if self.output_node is None else segment_names(self.output_node)

    def holds(self, segment: AcceptedSegment) -> bool:
        """Tell whether an accepted segment is in the output segmentation as it was accepted."""
        return self._layers is not None and self._layers.holds(segment)

    def corrected(self, segment: AcceptedSegment) -> AcceptedSegment | None:
        """Return an accepted segment with what was corrected by hand since; None if it was deleted."""
        return segment if self._layers is None else self._layers.corrected(segment)

    def _loses_edits(self, agreed: NDArray[np.uint8] | None = None) -> bool:
        """Whether the preview holds edits that were neither accepted nor agreed to be lost."""
        edited = self.edited_mask()
        if edited is None or self.review is None or (agreed is not None and np.array_equal(edited, agreed)):
            return False
        return not any(segment.edited and np.array_equal(segment.mask, edited) for segment in self.review.accepted)

    # A further run, another output

    @property
    @abstractmethod
    def model(self) -> str:
        """Name or folder of the model."""

    def run_question(self) -> str:
        """Return what the reviewer is to be asked before a further run; empty if it loses nothing that was set."""
        same = self.model == self._reviewed_model
        lost = losses(self.review, model=same, place=self._in_place())
        run = f"A run of {Path(self.model).name}"
        return REPLACED_REVIEW.format(run=run, losses=lost) if lost else ""

    def _in_place(self) -> bool:
        """Whether the volume lies where it lay when it was reviewed."""
        try:
            return self.review is None or grid_from_node(self.volume_node).matches(self.review.found.volume.grid)
        except CAMLocalizerError:
            return True  # the run tells what is wrong

    def _may_replace(self, before: Review, found: Findings) -> bool:
        lost = losses(before, model=same_model(before, found), place=same_place(before, found))
        return not lost or self.confirm(REPLACED_REVIEW.format(run="The new run", losses=lost))

    def _may_go_to(self, node: Any) -> bool:
        if (volume := self.volume_node) is None:
            return True
        owner = other_owner(node, volume, "" if self.review is None else self.review.checksum)
        question = OTHER_OUTPUT.format(name=node.GetName(), owner=owner, volume=volume.GetName())
        return not owner or self.confirm(question)
