"""Volumes to and from scalar volume nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from ..core import SUV_UNIT, Volume
from .geometry import grid_from_node, place_node
from .images import array_from_image, image_from_array
from .pet import INVERTED_GREY, show_as_pet
from .volume_facts import keep_facts, read_facts

# The codes that Slicer's own DICOM plugins write: value, scheme, meaning.
UNIT_CODES = {
    "HU": ("[hnsf'U]", "UCUM", "Hounsfield unit"),
    "SUVbw": ("{SUVbw}g/ml", "UCUM", "Standardized Uptake Value body weight"),
}


def volume_from_node(node: Any) -> Volume:
    """Return what a scalar volume node holds, where it lies in the world.

    Linear parent transforms go into the grid, as if hardened; the node itself stays as it is. The voxels are
    copied: later edits in the scene do not reach the volume.

    Args:
        node: ``vtkMRMLScalarVolumeNode`` with one component.

    Returns:
        The volume, float32, LPS, named as the node; the unit is known for HU and SUVbw.

    Raises:
        InputError: no voxels, several components, NaN or infinite voxels, or a constant image.
        GridError: a parent transform that is not linear, or one that shears the grid.
    """
    array = np.array(array_from_image(node.GetImageData(), node.GetName()), dtype=np.float32)
    grid = grid_from_node(node)
    return Volume(array, grid, name=node.GetName(), unit=_unit_of(node), **read_facts(node, grid))


def volume_to_node(scene: Any, volume: Volume, *, node: Any = None, name: str | None = None) -> Any:
    """Put a volume into the scene.

    Args:
        scene: the ``vtkMRMLScene``.
        volume: what to show.
        node: a scalar volume node to fill instead of a new one; its parent transform is taken off.
        name: name of a new node; the volume's by default.

    Returns:
        The ``vtkMRMLScalarVolumeNode``, with a display node.
    """
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name or volume.name)
    place_node(node, volume.grid)
    node.SetAndObserveImageData(image_from_array(volume.array_kji))
    if volume.unit in UNIT_CODES:
        node.SetVoxelValueUnits(_coded_entry(*UNIT_CODES[volume.unit]))
    node.CreateDefaultDisplayNodes()
    keep_facts(node, volume)
    if volume.inverted and scene.GetNodeByID(INVERTED_GREY) is not None:
        node.GetDisplayNode().SetAndObserveColorNodeID(INVERTED_GREY)
    if volume.unit == SUV_UNIT:
        show_as_pet(node)
    return node


def _coded_entry(value: str, scheme: str, meaning: str) -> Any:
    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning(value, scheme, meaning)
    return entry


def _unit_of(node: Any) -> str:
    entry = node.GetVoxelValueUnits()
    value = "" if entry is None else entry.GetCodeValue()
    return next((unit for unit, code in UNIT_CODES.items() if code[0] == value), "")
