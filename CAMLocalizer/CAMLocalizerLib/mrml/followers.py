"""Where a node lies that shows something of a volume: in the volume's own space, under the volume's own transform."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from ..core import GridError, InputError
from .geometry import matrix_from_vtk, matrix_to_vtk


def local_matrix(volume_node: Any) -> NDArray[np.float64]:
    """Return the 4x4 matrix from a volume node's voxels to its own RAS space, parent transforms left out."""
    matrix = vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    return matrix_from_vtk(matrix)


def local_geometry(volume_node: Any) -> Any:
    """Return a volume node's voxel grid in its own space as ``vtkOrientedImageData`` without voxels.

    Raises:
        InputError: a node without voxels.
    """
    image = volume_node.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0:
        raise InputError(f"{volume_node.GetName()} holds no voxels; load the volume first")
    geometry = slicer.vtkOrientedImageData()
    geometry.SetExtent(image.GetExtent())
    geometry.SetImageToWorldMatrix(matrix_to_vtk(local_matrix(volume_node)))
    return geometry


def shape_kji(image: Any) -> tuple[int, int, int]:
    """Return the shape of an array with a VTK image's voxels."""
    i, j, k = image.GetDimensions()
    return k, j, i


def share_transform(node: Any, volume_node: Any) -> None:
    """Put a node under the parent transform of a volume node, so that both move together from now on."""
    if node.GetTransformNodeID() != volume_node.GetTransformNodeID():
        node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())


def checked_shape(array_kji: NDArray, expected: tuple[int, int, int], name: str) -> None:
    """Refuse an array of another shape than the volume that ``name`` lies on.

    Raises:
        GridError: shapes that differ.
    """
    if array_kji.shape != expected:
        raise GridError(f"{name} has shape {array_kji.shape}, its volume expects {expected}")
