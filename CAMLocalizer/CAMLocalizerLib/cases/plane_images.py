"""PlaneImages: the arrays of a case as a radiologist views them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core import Grid
from ..views import PlaneAxes, plane_axes
from .report import CaseResult


@dataclass(frozen=True, eq=False)
class PlaneImages:
    """Image, activation and mask as (slices, rows, columns) in anatomical display order, without copies.

    Args:
        image: intensities.
        activation: 0 to 1.
        mask: above 0 where labelled.
        aspect: height of a pixel over its width.
        plane: name of the plane.
    """

    image: NDArray[np.float32]
    activation: NDArray[np.float32]
    mask: NDArray[np.uint8]
    aspect: float
    plane: str


def in_plane(result: CaseResult, plane: str, activation: NDArray[np.float32] | None = None) -> PlaneImages:
    """View the arrays of a case as slices of a plane, as a radiologist views them.

    Args:
        result: the case.
        plane: ``axial``, ``coronal`` or ``sagittal``.
        activation: shown instead of the case's own; broadcasts against the volume's array.
    """
    volume = result.localization.volume
    axes = plane_axes(volume.grid, plane)
    shown = result.activation if activation is None else np.broadcast_to(activation, volume.array_kji.shape)
    arrays = (volume.displayed().array_kji, shown, result.label_map.array_kji)
    image, activation, mask = (display_slices(axes, array) for array in arrays)
    return PlaneImages(image, activation, mask, pixel_aspect(axes, volume.grid), plane)


def display_slices(axes: PlaneAxes, array: NDArray) -> NDArray:
    """View an array as (slices, rows, columns), all in anatomical display order."""
    return axes.as_slices(array)[:, :: axes.signs[1], :: axes.signs[0]]


def pixel_aspect(axes: PlaneAxes, grid: Grid) -> float:
    """Return the height of a displayed pixel over its width."""
    columns, rows, _ = axes.axes
    return grid.spacing_mm[rows] / grid.spacing_mm[columns]
