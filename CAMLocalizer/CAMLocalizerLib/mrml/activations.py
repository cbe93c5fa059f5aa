"""Activation maps into the scene."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError
from .colours import activation_color_node
from .geometry import place_node
from .images import image_from_array


def activation_to_node(
    scene: Any,
    array_kji: NDArray,
    grid: Grid,
    *,
    color_node: Any = None,
    name: str = "Tumour activation",
    node: Any = None,
) -> Any:
    """Put a fused activation map into the scene, ready to lie over a volume.

    Args:
        scene: the ``vtkMRMLScene``.
        array_kji: activation, shape ``grid.shape_kji``, 0 to 1.
        grid: where the voxels lie.
        color_node: colours; :func:`activation_color_node` by default.
        name: name of a new node.
        node: a scalar volume node to fill instead of a new one; its parent transform is taken off.

    Returns:
        The ``vtkMRMLScalarVolumeNode``, float32, shown from 0 to 1 whatever its maximum.

    Raises:
        GridError: the array's shape differs from the grid's.
    """
    array = np.asarray(array_kji, dtype=np.float32)
    if array.shape != grid.shape_kji:
        raise GridError(f"{name} has shape {array.shape}, its grid expects {grid.shape_kji}")
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    place_node(node, grid)
    node.SetAndObserveImageData(image_from_array(array))
    node.CreateDefaultDisplayNodes()
    _show_as_activation(node.GetDisplayNode(), color_node or activation_color_node(scene))
    return node


def _show_as_activation(display: Any, color_node: Any) -> None:
    display.SetAndObserveColorNodeID(color_node.GetID())
    display.AutoWindowLevelOff()  # maps of different volumes must compare by colour
    display.SetWindowLevelMinMax(0.0, 1.0)
    display.InterpolateOn()


def show_in_slices(scene: Any, background: Any, foreground: Any = None, *, opacity: float = 0.6) -> None:
    """Show a volume in every slice view of the scene, with an activation map over it.

    Args:
        scene: the ``vtkMRMLScene``.
        background: volume node.
        foreground: volume node over it; None leaves the foreground empty.
        opacity: of the foreground, 0 to 1.
    """
    composites = scene.GetNodesByClass("vtkMRMLSliceCompositeNode")
    composites.UnRegister(None)
    for index in range(composites.GetNumberOfItems()):
        composite = composites.GetItemAsObject(index)
        composite.SetBackgroundVolumeID(background.GetID())
        composite.SetForegroundVolumeID(foreground.GetID() if foreground is not None else None)
        composite.SetForegroundOpacity(opacity)
