"""Label maps to and from segmentation nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
from vtkmodules.vtkCommonCore import vtkIntArray, vtkStringArray

from ..core import Grid, GridError, InputError, LabelMap, SettingsError
from ..io import terminology_entry
from ..io.segmentation_writer import COLOURS
from .colours import segment_colours
from .geometry import grid_from_image, grid_from_node, matrix_from_vtk, matrix_to_vtk, ras_from_grid, transform_to_world
from .images import array_from_image, fill_image
from .label_maps import HIGHEST_LABEL


def segmentation_to_node(
    scene: Any,
    label_map: LabelMap,
    *,
    reference: Any = None,
    colours: Sequence[Sequence[float]] = COLOURS,
    terminology: str | Sequence[str] = "Mass",
    name: str = "Tumour segmentation",
    node: Any = None,
) -> Any:
    """Put a label map into the scene as a segmentation, one segment per label, empty ones too.

    All segments share one image, as Slicer itself stores segments that do not overlap.

    Args:
        scene: the ``vtkMRMLScene``.
        label_map: what to show.
        reference: the volume node the label map was made for; its geometry becomes that of later edits.
        colours: red, green, blue per segment, 0 to 1; used again from the first when they run out.
        terminology: kind of tumour as for ``write_segmentation``, one for all segments or one each.
        name: name of a new node.
        node: a segmentation node to fill instead of a new one; its segments are replaced and its parent
            transform is taken off.

    Returns:
        The ``vtkMRMLSegmentationNode``.

    Raises:
        GridError: the reference volume lies elsewhere than the label map.
        SettingsError: an unknown kind of tumour, another number of them than segments, or a colour out of range.
    """
    looks = segment_colours(len(label_map.segments), colours)
    meanings = _meanings(len(label_map.segments), terminology)
    if reference is not None and not grid_from_node(reference).matches(label_map.grid):
        raise GridError(f"the label map does not lie on the grid of {reference.GetName()}; give its own volume")
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    _empty(node)
    image = oriented_image(label_map)
    for label, segment_name in enumerate(label_map.segments, 1):
        segment = new_segment(segment_name, looks[label - 1], meanings[label - 1], label, image)
        node.GetSegmentation().AddSegment(segment, f"Segment_{label}")
    set_reference(node, image, reference)
    node.CreateDefaultDisplayNodes()
    return node


def segmentation_from_node(node: Any, *, grid: Grid | None = None) -> LabelMap:
    """Return the segments of a segmentation node as one label map.

    Where segments overlap, the later one wins.

    Args:
        node: ``vtkMRMLSegmentationNode``.
        grid: grid of the label map in the world; by default that of the reference volume. Segments drawn on
            another grid are taken over by nearest neighbour.

    Returns:
        The label map, uint8, LPS, with the segments' names in the node's order.

    Raises:
        InputError: no segment, more than 255, or segments without a binary label map.
        GridError: a parent transform that is not linear, or one that shears the grid.
    """
    ids, names = _segments_of(node)
    to_world = transform_to_world(node)
    geometry = _reference_image(node) if grid is None else geometry_image(grid, to_world)
    merged = merged_image(node, ids, geometry)
    if grid is None:
        grid = grid_from_image(merged, image_to_ras(merged), to_world, node.GetName())
    return LabelMap(array_from_image(merged, node.GetName()).astype(np.uint8), grid, segments=names)


def merged_image(node: Any, segment_ids: Sequence[str], geometry: Any) -> Any:
    """Return segments drawn into one image, labels 1, 2, ... in the order of their ids; the later one wins.

    Args:
        node: ``vtkMRMLSegmentationNode``.
        segment_ids: which segments.
        geometry: ``vtkOrientedImageData`` that says where, in the node's own space; None takes the segments' extent.

    Raises:
        InputError: segments without a binary label map.
    """
    merged = slicer.vtkOrientedImageData()
    ids = vtkStringArray()
    for segment_id in segment_ids:
        ids.InsertNextValue(segment_id)
    mode = slicer.vtkSegmentation.EXTENT_REFERENCE_GEOMETRY
    if not node.GenerateMergedLabelmapForAllSegments(merged, mode, geometry, ids, _values(len(segment_ids))):
        raise InputError(f"{node.GetName()} has no binary label map; let Slicer convert its segments first")
    return merged


def oriented_image(label_map: LabelMap) -> Any:
    """Return a label map as ``vtkOrientedImageData``, unsigned char, placed in RAS."""
    image = slicer.vtkOrientedImageData()
    fill_image(image, label_map.array_kji)
    image.SetImageToWorldMatrix(matrix_to_vtk(ras_from_grid(label_map.grid)))
    return image


def _meanings(count: int, terminology: str | Sequence[str]) -> tuple[str, ...]:
    kinds = [terminology] * count if isinstance(terminology, str) else list(terminology)
    if len(kinds) != count:
        raise SettingsError(f"{len(kinds)} tumour types given for {count} segments, expected one each")
    return tuple(terminology_entry(kind) for kind in kinds)


def _empty(node: Any) -> None:
    node.SetAndObserveTransformNodeID(None)
    node.GetSegmentation().RemoveAllSegments()
    node.SetSourceRepresentationToBinaryLabelmap()


def new_segment(name: str, colour: tuple[float, float, float], meaning: str, label: int, image: Any) -> Any:
    """Return a ``vtkSegment`` that shows the voxels of ``image`` with the value ``label``.

    Args:
        name: of the segment.
        colour: red, green, blue, 0 to 1.
        meaning: Slicer's terminology text, see ``terminology_entry``.
        label: its value in the image.
        image: ``vtkOrientedImageData`` in the space of the segmentation node.
    """
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetColor(*colour)
    segment.NameAutoGeneratedOff()  # another terminology later must not rename the result
    segment.ColorAutoGeneratedOff()
    segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), meaning)
    segment.SetLabelValue(label)
    representation = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    segment.AddRepresentation(representation, image)
    return segment


def set_reference(node: Any, image: Any, reference: Any) -> None:
    """Let later edits of a segmentation node use the geometry of a volume node, or of an image if there is none."""
    if reference is not None:
        node.SetReferenceImageGeometryParameterFromVolumeNode(reference)
        return
    converter = slicer.vtkSegmentationConverter
    parameter = converter.GetReferenceImageGeometryParameterName()
    node.GetSegmentation().SetConversionParameter(parameter, converter.SerializeImageGeometry(image))


def _segments_of(node: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    segmentation = node.GetSegmentation()
    ids = vtkStringArray()
    segmentation.GetSegmentIDs(ids)
    count = ids.GetNumberOfValues()
    if not 1 <= count <= HIGHEST_LABEL:
        raise InputError(f"{node.GetName()} has {count} segments, expected 1 to {HIGHEST_LABEL}")
    segment_ids = tuple(ids.GetValue(index) for index in range(count))
    return segment_ids, tuple(segmentation.GetSegment(segment_id).GetName() for segment_id in segment_ids)


def _values(count: int) -> Any:
    values = vtkIntArray()
    for label in range(1, count + 1):
        values.InsertNextValue(label)
    return values


def image_to_ras(image: Any) -> np.ndarray:
    """Return the 4x4 matrix from an image's voxels to RAS; ``image`` is a ``vtkOrientedImageData``."""
    matrix = matrix_to_vtk(np.eye(4))
    image.GetImageToWorldMatrix(matrix)
    return matrix_from_vtk(matrix)


def _reference_image(node: Any) -> Any:
    """Return the stored reference geometry; None lets Slicer take the segments' own extent."""
    converter = slicer.vtkSegmentationConverter
    text = node.GetSegmentation().GetConversionParameter(converter.GetReferenceImageGeometryParameterName())
    image = slicer.vtkOrientedImageData()
    return image if text and converter.DeserializeImageGeometry(text, image, False) else None


def geometry_image(grid: Grid, to_world: np.ndarray) -> Any:
    """Return an image without voxels that lies on ``grid`` of the world, in the space of a node under ``to_world``."""
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(*grid.size)
    image.SetImageToWorldMatrix(matrix_to_vtk(np.linalg.inv(to_world) @ ras_from_grid(grid)))
    return image
