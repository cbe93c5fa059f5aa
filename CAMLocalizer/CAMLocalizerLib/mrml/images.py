"""Arrays to and from VTK images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import get_vtk_array_type, numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData

from ..core import InputError


def fill_image(image: Any, array_kji: NDArray) -> None:
    """Copy an array into a VTK image, which takes its size and type.

    Args:
        image: ``vtkImageData`` or ``vtkOrientedImageData``.
        array_kji: voxels, shape (k, j, i), any numeric type that VTK has.
    """
    flat = np.ascontiguousarray(array_kji).ravel()  # i runs fastest in both
    image.SetDimensions(*array_kji.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(flat, deep=True, array_type=get_vtk_array_type(flat.dtype)))


def image_from_array(array_kji: NDArray) -> vtkImageData:
    """Return a new VTK image with a copy of the array (k, j, i); spacing 1 and origin 0, as MRML wants it."""
    image = vtkImageData()
    fill_image(image, array_kji)
    return image


def array_from_image(image: Any, name: str) -> NDArray:
    """Return the voxels of a VTK image, shape (k, j, i): a view, to be copied by whoever keeps it.

    Args:
        image: ``vtkImageData`` with one scalar component.
        name: how an error calls the node.

    Raises:
        InputError: no image or no voxels in it, or several values per voxel (colour or vector volumes).
    """
    scalars = None if image is None else image.GetPointData().GetScalars()
    if scalars is None or scalars.GetNumberOfTuples() == 0:
        raise InputError(f"{name} holds no voxels; load the volume first")
    if (components := scalars.GetNumberOfComponents()) != 1:
        raise InputError(f"{name} has {components} values per voxel, expected 1; convert it to a scalar volume first")
    return vtk_to_numpy(scalars).reshape(image.GetDimensions()[::-1])  # (k, j, i)


def used_box(mask_kji: NDArray) -> tuple[slice, slice, slice] | None:
    """Return the smallest box, slices along k, j, i, that holds everything that is not zero; None for an empty mask."""
    limits = []
    for axes in ((1, 2), (0, 2), (0, 1)):
        used = np.flatnonzero(mask_kji.any(axis=axes))
        if not used.size:
            return None
        limits.append(slice(int(used[0]), int(used[-1]) + 1))
    k, j, i = limits
    return k, j, i
