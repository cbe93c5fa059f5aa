"""The surface of a mask, made quickly enough for a preview."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkCommonTransforms import vtkTransform
from vtkmodules.vtkFiltersCore import vtkPolyDataNormals, vtkReverseSense, vtkSurfaceNets3D
from vtkmodules.vtkFiltersGeneral import vtkTransformPolyDataFilter

from .geometry import matrix_to_vtk
from .images import image_from_array, used_box

MOST_VOXELS = 4_000_000  # of the box around a mask; larger ones are made coarser, which no eye sees at that size
SMOOTHING = 8  # steps; more rounds off small tumours
SHARP_EDGE_DEG = 80.0


def surface_of(mask_kji: NDArray, ijk_to_ras: ArrayLike, most_voxels: int = MOST_VOXELS) -> vtkPolyData:
    """Return the closed, lightly smoothed surface of everything that is not zero, triangles with normals outwards.

    Args:
        mask_kji: shape (k, j, i).
        ijk_to_ras: 4x4 matrix from voxel indices to RAS mm.
        most_voxels: a larger box around the mask is halved, cut to a third, ... along each axis; a coarse voxel then
            belongs to the mask if any of its voxels does, so that no small component is lost.

    Returns:
        The surface in RAS mm, at the voxels' borders; without a point for an empty mask.

    Source:
        Frisken, SurfaceNets for Multi-Label Segmentations with Preservation of Sharp Boundaries, JCGT 2022 (VTK's
        vtkSurfaceNets3D).
    """
    box = used_box(mask_kji)
    if box is None:
        return vtkPolyData()
    start = np.array([axis.start for axis in box])
    cropped = mask_kji[box] != 0
    step = int(np.ceil(max(1.0, cropped.size / most_voxels) ** (1 / 3)))
    coarse = np.pad(_coarser(cropped, step), 1)  # closed at the volume's border, too
    matrix = np.asarray(ijk_to_ras, dtype=np.float64)
    spacing_mm = np.linalg.norm(matrix[:3, :3], axis=0)
    to_ras = np.eye(4)
    to_ras[:3, :3] = matrix[:3, :3] / spacing_mm
    to_ras[:3, 3] = (matrix @ [*(start[::-1] + (step - 1) / 2 - step), 1.0])[:3]
    image = image_from_array(coarse.astype(np.uint8))
    image.SetSpacing(*(spacing_mm * step).tolist())
    return _in_ras(_smooth_surface(image), to_ras)


def _coarser(mask: NDArray[np.bool_], step: int) -> NDArray[np.bool_]:
    for axis in range(3 if step > 1 else 0):
        mask = np.logical_or.reduceat(mask, np.arange(0, mask.shape[axis], step), axis=axis)
    return mask


def _smooth_surface(image: Any) -> Any:
    nets = vtkSurfaceNets3D()
    nets.SetInputData(image)
    nets.SetValue(0, 1)
    nets.SmoothingOn()
    nets.SetNumberOfIterations(SMOOTHING)
    nets.SetOutputMeshTypeToTriangles()
    nets.Update()
    return nets.GetOutput()


def _in_ras(surface: Any, to_ras: NDArray[np.float64]) -> vtkPolyData:
    transform = vtkTransform()
    transform.SetMatrix(matrix_to_vtk(to_ras))
    placed = vtkTransformPolyDataFilter()
    placed.SetInputData(surface)
    placed.SetTransform(transform)
    turned = vtkReverseSense()
    turned.SetInputConnection(placed.GetOutputPort())
    turned.SetReverseCells(bool(np.linalg.det(to_ras) < 0))  # a mirroring turns the inside out
    normals = vtkPolyDataNormals()
    normals.SetInputConnection(turned.GetOutputPort())
    normals.SplittingOff()
    normals.ConsistencyOff()
    normals.SetFeatureAngle(SHARP_EDGE_DEG)
    normals.Update()
    result = vtkPolyData()
    result.ShallowCopy(normals.GetOutput())
    result.GetCellData().Initialize()  # which labels meet at a triangle is of no use here
    return result
