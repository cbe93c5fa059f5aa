"""CorrectByHand: the accepted tumour in Slicer's Segment Editor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

from ..workbench import Availability
from .buttons import Buttons
from .interactions import Interactions


class CorrectByHand:
    """Accepts the tumour if it was not accepted yet, and opens its segment in the Segment Editor.

    Args:
        ui: the widgets of the panel by name.
        workbench: knows where accepted segments are.
        availability: why nothing can be accepted.
        interactions: runs the action and shows what goes wrong.
        buttons: the buttons of the panel.
        accept: accepts the tumour as it stands.
    """

    def __init__(
        self,
        ui: Any,
        workbench: Any,
        availability: Availability,
        interactions: Interactions,
        buttons: Buttons,
        *,
        accept: Callable[[], None],
    ) -> None:
        self._workbench, self._available, self._buttons = workbench, availability, buttons
        self._interactions, self._accept = interactions, accept
        self._hidden: Any = None
        ui.correctButton.connect("clicked()", lambda: interactions.now(self.open))

    def show(self) -> None:
        """Show whether the button can be pressed, or why not."""
        self._buttons.allow("correctButton", self._available.correct_blocker())

    def open(self) -> None:
        """Open the Segment Editor on the accepted segment; the preview and the map make way for it."""
        place = self._accepted_place()
        if place is None:
            self._accept()
            place = self._accepted_place()
        if place is not None:  # the reviewer may have kept it from being accepted
            self._hide_preview()
            edit_segment(*place, self._workbench.volume_node)

    def _accepted_place(self) -> tuple[Any, str] | None:
        """Return node and id of the accepted segment that began as the tumour is now; None if there is none."""
        review, edited = self._interactions.review, self._workbench.edited_mask()
        mask = review.mask if edited is None else edited
        alike = (segment for segment in reversed(review.accepted) if segment.equals(mask))
        places = (self._workbench.place_of(segment) for segment in alike)
        return next((place for place in places if place is not None), None)

    def _hide_preview(self) -> None:
        self._hidden = self._workbench.preview_node
        if self._hidden is not None:
            self._hidden.GetDisplayNode().SetVisibility(False)
            self._workbench.layer.show(opacity=0.0, legend=False)

    def come_back(self) -> bool:
        """Show the preview again, when the panel is opened; returns whether it had been hidden."""
        node, self._hidden = self._hidden, None
        if node is None or node is not self._workbench.preview_node:
            return False
        node.GetDisplayNode().SetVisibility(True)
        return True


def edit_segment(segmentation_node: Any, segment_id: str, volume_node: Any) -> None:
    """Open Slicer's Segment Editor on a segment.

    Args:
        segmentation_node: that holds it.
        segment_id: which of its segments.
        volume_node: the source volume, whose intensities the effects of the editor use.
    """
    slicer.util.selectModule("SegmentEditor")
    editor = slicer.modules.SegmentEditorWidget.editor
    editor.setSegmentationNode(segmentation_node)
    editor.setSourceVolumeNode(volume_node)
    editor.setCurrentSegmentID(segment_id)
