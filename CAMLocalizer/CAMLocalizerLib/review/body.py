"""The outside of a body, as glass around the tumour in the 3D view."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage
from vtkmodules.vtkCommonTransforms import vtkTransform
from vtkmodules.vtkFiltersCore import (
    vtkFlyingEdges3D,
    vtkPolyDataNormals,
    vtkReverseSense,
    vtkWindowedSincPolyDataFilter,
)
from vtkmodules.vtkFiltersGeneral import vtkTransformPolyDataFilter

from ..core import Volume, label_components
from ..mrml.geometry import matrix_to_vtk, ras_from_grid
from ..mrml.images import image_from_array

LONGEST = 96  # voxels along the longest axis of the copy that the surface is made from
SMOOTHING_STEPS = 20
SMOOTHING = 0.05
COLOUR = (0.62, 0.70, 0.80)
OPACITY = 0.16
SPREAD = 0.35  # how far between the background and the mean of the rest the skin is sought


def body_surface(scene: Any, volume: Volume) -> Any:
    """Show the outside of a volume's body in 3D views.

    Args:
        scene: the ``vtkMRMLScene``.
        volume: the scan.

    Returns:
        The ``vtkMRMLModelNode``.
    """
    stride = max(1, -(-max(volume.grid.size) // LONGEST))
    array = ndimage.gaussian_filter(volume.array_kji[::stride, ::stride, ::stride].astype(np.float32), 1.0)
    inside = np.pad(array > _skin_level(array), 1)
    labels, count = label_components(inside, faces_only=True)
    if count:
        inside = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    to_ras = ras_from_grid(volume.grid) @ np.diag([stride, stride, stride, 1.0])
    to_ras[:3, 3] -= to_ras[:3, :3].sum(axis=1)  # the border of one voxel that was put around
    node = scene.AddNewNodeByClass("vtkMRMLModelNode", "Body")
    node.SetAndObservePolyData(_surface(inside, to_ras))
    node.SetSaveWithScene(False)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetScalarVisibility(False)
    display.SetColor(*COLOUR)
    display.SetOpacity(OPACITY)
    display.SetVisibility2D(False)
    display.SetBackfaceCulling(True)
    return node


def _skin_level(array: np.ndarray) -> float:
    """Return a level between the background, the lowest values, and what is clearly above it."""
    low = float(np.percentile(array, 5))
    above = array[array > array.mean()]
    return low + SPREAD * (float(above.mean()) - low) if above.size else low


def _surface(inside: np.ndarray, to_ras: np.ndarray) -> Any:
    contour = vtkFlyingEdges3D()
    contour.SetInputData(image_from_array(inside.astype(np.float32)))
    contour.SetValue(0, 0.5)
    smooth = vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(contour.GetOutputPort())
    smooth.SetNumberOfIterations(SMOOTHING_STEPS)
    smooth.SetPassBand(SMOOTHING)
    transform = vtkTransform()
    transform.SetMatrix(matrix_to_vtk(to_ras))
    placed = vtkTransformPolyDataFilter()
    placed.SetInputConnection(smooth.GetOutputPort())
    placed.SetTransform(transform)
    turned = vtkReverseSense()
    turned.SetInputConnection(placed.GetOutputPort())
    turned.SetReverseCells(bool(np.linalg.det(to_ras) < 0))  # a mirroring turns the inside out
    normals = vtkPolyDataNormals()
    normals.ConsistencyOff()
    normals.SetInputConnection(turned.GetOutputPort())
    normals.SplittingOff()
    normals.Update()
    return normals.GetOutput()
