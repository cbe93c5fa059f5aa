"""ReviewLayers: the nodes by which a scene shows a review."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import LabelMap, SettingsError, is_suv
from ...mrml import (
    ROLE,
    ActivationLayer,
    PreviewSegment,
    add_segment,
    is_own_node,
    remove_segment,
    segment_mask,
    style_accepted,
)
from ...mrml.geometry import transform_to_world
from ...mrml.pet import show_as_pet
from ...mrml.removal import remove_node
from ...mrml.roles import mark_own
from ...mrml.segments import BINARY_LABELMAP, free_colour
from ..review.accepted import KEY_TAG, AcceptedSegment
from ..review.changes import Change
from ..review.review import Review
from .ownership import VOLUME_ROLE, forget_owner, mark_owner
from .shown_volume import HIDDEN

OUTPUT_ROLE = "CAMLocalizer.Output"
MADE = "CAMLocalizer.Made"  # a segmentation that was made for the first accepted segment, and goes with the last one
ACTIVATION, PREVIEW = "activation", "preview"


class ReviewLayers:
    """A review's activation over its volume, its label map as a preview, and its accepted segments.

    Args:
        scene: the ``vtkMRMLScene``.
        volume_node: the volume that the model ran on.
        review: what is shown.
        placed: the ids of accepted segments that are in the scene already, by their keys.
        keep_preview: leave the preview as it is, edits included: for a review that the scene was saved with.
    """

    def __init__(
        self,
        scene: Any,
        volume_node: Any,
        review: Review,
        placed: Mapping[str, str] | None = None,
        *,
        keep_preview: bool = False,
    ) -> None:
        self.scene = scene
        self.volume_node = volume_node
        self.review = review
        self.placed = dict(placed or {})
        self._unedited: dict[str, tuple[Any, ...]] = {}
        if is_suv(review.found.volume) and volume_node.GetDisplayNode().GetAutoWindowLevel():
            show_as_pet(volume_node)  # unless a reader chose a window already
        old = find_node(scene, volume_node, ACTIVATION)
        self.layer = self._new_layer(old)
        try:
            self.preview = self._new_preview(find_node(scene, volume_node, PREVIEW), keep=keep_preview)
        except BaseException:
            if old is None:
                self.layer.remove()
            raise
        self.output_node: Any = self.preview.node.GetNodeReference(OUTPUT_ROLE)
        self._leave = review.subscribe(self._on_change)
        self._ignore = self.preview.on_change(review.tell_drawn)

    def _new_layer(self, node: Any = None) -> ActivationLayer:
        """Show the activation, before the preview, or the preview's fill is drawn on black."""
        layer = ActivationLayer(self.scene, self.volume_node, f"{self.volume_node.GetName()} activation", node=node)
        layer.write(self.review.activation)
        layer.show()
        self._mark(layer.node, ACTIVATION)
        return layer

    def _new_preview(self, node: Any = None, *, keep: bool = False) -> PreviewSegment:
        """Show the label map; ``keep`` what the node holds, with edits made before the scene was saved."""
        written = self.review.mask if node is not None and keep else None
        name = f"{self.volume_node.GetName()} tumour preview"
        preview = PreviewSegment(self.scene, self.volume_node, name, node=node, written=written)
        if written is None:
            preview.write(self.review.mask)
        self._mark(preview.node, PREVIEW)
        return preview

    def _mark(self, node: Any, role: str) -> None:
        mark_own(node, role)
        node.SetNodeReferenceID(VOLUME_ROLE, self.volume_node.GetID())
        node.RemoveAttribute(HIDDEN)
        node.GetDisplayNode().SetVisibility(True)

    def close(self) -> None:
        """Follow the review no longer; the nodes stay."""
        self._leave()
        self._ignore()

    def hide(self) -> None:
        """Follow the review no longer and show it in no view; the nodes stay for when it is shown again."""
        self.close()
        if self.preview.alive:
            self.preview.node.GetDisplayNode().SetVisibility(False)
        if self.layer.alive:
            self.layer.hide()

    def remove(self) -> None:
        """Take activation and preview out of the scene; accepted segments stay."""
        self.close()
        self.preview.remove()
        self.layer.remove()

    def choose_output(self, node: Any) -> None:
        """Let further accepted segments go to this segmentation node; None for one of our own."""
        self.output_node = node
        self.preview.node.SetNodeReferenceID(OUTPUT_ROLE, None if node is None else node.GetID())

    def check_output(self) -> None:
        """Refuse an output that cannot take segments of voxels.

        Raises:
            SettingsError: its segments are surfaces, or it is a preview.
            GridError: it lies under a transform that is not linear.
        """
        node = self.output_node
        if node is None or node.GetScene() is not self.scene:
            return
        if is_own_node(node):
            raise SettingsError(f"{node.GetName()} is the preview of a review; choose another segmentation")
        transform_to_world(node)
        if (
            node.GetSegmentation().GetNumberOfSegments()
            and not node.GetSegmentation().IsSourceRepresentationImageData()
        ):
            raise SettingsError(
                f"the segments of {node.GetName()} are surfaces, not voxels; choose another segmentation"
            )

    def place_of(self, segment: AcceptedSegment) -> tuple[Any, str] | None:
        """Return the node that holds an accepted segment, and its id there; None if it was deleted."""
        node, segment_id = self._output_of(segment.key), self.placed.get(segment.key, "")
        gone = node is None or node.GetSegmentation().GetSegment(segment_id) is None
        return None if gone else (node, segment_id)

    def edited_mask(self) -> NDArray[np.uint8] | None:
        """Return the preview as the reviewer drew on it, the same array until it changes; None if it is as written."""
        return self.preview.drawn() if self.preview.alive else None

    def holds(self, segment: AcceptedSegment) -> bool:
        """Whether the present output has an accepted segment, with the voxels that were accepted."""
        node, segment_id = self._output_of(segment.key), self.placed.get(segment.key, "")
        if node is None or node is not self.output_node or node.GetSegmentation().GetSegment(segment_id) is None:
            return False
        return not self._edited(segment)

    def corrected(self, segment: AcceptedSegment) -> AcceptedSegment | None:
        """Return an accepted segment with the voxels that it has in the scene; None if it is not there any more."""
        if (place := self.place_of(segment)) is None:
            return None
        mask = segment_mask(*place, segment.grid).array_kji
        return segment if np.array_equal(mask, segment.mask) else segment.with_mask(mask)

    def edited_segments(self, segments: Collection[AcceptedSegment]) -> list[str]:
        """Return the names of accepted segments that somebody changed in the scene since."""
        return [segment.name for segment in segments if self._edited(segment)]

    def _edited(self, segment: AcceptedSegment) -> bool:
        node = self._output_of(segment.key)
        segment_id = self.placed.get(segment.key, "")
        held = None if node is None else node.GetSegmentation().GetSegment(segment_id)
        if held is None:
            return False
        image = held.GetRepresentation(BINARY_LABELMAP)
        mark = (image, 0 if image is None else image.GetMTime(), node.GetParentTransformNode())
        if self._unedited.get(segment.key) == mark:  # comparing voxels takes long
            return False
        if not np.array_equal(segment_mask(node, segment_id, segment.grid).array_kji, segment.mask):
            return True
        self._unedited[segment.key] = mark
        return False

    def _output_of(self, key: str) -> Any:
        """Return the node that holds an accepted segment, by a reference that is saved with the scene."""
        return self.preview.node.GetNodeReference(f"{OUTPUT_ROLE}.{key}")

    def _on_change(self, changes: frozenset[Change]) -> None:
        """Draw what changed; nodes that the user deleted are made again."""
        if not self.layer.alive:
            self.layer = self._new_layer()
        elif Change.ACTIVATION in changes:
            self.layer.write(self.review.activation)
        if not self.preview.alive:
            self._replace_preview()
        elif Change.LABEL_MAP in changes:
            self.preview.write(self.review.mask)
        if Change.ACCEPTED in changes:
            self._place_accepted()

    def _replace_preview(self) -> None:
        self._ignore()
        gone, self.preview = self.preview.node, self._new_preview()
        self._ignore = self.preview.on_change(self.review.tell_drawn)
        for role in (OUTPUT_ROLE, *(f"{OUTPUT_ROLE}.{key}" for key in self.placed)):
            self.preview.node.SetNodeReferenceID(role, gone.GetNodeReferenceID(role))

    def _place_accepted(self) -> None:
        wanted = {segment.key: segment for segment in self.review.accepted}
        for key in set(self.placed) - set(wanted):
            self._take_away(key)
        for key, segment in wanted.items():
            if key not in self.placed:
                self._place(segment)

    def _place(self, segment: AcceptedSegment) -> None:
        if self.output_node is None or self.output_node.GetScene() is not self.scene:
            node = new_segmentation(self.scene, f"{self.volume_node.GetName()} tumours", self.volume_node)
            node.SetAttribute(MADE, "true")
            self.choose_output(node)
        colour = free_colour(self.output_node)
        label_map = LabelMap(segment.mask, segment.grid, (segment.name,))
        added = add_segment(self.output_node, label_map, name=segment.name, colour=colour, tags=segment.tags())
        self.placed[segment.key] = added
        mark_owner(self.output_node, self.volume_node, self.review.checksum)
        self.preview.node.SetNodeReferenceID(f"{OUTPUT_ROLE}.{segment.key}", self.output_node.GetID())

    def _take_away(self, key: str) -> None:
        node, segment_id = self._output_of(key), self.placed.pop(key)
        self.preview.node.SetNodeReferenceID(f"{OUTPUT_ROLE}.{key}", None)
        segment = None if node is None else node.GetSegmentation().GetSegment(segment_id)
        if segment is None or not segment.HasTag(KEY_TAG):  # deleted by hand, or another one of this id since
            return
        remove_segment(node, segment_id)
        forget_owner(node)
        if node is self.output_node and node.GetAttribute(MADE) and not node.GetSegmentation().GetNumberOfSegments():
            self.choose_output(None)
            remove_node(self.scene, node)


def new_segmentation(scene: Any, name: str, volume_node: Any) -> Any:
    """Add a segmentation node for settled results on a volume to a scene."""
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    node.CreateDefaultDisplayNodes()
    style_accepted(node)
    return node


def find_node(scene: Any, volume_node: Any, role: str) -> Any:
    """Return the node that shows ``role`` of a volume's review in a scene; None if there is none."""
    for index in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(index)
        if node.GetAttribute(ROLE) == role and node.GetNodeReference(VOLUME_ROLE) is volume_node:
            return node
    return None
