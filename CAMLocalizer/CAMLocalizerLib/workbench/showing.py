"""Showing: the nodes by which a scene shows a review."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import LabelMap
from ..mrml import (
    ActivationLayer,
    PreviewSegment,
    add_segment,
    remove_segment,
    segment_mask,
    show_legend,
    style_accepted,
)
from ..mrml.colours import segment_colours
from ..mrml.removal import remove_node
from .accepted import AcceptedSegment
from .changes import Change
from .review import Review

ROLE = "CAMLocalizer.Role"
VOLUME_ROLE = "CAMLocalizer.Volume"
OUTPUT_ROLE = "CAMLocalizer.Output"
ACTIVATION, PREVIEW = "activation", "preview"


class Showing:
    """A review's activation over its volume, its label map as a preview, and its accepted segments.

    Args:
        scene: the ``vtkMRMLScene``.
        volume_node: what was looked at.
        review: what is shown.
        placed: for a review that the scene was saved with: the ids of its accepted segments by their keys. The preview
            is then left as it is, edits included.
    """

    def __init__(self, scene: Any, volume_node: Any, review: Review, placed: Mapping[str, str] | None = None) -> None:
        self.scene = scene
        self.volume_node = volume_node
        self.review = review
        self.placed = dict(placed or {})
        self._made_output = False
        old_layer, old_preview = (find_node(scene, volume_node, role) for role in (ACTIVATION, PREVIEW))
        name = volume_node.GetName()
        self.layer = ActivationLayer(scene, volume_node, f"{name} activation", node=old_layer)
        try:
            self.layer.write(review.activation)
            self.layer.show()  # before the segmentation, or its fill is drawn on black
            written = review.mask if old_preview is not None and placed is not None else None
            preview_name = f"{name} tumour preview"
            self.preview = PreviewSegment(scene, volume_node, preview_name, node=old_preview, written=written)
        except BaseException:
            if old_layer is None:
                self.layer.remove()
            raise
        if written is None:
            self.preview.write(review.mask)
        for role, node in ((ACTIVATION, self.layer.node), (PREVIEW, self.preview.node)):
            node.SetAttribute(ROLE, role)
            node.SetNodeReferenceID(VOLUME_ROLE, volume_node.GetID())
            node.GetDisplayNode().SetVisibility(True)
        self.output_node: Any = self.preview.node.GetNodeReference(OUTPUT_ROLE)
        self._outputs = dict.fromkeys(self.placed, self.output_node)
        self._leave = review.subscribe(self._on_change)

    def close(self) -> None:
        """Follow the review no longer; the nodes stay."""
        self._leave()

    def hide(self) -> None:
        """Follow the review no longer and show it in no view; the nodes stay for when it is shown again."""
        self.close()
        if self.preview.alive:
            self.preview.node.GetDisplayNode().SetVisibility(False)
        if self.layer.alive:
            show_legend(self.layer.node, False)

    def remove(self) -> None:
        """Take activation and preview out of the scene; accepted segments stay."""
        self.close()
        self.preview.remove()
        self.layer.remove()

    def choose_output(self, node: Any) -> None:
        """Let further accepted segments go to this segmentation node; None for one of our own."""
        self.output_node = node
        self._made_output = False
        self.preview.node.SetNodeReferenceID(OUTPUT_ROLE, None if node is None else node.GetID())

    def edited_mask(self) -> NDArray[np.uint8] | None:
        """Return the preview as the reviewer drew on it; None if it is as it was written."""
        return self.preview.mask() if self.preview.alive and self.preview.edited else None

    def edited_segments(self, segments: Collection[AcceptedSegment]) -> list[str]:
        """Return the names of accepted segments that somebody changed in the scene since."""
        return [segment.name for segment in segments if self._edited(segment)]

    def _edited(self, segment: AcceptedSegment) -> bool:
        node = self._output_of(segment.key)
        segment_id = self.placed.get(segment.key, "")
        if node is None or node.GetSegmentation().GetSegment(segment_id) is None:
            return False
        return not np.array_equal(segment_mask(node, segment_id, segment.grid).array_kji, segment.mask)

    def _output_of(self, key: str) -> Any:
        node = self._outputs.get(key)
        return node if node is not None and node.GetScene() is self.scene else None

    def _on_change(self, changes: frozenset[Change]) -> None:
        if Change.ACTIVATION in changes and self.layer.alive:
            self.layer.write(self.review.activation)
        if Change.LABEL_MAP in changes and self.preview.alive:
            self.preview.write(self.review.mask)
        if Change.ACCEPTED in changes:
            self._place_accepted()

    def _place_accepted(self) -> None:
        wanted = {segment.key: segment for segment in self.review.accepted}
        for key in set(self.placed) - set(wanted):
            self._take_away(key)
        for key, segment in wanted.items():
            if key not in self.placed:
                self._place(segment)

    def _place(self, segment: AcceptedSegment) -> None:
        if self.output_node is None or self.output_node.GetScene() is not self.scene:
            node = self.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{self.volume_node.GetName()} tumours")
            self.choose_output(node)
            self._made_output = True
            node.CreateDefaultDisplayNodes()
            style_accepted(node)
        number = len(self.placed)
        colour = segment_colours(number + 1)[number]
        label_map = LabelMap(segment.mask, segment.grid, (segment.name,))
        added = add_segment(self.output_node, label_map, name=segment.name, colour=colour, tags=segment.tags())
        self.placed[segment.key] = added
        self._outputs[segment.key] = self.output_node

    def _take_away(self, key: str) -> None:
        node, segment_id = self._output_of(key), self.placed.pop(key)
        self._outputs.pop(key, None)
        if node is None:
            return
        remove_segment(node, segment_id)
        if node is self.output_node and self._made_output and not node.GetSegmentation().GetNumberOfSegments():
            self.choose_output(None)
            remove_node(self.scene, node)


def find_node(scene: Any, volume_node: Any, role: str) -> Any:
    """Return the node that shows ``role`` of a volume's review in a scene; None if there is none."""
    for index in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(index)
        if node.GetAttribute(ROLE) == role and node.GetNodeReference(VOLUME_ROLE) is volume_node:
            return node
    return None
