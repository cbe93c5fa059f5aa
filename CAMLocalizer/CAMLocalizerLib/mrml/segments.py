"""Single segments of any segmentation node: added, read and removed without touching the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import slicer
from vtkmodules.util.vtkConstants import VTK_UNSIGNED_CHAR
from vtkmodules.vtkCommonCore import vtkStringArray

from ..core import Grid, InputError, LabelMap
from ..io import terminology_entry
from ..io.segmentation_writer import COLOURS
from .colours import segment_colours
from .geometry import matrix_to_vtk, ras_from_grid, transform_to_world
from .images import array_from_image, fill_image, used_box
from .segmentations import geometry_image, merged_image, new_segment, set_reference

SEGMENT_ID = "Tumour"
COLOUR_STEP = 1 / 255
BINARY_LABELMAP = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()


def free_colour(node: Any) -> tuple[float, float, float]:
    """Return the first of our colours that no segment of a node has; all being taken, the one used least.

    Args:
        node: ``vtkMRMLSegmentationNode``.
    """
    segmentation = node.GetSegmentation()
    taken = [segmentation.GetSegment(segment_id).GetColor() for segment_id in segment_ids(node)]
    colours = segment_colours(len(COLOURS))
    return min(colours, key=lambda colour: sum(np.allclose(colour, other, atol=COLOUR_STEP) for other in taken))


def add_segment(
    node: Any,
    label_map: LabelMap,
    *,
    name: str = "Tumour",
    colour: Sequence[float] = COLOURS[0],
    terminology: str = "Mass",
    tags: Mapping[str, str] | None = None,
) -> str:
    """Add one segment to a segmentation node; every other segment stays as it is.

    The segment gets an image of its own, cropped to what it fills, so that it may overlap others.

    Args:
        node: ``vtkMRMLSegmentationNode``, the user's own too; may lie under a linear transform.
        label_map: every labelled voxel belongs to the segment; none makes an empty one.
        name: of the segment; a number is added when the node has it already.
        colour: red, green, blue, 0 to 1.
        terminology: kind of tumour as for ``write_segmentation``.
        tags: further texts kept with the segment in the scene and in ``.seg.nrrd`` files.

    Returns:
        The segment's id, new in this node.

    Raises:
        SettingsError: an unknown kind of tumour, or a colour out of range.
        InputError: a tag that Slicer's files cannot hold, or a node whose segments are surfaces.
        GridError: a parent transform that is not linear.
    """
    meaning, (look,) = terminology_entry(terminology), segment_colours(1, [colour])
    _expect_voxels(node)
    image = _cropped_image(label_map, transform_to_world(node))
    segmentation = node.GetSegmentation()
    segment = new_segment(unique_name(name, segment_names(node)), look, meaning, 1, image)
    for key, value in (tags or {}).items():
        segment.SetTag(key, _checked_tag(key, value))
    if not node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()):
        _give_reference(node, label_map.grid)
    segment_id = segmentation.GenerateUniqueSegmentID(SEGMENT_ID)
    segmentation.AddSegment(segment, segment_id)
    segment.Modified()  # only now does the segmentation listen to changes of the segment's voxels
    node.CreateDefaultDisplayNodes()
    return str(segment_id)


def remove_segment(node: Any, segment_id: str) -> None:
    """Remove one segment; the voxels of the others stay, also where they share an image with it.

    Args:
        node: ``vtkMRMLSegmentationNode``.
        segment_id: as :func:`add_segment` returned it; it may be gone already.
    """
    segmentation = node.GetSegmentation()
    if segmentation.GetSegment(segment_id) is None:
        return
    separate_segment(node, segment_id)  # so that its voxels leave the shared image with it
    segmentation.RemoveSegment(segment_id)


def segment_mask(node: Any, segment_id: str, grid: Grid) -> LabelMap:
    """Return the voxels of one segment where it is seen in the world.

    Args:
        node: ``vtkMRMLSegmentationNode``.
        segment_id: which segment.
        grid: grid of the label map in the world; a segment drawn on another one is taken over by nearest neighbour.

    Returns:
        A label map with one label, named as the segment.

    Raises:
        InputError: no such segment, or one without a binary label map.
        GridError: a parent transform that is not linear.
    """
    segment = node.GetSegmentation().GetSegment(segment_id)
    if segment is None:
        raise InputError(f"{node.GetName()} has no segment {segment_id}; it was removed")
    merged = merged_image(node, [segment_id], geometry_image(grid, transform_to_world(node)))
    array = array_from_image(merged, node.GetName()).astype(np.uint8)
    return LabelMap(array, grid, segments=(segment.GetName(),))


def shares_image(node: Any, segment_id: str) -> bool:
    """Tell whether a segment lies in one image with others; Slicer's ``IsSharedBinaryLabelmap`` says the opposite."""
    segmentation = node.GetSegmentation()
    image = segmentation.GetSegment(segment_id).GetRepresentation(BINARY_LABELMAP)
    others = (segmentation.GetSegment(other) for other in segment_ids(node) if other != segment_id)
    return image is not None and any(other.GetRepresentation(BINARY_LABELMAP) is image for other in others)


def segment_images(node: Any) -> tuple[Any, ...]:
    """Return the images of a segmentation node's segments, each once, however many segments lie in it."""
    segmentation = node.GetSegmentation()
    images = (
        segmentation.GetSegment(segment_id).GetRepresentation(BINARY_LABELMAP) for segment_id in segment_ids(node)
    )
    return tuple({id(image): image for image in images if image is not None}.values())


def separate_segment(node: Any, segment_id: str) -> None:
    """Give a segment an image of its own; no segment's voxels change."""
    if shares_image(node, segment_id):
        node.GetSegmentation().SeparateSegmentLabelmap(segment_id)


def segment_names(node: Any) -> tuple[str, ...]:
    """Return the names of a segmentation node's segments, in its order."""
    segmentation = node.GetSegmentation()
    return tuple(segmentation.GetNthSegment(index).GetName() for index in range(segmentation.GetNumberOfSegments()))


def segment_ids(node: Any) -> tuple[str, ...]:
    """Return the ids of a segmentation node's segments, in its order."""
    ids = vtkStringArray()
    node.GetSegmentation().GetSegmentIDs(ids)
    return tuple(ids.GetValue(index) for index in range(ids.GetNumberOfValues()))


def unique_name(name: str, taken: Collection[str]) -> str:
    """Return ``name``, with the first free number from 2 on if it is taken: Tumour, Tumour 2, Tumour 3."""
    number, free = 2, name
    while free in taken:
        number, free = number + 1, f"{name} {number}"
    return free


def _cropped_image(label_map: LabelMap, to_world: np.ndarray) -> Any:
    """Return the labelled box of a label map as an image in the node's own space."""
    image = slicer.vtkOrientedImageData()
    box = used_box(label_map.array_kji)
    if box is None:
        image.SetExtent(0, -1, 0, -1, 0, -1)
        image.AllocateScalars(VTK_UNSIGNED_CHAR, 1)
    else:
        fill_image(image, (label_map.array_kji[box] != 0).astype(np.uint8))
        image.SetExtent([limit for axis in reversed(box) for limit in (axis.start, axis.stop - 1)])
    image.SetImageToWorldMatrix(matrix_to_vtk(np.linalg.inv(to_world) @ ras_from_grid(label_map.grid)))
    return image


def _give_reference(node: Any, grid: Grid) -> None:
    """Let later edits of a node without a geometry of its own use the grid."""
    converter = slicer.vtkSegmentationConverter
    if not node.GetSegmentation().GetConversionParameter(converter.GetReferenceImageGeometryParameterName()):
        set_reference(node, geometry_image(grid, transform_to_world(node)), None)


def _expect_voxels(node: Any) -> None:
    segmentation = node.GetSegmentation()
    if not segmentation.GetNumberOfSegments():
        node.SetSourceRepresentationToBinaryLabelmap()
    elif not segmentation.IsSourceRepresentationImageData():
        raise InputError(f"the segments of {node.GetName()} are surfaces, not voxels; choose another segmentation")


def _checked_tag(key: str, value: str) -> str:
    if set(key) & set(":|") or "|" in value:
        raise InputError(f"the segment tag {key}: {value} cannot be stored; Slicer's files do not take | in it")
    return value
