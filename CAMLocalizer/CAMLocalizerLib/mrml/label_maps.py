"""Label maps to and from label map volume nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, LabelMap
from ..io.segmentation_writer import COLOURS
from .colours import segment_colours
from .geometry import grid_from_node, place_node
from .images import array_from_image, image_from_array

HIGHEST_LABEL = 255


def label_map_to_node(
    scene: Any,
    label_map: LabelMap,
    *,
    name: str = "Tumour label map",
    colours: Sequence[Sequence[float]] = COLOURS,
    node: Any = None,
) -> Any:
    """Put a label map into the scene, with a colour table that names its labels.

    Args:
        scene: the ``vtkMRMLScene``.
        label_map: what to show.
        name: name of a new node.
        colours: red, green, blue per segment, 0 to 1; used again from the first when they run out.
        node: a label map node to fill instead of a new one; its parent transform is taken off.

    Returns:
        The ``vtkMRMLLabelMapVolumeNode``.

    Raises:
        SettingsError: a colour that is not three values in 0 to 1.
    """
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", name)
    place_node(node, label_map.grid)
    node.SetAndObserveImageData(image_from_array(label_map.array_kji))
    node.CreateDefaultDisplayNodes()
    table = _label_table(scene, label_map.segments, colours, f"{node.GetName()} colours")
    node.GetDisplayNode().SetAndObserveColorNodeID(table.GetID())
    return node


def label_map_from_node(node: Any) -> LabelMap:
    """Return the labels of a label map node, where it lies in the world.

    Args:
        node: ``vtkMRMLLabelMapVolumeNode`` or a scalar volume node with whole numbers from 0 to 255.

    Returns:
        The label map, uint8, LPS; segments are named by the node's colour table, else "Label 1", "Label 2", ...

    Raises:
        InputError: no voxels, several components, or values that are not labels.
        GridError: a parent transform that is not linear, or one that shears the grid.
    """
    array = _labels(array_from_image(node.GetImageData(), node.GetName()), node.GetName())
    return LabelMap(array, grid_from_node(node), segments=_segment_names(node, int(array.max())))


def _labels(array: NDArray, name: str) -> NDArray[np.uint8]:
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= HIGHEST_LABEL):  # also catches NaN
        raise InputError(f"{name} has values from {low:g} to {high:g}, expected labels from 0 to {HIGHEST_LABEL}")
    labels = array.astype(np.uint8)
    if not np.array_equal(labels, array):
        raise InputError(f"{name} has fractional values, expected whole labels from 0 to {HIGHEST_LABEL}")
    return labels


def _label_table(scene: Any, segments: Sequence[str], colours: Sequence[Sequence[float]], name: str) -> Any:
    table = scene.AddNewNodeByClass("vtkMRMLColorTableNode", name)
    table.SetTypeToUser()
    table.SetNumberOfColors(len(segments) + 1)
    table.SetColor(0, "Background", 0.0, 0.0, 0.0, 0.0)
    for label, (segment, colour) in enumerate(zip(segments, segment_colours(len(segments), colours), strict=True), 1):
        table.SetColor(label, segment, *colour, 1.0)
    return table


def _segment_names(node: Any, highest: int) -> tuple[str, ...]:
    display = node.GetDisplayNode()
    table = None if display is None else display.GetColorNode()
    if table is None or table.GetType() != table.User:  # built-in tables name every shade, not our labels
        return tuple(f"Label {label}" for label in range(1, max(highest, 1) + 1))
    count = max(highest, table.GetNumberOfColors() - 1)
    return tuple(_name(table, label) for label in range(1, count + 1))


def _name(table: Any, label: int) -> str:
    known = label < table.GetNumberOfColors()
    return (table.GetColorName(label) if known else None) or f"Label {label}"
