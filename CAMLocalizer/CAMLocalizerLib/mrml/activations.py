"""Activation maps into the scene."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.vtkConstants import VTK_FLOAT

from ..core import Grid, GridError
from .colours import activation_color_node
from .followers import checked_shape, local_geometry, local_matrix, shape_kji, share_transform
from .geometry import matrix_to_vtk, place_node
from .images import array_from_image, image_from_array
from .legends import show_legend
from .removal import remove_node

# Slice views draw every colour that is not wholly transparent with the same opacity: without a lowest level the dark
# colours of little activation would lie over the tissue like a veil.
SHOWN_FROM = 0.2
OPACITY = 0.5


class ActivationLayer:
    """An activation map over its volume whose values change in place while settings move.

    Like the preview it lies in the volume's own space under the volume's own parent transform.

    Args:
        scene: the ``vtkMRMLScene``.
        reference_node: scalar volume node whose voxels the maps have.
        name: of a new node.
        node: a layer's node of a loaded scene to take over instead of making one.

    Raises:
        InputError: a reference without voxels.
    """

    def __init__(self, scene: Any, reference_node: Any, name: str = "Tumour activation", *, node: Any = None) -> None:
        self.scene = scene
        self.reference = reference_node
        self.node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name) if node is None else node
        self._image = self.node.GetImageData()
        geometry = local_geometry(reference_node)
        self._shape = shape_kji(geometry)
        if not self._attached():
            self._attach()
        self.follow()
        if self.node.GetDisplayNode() is None:  # of a loaded scene's node the user may have chosen another look
            self.node.CreateDefaultDisplayNodes()
            _show_as_activation(self.node.GetDisplayNode(), activation_color_node(scene))

    @property
    def alive(self) -> bool:
        """Whether the node is still in the scene."""
        return self.node.GetScene() is self.scene

    def write(self, array_kji: NDArray[np.float32]) -> None:
        """Show other values, at once in the slice views.

        Args:
            array_kji: activation 0 to 1, float32, shape of the reference volume; copied.

        Raises:
            GridError: another shape.
        """
        checked_shape(array_kji, self._shape, self.node.GetName())
        self.follow()
        if not self._attached():
            self._attach()
        np.copyto(array_from_image(self._image, self.node.GetName()), array_kji, casting="same_kind")
        self._image.GetPointData().GetScalars().Modified()
        self._image.Modified()

    def follow(self) -> None:
        """Lie where the volume lies, also after its transform was exchanged or hardened."""
        share_transform(self.node, self.reference)
        self.node.SetIJKToRASMatrix(matrix_to_vtk(local_matrix(self.reference)))

    def show_from(self, level: float) -> None:
        """Hide activation below ``level``, 0 to 1, in the views; the values stay. 0 shows all.

        Args:
            level: lowest activation that is shown.
        """
        _show_from(self.node.GetDisplayNode(), level)

    def show(self, *, opacity: float = OPACITY, legend: bool = True) -> None:
        """Show the layer over its volume in every slice view.

        Args:
            opacity: 0 to 1.
            legend: also show what its colours mean.
        """
        show_in_slices(self.scene, self.reference, self.node, opacity=opacity)
        show_legend(self.node, legend)

    def hide(self) -> None:
        """Show the layer and its legend in no view."""
        leave_slices(self.scene, self.node)
        show_legend(self.node, False)

    def remove(self) -> None:
        """Take the node and its legend out of the scene."""
        remove_node(self.scene, self.node)

    def _attached(self) -> bool:
        image = self.node.GetImageData()
        return (
            image is not None
            and image is self._image
            and shape_kji(image) == self._shape
            and image.GetScalarType() == VTK_FLOAT
            and image.GetNumberOfScalarComponents() == 1
        )

    def _attach(self) -> None:
        self._image = image_from_array(np.zeros(self._shape, np.float32))
        self._image.SetExtent(self.reference.GetImageData().GetExtent())
        self.node.SetAndObserveImageData(self._image)


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
        The ``vtkMRMLScalarVolumeNode``, float32, coloured from 0 to 1 whatever its maximum, hidden below 0.2.

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
    _show_from(display, SHOWN_FROM)


def _show_from(display: Any, level: float) -> None:
    display.AutoThresholdOff()
    display.SetThreshold(level, max(1.0, level))
    display.SetApplyThreshold(level > 0)


def show_in_slices(scene: Any, background: Any, foreground: Any = None, *, opacity: float = OPACITY) -> None:
    """Show a volume in every slice view of the scene, with an activation map over it.

    Args:
        scene: the ``vtkMRMLScene``.
        background: volume node.
        foreground: volume node over it; None leaves the foreground empty.
        opacity: of the foreground, 0 to 1.
    """
    for composite in _composites(scene):
        if composite.GetBackgroundVolumeID() != background.GetID():
            composite.SetLabelVolumeID(None)  # made for another volume
        composite.SetBackgroundVolumeID(background.GetID())
        composite.SetForegroundVolumeID(foreground.GetID() if foreground is not None else None)
        composite.SetForegroundOpacity(opacity)


def shows_in_slices(scene: Any, background: Any) -> bool:
    """Return whether every slice view of the scene shows a volume."""
    return all(composite.GetBackgroundVolumeID() == background.GetID() for composite in _composites(scene))


def background_volume(scene: Any) -> Any:
    """Return the volume node that a slice view of the scene shows; None if all are empty."""
    shown = (scene.GetNodeByID(composite.GetBackgroundVolumeID() or "") for composite in _composites(scene))
    return next((node for node in shown if node is not None), None)


def leave_slices(scene: Any, foreground: Any) -> None:
    """Show an activation map over no volume any longer."""
    for composite in _composites(scene):
        if composite.GetForegroundVolumeID() == foreground.GetID():
            composite.SetForegroundVolumeID(None)


def _composites(scene: Any) -> tuple[Any, ...]:
    """Return the nodes that say what each slice view shows."""
    found = scene.GetNodesByClass("vtkMRMLSliceCompositeNode")
    found.UnRegister(None)
    return tuple(found.GetItemAsObject(index) for index in range(found.GetNumberOfItems()))
