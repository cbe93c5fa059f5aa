"""Grids to and from MRML nodes: the only place where LPS meets Slicer's RAS."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from ..core import Grid, GridError, InputError

LPS_RAS_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])  # its own inverse


def matrix_from_vtk(matrix: vtkMatrix4x4) -> NDArray[np.float64]:
    """Return the 16 numbers of a VTK matrix as a 4x4 array."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def matrix_to_vtk(array: ArrayLike) -> vtkMatrix4x4:
    """Return a 4x4 array as a VTK matrix."""
    matrix = vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(array, dtype=np.float64).ravel().tolist())
    return matrix


def ras_from_grid(grid: Grid) -> NDArray[np.float64]:
    """Return the 4x4 matrix from voxel indices of ``grid`` to RAS millimetres."""
    return LPS_RAS_FLIP @ grid.ijk_to_lps


def transform_to_world(node: Any) -> NDArray[np.float64]:
    """Return the 4x4 RAS matrix that all parent transforms of ``node`` make together; identity without a parent.

    Args:
        node: any ``vtkMRMLTransformableNode``.

    Raises:
        GridError: a parent that bends space, for example a grid or B-spline transform.
    """
    parent = node.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    if not parent.IsTransformToWorldLinear():
        raise GridError(
            f"{node.GetName()} lies under the transform {parent.GetName()}, which is not linear; "
            "harden the transform on a copy of the node first"
        )
    matrix = vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(matrix)
    return matrix_from_vtk(matrix)


def grid_from_image(image: Any, ijk_to_ras: ArrayLike, to_world: ArrayLike, name: str) -> Grid:
    """Return the grid of a VTK image placed in the body by two matrices.

    Args:
        image: ``vtkImageData``; an extent that does not start at 0 is taken into account.
        ijk_to_ras: 4x4 matrix from VTK's structured coordinates to the node's RAS, mm.
        to_world: 4x4 matrix from the node's RAS to the world's RAS.
        name: how an error calls the node.

    Raises:
        GridError: shear, perspective or a zero spacing, alone or made by the parent transform.
    """
    extent = image.GetExtent()
    start = np.eye(4)
    start[:3, 3] = extent[0::2]
    matrix = LPS_RAS_FLIP @ np.asarray(to_world) @ np.asarray(ijk_to_ras) @ start
    if not np.allclose(matrix[3], (0, 0, 0, 1)):
        raise GridError(f"{name} lies under a perspective transform; expected an affine one, remove it first")
    try:
        return Grid.from_matrix(matrix, tuple(image.GetDimensions()))
    except GridError as error:
        raise GridError(f"{name}: {error}") from error


def grid_from_node(node: Any) -> Grid:
    """Return the grid of a volume node in the world, its linear parent transforms included.

    Rotation, translation, reflection and scaling along the voxel axes are taken.

    Args:
        node: a ``vtkMRMLVolumeNode`` with an image.

    Raises:
        InputError: a node without voxels.
        GridError: a parent transform that is not linear, or one that shears the grid.
    """
    image = node.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0:
        raise InputError(f"{node.GetName()} holds no voxels; load the volume first")
    ijk_to_ras = vtkMatrix4x4()
    node.GetIJKToRASMatrix(ijk_to_ras)
    return grid_from_image(image, matrix_from_vtk(ijk_to_ras), transform_to_world(node), node.GetName())


def place_node(node: Any, grid: Grid) -> None:
    """Put a volume node on ``grid`` in the world; a parent transform is taken off."""
    node.SetAndObserveTransformNodeID(None)
    node.SetIJKToRASMatrix(matrix_to_vtk(ras_from_grid(grid)))
