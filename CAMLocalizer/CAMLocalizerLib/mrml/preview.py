"""A segment that is updated live."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakMethod

import numpy as np
import slicer
from numpy.typing import NDArray
from vtkmodules.util.vtkConstants import VTK_UNSIGNED_CHAR

from ..io import terminology_entry
from .colours import segment_colours
from .display import style_preview
from .followers import checked_shape, local_geometry, local_matrix, shape_kji, share_transform
from .geometry import matrix_to_vtk
from .images import array_from_image
from .observing import observe
from .removal import remove_node
from .segmentations import image_to_ras, merged_image, new_segment, set_reference
from .segments import BINARY_LABELMAP, segment_images, separate_segment, shares_image
from .surfaces import surface_of

SEGMENT_ID = "CAMLocalizerPreview"
PREVIEW_COLOUR = (0.0, 0.85, 1.0)  # stands out from grey tissue, from the warm activation colours, and to all eyes
LABEL = 1
CLOSED_SURFACE = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()


class PreviewSegment:
    """A segmentation node of our own with one segment, written so fast that it keeps up with a slider.

    The voxels go straight into the segment's image. The node lies in the volume's own space and under the volume's
    own parent transform, so it moves with the volume; transforms that are put on later are taken over at the next
    write or read. Segments that others add to the node are left alone.

    Args:
        scene: the ``vtkMRMLScene``.
        reference_node: scalar volume node whose voxels the masks have.
        name: of a new node and of its segment.
        colour: red, green, blue of a new segment, 0 to 1.
        node: a preview node of a loaded scene to take over instead of making one.
        written: what was last written into a node that is taken over, so that edits made before saving still count
            as such; by default whatever the node holds.

    Raises:
        InputError: a reference without voxels.
        GridError: ``written`` has another shape than the reference.
    """

    def __init__(
        self,
        scene: Any,
        reference_node: Any,
        name: str = "Tumour preview",
        *,
        colour: Sequence[float] = PREVIEW_COLOUR,
        node: Any = None,
        written: NDArray | None = None,
    ) -> None:
        self.scene = scene
        self.reference = reference_node
        self.segment_id = SEGMENT_ID
        self._look = (name, segment_colours(1, [colour])[0])
        self._geometry = local_geometry(reference_node)
        self._image: Any = None  # what we write into; anything else in the segment was put there by others
        self._seen: tuple[Any, int, int] | None = None  # what the segment held when it was compared last
        self._drawn: NDArray[np.uint8] | None = None
        self._surfaced: tuple[Any, int, int] | None = None  # what the segment held when its surface was made
        self._writing = False
        self._changed: WeakMethod[Callable[[], None]] | None = None
        self._written = np.zeros(shape_kji(self._geometry), np.uint8)
        if node is None:
            self.node = self._new_node(name)
            self.write(self._written)
        else:
            self.node = node
            before = self.mask() if written is None else np.asarray(written)
            checked_shape(before, self._written.shape, self.node.GetName())
            np.not_equal(before, 0, out=self._written.view(bool))

    @property
    def alive(self) -> bool:
        """Whether the node is still in the scene: a closed scene and the user's Delete take it out."""
        return self.node.GetScene() is self.scene

    @property
    def edited(self) -> bool:
        """Whether somebody else changed the segment's voxels since the last write; how it is shown does not count."""
        return self.drawn() is not None

    def drawn(self) -> NDArray[np.uint8] | None:
        """Return what the segment holds if somebody else changed it since the last write; None if nobody did.

        It is the same array until the segment is changed again.
        """
        now = self._contents()
        if now != self._seen:
            mask = self.mask()
            self._seen, self._drawn = self._contents(), None if np.array_equal(mask, self._written) else mask
        return self._drawn

    def on_change(self, method: Callable[[], None]) -> Callable[[], object]:
        """Call a bound method whenever somebody else changes the segment; the function returned ends that."""
        self._changed = WeakMethod(method)
        kinds = slicer.vtkSegmentation
        events = (kinds.SourceRepresentationModified, kinds.RepresentationModified, kinds.SegmentRemoved)
        return observe(self.node, dict.fromkeys((*events, kinds.SegmentModified), self._on_event))

    def _on_event(self) -> None:
        changed = None if self._changed is None else self._changed()
        if changed is not None and not self._writing and self._contents() != self._seen:
            changed()

    def write(self, mask_kji: NDArray) -> None:
        """Show a mask, at once in the slice views; a closed surface stays as it is until :meth:`surface`.

        Args:
            mask_kji: what is not zero belongs to the segment; shape of the reference volume, uint8 or bool.

        Raises:
            GridError: another shape.
        """
        checked_shape(mask_kji, self._written.shape, self.node.GetName())
        self._writing = True
        try:
            self._write(mask_kji)
        finally:
            self._writing = False
        self._seen, self._drawn = self._contents(), None

    def _write(self, mask_kji: NDArray) -> None:
        self.follow()
        if not self._attached():
            self._attach()
        np.not_equal(mask_kji, 0, out=self._written.view(bool))
        np.copyto(array_from_image(self._image, self.node.GetName()), self._written)
        self._image.GetPointData().GetScalars().Modified()
        self._tell()

    def _tell(self) -> None:
        """Tell whoever follows the segment's voxels, which the image itself would do, but also drop all surfaces."""
        segmentation = self.node.GetSegmentation()
        segmentation.InvokeEvent(segmentation.SourceRepresentationModified)
        self._segment().Modified()  # this is what slice views listen to

    def mask(self) -> NDArray[np.uint8]:
        """Return what the segment holds now, edits included: 0 and 1, shape of the reference volume, a copy."""
        self.follow()
        segment = self._segment()
        if segment is None or segment.GetRepresentation(BINARY_LABELMAP) is None:
            return np.zeros_like(self._written)
        if self._attached():
            return array_from_image(self._image, self.node.GetName()).copy()
        merged = merged_image(self.node, [self.segment_id], self._geometry)
        return array_from_image(merged, self.node.GetName()).astype(np.uint8)

    def surface(self, visible: bool) -> None:
        """Make the closed surface of what the segment holds now and show it in 3D views, or take it away.

        Args:
            visible: False removes the surface, so that nothing out of date is kept or saved.
        """
        segment = self._segment()
        if segment is not None and not (visible and self._has_surface(segment)):
            segment.RemoveRepresentation(CLOSED_SURFACE)
            if visible:
                self.follow()
                segment.AddRepresentation(CLOSED_SURFACE, surface_of(self.mask(), self._voxels_to_ras()))
                self._surfaced = self._contents()
        self.node.GetDisplayNode().SetVisibility3D(visible)

    def _has_surface(self, segment: Any) -> bool:
        """Whether the closed surface is that of what the segment holds now."""
        return segment.GetRepresentation(CLOSED_SURFACE) is not None and self._surfaced == self._contents()

    def follow(self) -> None:
        """Lie where the volume lies, also after its transform was exchanged or hardened."""
        share_transform(self.node, self.reference)
        before, now = image_to_ras(self._geometry), local_matrix(self.reference)
        if np.array_equal(before, now):
            return
        self._geometry.SetImageToWorldMatrix(matrix_to_vtk(now))
        set_reference(self.node, self._geometry, self.reference)
        moved = now @ np.linalg.inv(before)
        for image in segment_images(self.node):  # those of segments that others drew here too
            image.SetImageToWorldMatrix(matrix_to_vtk(moved @ image_to_ras(image)))

    def remove(self) -> None:
        """Take the node out of the scene."""
        remove_node(self.scene, self.node)

    def _new_node(self, name: str) -> Any:
        node = self.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        node.SetSourceRepresentationToBinaryLabelmap()
        share_transform(node, self.reference)
        set_reference(node, self._geometry, self.reference)
        node.CreateDefaultDisplayNodes()
        style_preview(node)
        return node

    def _segment(self) -> Any:
        return self.node.GetSegmentation().GetSegment(self.segment_id)

    def _voxels_to_ras(self) -> NDArray[np.float64]:
        """Return the matrix from indices of our arrays to RAS in the volume's own space."""
        start = np.eye(4)
        start[:3, 3] = self._geometry.GetExtent()[0::2]
        matrix: NDArray[np.float64] = image_to_ras(self._geometry) @ start
        return matrix

    def _contents(self) -> tuple[Any, int, int]:
        """Return what changes whenever the segment's voxels do: its image, the time of the last change, its label."""
        image, segment = self._held(), self._segment()
        return (None, 0, 0) if image is None else (image, int(image.GetMTime()), int(segment.GetLabelValue()))

    def _held(self) -> Any:
        """Return the image that the segment holds now, ours or not; None without one."""
        segment = self._segment()
        return None if segment is None else segment.GetRepresentation(BINARY_LABELMAP)

    def _attached(self) -> bool:
        """Whether the segment still holds our image alone and whole, on the reference grid."""
        image = self._held()
        return (
            image is not None
            and image is self._image
            and image.GetExtent() == self._geometry.GetExtent()
            and image.GetScalarType() == VTK_UNSIGNED_CHAR
            and self._segment().GetLabelValue() == LABEL
            and not shares_image(self.node, self.segment_id)
        )

    def _attach(self) -> None:
        """Give the segment an image of ours; made again if it was removed, apart from other segments' voxels."""
        self._image = slicer.vtkOrientedImageData()
        self._image.DeepCopy(self._geometry)
        self._image.AllocateScalars(VTK_UNSIGNED_CHAR, 1)
        segmentation = self.node.GetSegmentation()
        if self._segment() is None:
            segment = new_segment(*self._look, terminology_entry(), LABEL, self._image)
            segmentation.AddSegment(segment, self.segment_id)
        else:
            separate_segment(self.node, self.segment_id)
        self._segment().SetLabelValue(LABEL)
        self._segment().AddRepresentation(BINARY_LABELMAP, self._image)
        self._segment().Modified()  # only now does the segmentation listen to changes of the image
