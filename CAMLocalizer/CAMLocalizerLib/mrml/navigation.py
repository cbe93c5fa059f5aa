"""Slice views: where they stand, what they show, and how they go to a place; the only code that turns RAS to LPS there.

Places are LPS in mm, as everywhere in the library; Slicer's slice nodes think in RAS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core import Grid, SettingsError
from ..views.planes import check_plane
from .geometry import LPS_RAS_FLIP, matrix_from_vtk

Place = tuple[float, float, float]
SIDES = (("R", "L"), ("A", "P"), ("S", "I"))  # towards positive and negative RAS
ALIGNED = 0.7  # cosine from which on a slice view is taken to show the slices along an axis


def slice_nodes(scene: Any) -> tuple[Any, ...]:
    """Return the nodes of all slice views in a scene."""
    found = scene.GetNodesByClass("vtkMRMLSliceNode")
    found.UnRegister(None)
    return tuple(found.GetItemAsObject(index) for index in range(found.GetNumberOfItems()))


def ras_from_lps(lps_mm: ArrayLike) -> Place:
    """Return a place or direction given in LPS in RAS, and the other way round."""
    x, y, z = (LPS_RAS_FLIP[:3, :3] @ np.asarray(lps_mm, dtype=np.float64)).tolist()
    return x, y, z


def jump_slices(
    scene: Any, lps_mm: Sequence[float], *, centre: bool = False, nodes: Sequence[Any] | None = None
) -> None:
    """Let slice views show a place.

    Args:
        scene: the ``vtkMRMLScene``.
        lps_mm: LPS, mm.
        centre: pan the views, too, so that the place comes to their middle; without it they only scroll.
        nodes: slice nodes; all of the scene by default.

    Raises:
        SettingsError: a place that is not three finite numbers.
    """
    ras = ras_from_lps(_checked(lps_mm))
    for node in slice_nodes(scene) if nodes is None else nodes:
        jump = node.JumpSliceByCentering if centre else node.JumpSliceByOffsetting
        jump(*ras)


def fit_slices(application_logic: Any) -> None:
    """Show the whole background volume in every slice view, as Slicer does with a volume that was just loaded.

    The views go back to their own planes, turned to the axes of the volume.

    Args:
        application_logic: ``vtkMRMLApplicationLogic`` that knows the logics of the slice views.
    """
    if application_logic.GetSliceLogics() is not None:
        application_logic.FitSliceToBackground()


def move_crosshair(scene: Any, lps_mm: Sequence[float]) -> None:
    """Move the crosshair to a place, whether it is shown or not.

    Args:
        scene: the ``vtkMRMLScene``.
        lps_mm: LPS, mm.
    """
    crosshair = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    if crosshair is not None:
        crosshair.SetCrosshairRAS(*ras_from_lps(_checked(lps_mm)))


def show_plane(scene: Any, view: str, *, reference: Any = None, nodes: Sequence[Any] | None = None) -> None:
    """Turn slice views to an anatomical plane.

    Args:
        scene: the ``vtkMRMLScene``.
        view: ``axial``, ``coronal`` or ``sagittal``.
        reference: a volume node; the views turn to its own axes nearest to the plane, so that an oblique volume is
            shown slice by slice as it was taken.
        nodes: slice nodes; all of the scene by default.

    Raises:
        SettingsError: another view.
    """
    check_plane(view)
    for node in slice_nodes(scene) if nodes is None else nodes:
        node.SetOrientation(view.capitalize())
        if reference is not None:
            node.RotateToVolumePlane(reference)


def align_slices(scene: Any, reference: Any) -> None:
    """Turn every slice view to the volume's own axes nearest to what it shows now."""
    for node in slice_nodes(scene):
        node.RotateToVolumePlane(reference)


def nodes_across(scene: Any, grid: Grid, axis: int) -> tuple[Any, ...]:
    """Return the slice nodes that show a volume's slices along an axis, also when turned a little.

    Args:
        scene: the ``vtkMRMLScene``.
        grid: of the volume.
        axis: 0, 1 or 2 for i, j or k.
    """
    normal = grid.direction[:, axis]
    return tuple(node for node in slice_nodes(scene) if abs(normal @ _column(node, 2)) > ALIGNED)


def middle_of(node: Any) -> NDArray[np.float64]:
    """Return the place in the middle of a slice view, LPS in mm, shape (3,)."""
    return _column(node, 3)


def place_at(node: Any, x: float, y: float) -> Place:
    """Return the place under a pixel of a slice view, LPS in mm.

    Args:
        node: the slice node.
        x: from the left border, in pixels.
        y: from the bottom, in pixels.
    """
    return ras_from_lps(node.GetXYToRAS().MultiplyPoint((x, y, 0.0, 1.0))[:3])


def offset_of(node: Any, lps_mm: ArrayLike) -> float:
    """Return the slice offset at which a slice view shows a place, in mm along its normal."""
    normal = matrix_from_vtk(node.GetSliceToRAS())[:3, 2]
    return float(normal @ np.array(ras_from_lps(lps_mm)))


def slice_number(offset_mm: float, low_mm: float, high_mm: float, step_mm: float) -> int:
    """Return which slice an offset lies in, counted from 1.

    Args:
        offset_mm: of the view; beyond the ends the first or the last slice is meant.
        low_mm: offset of the first slice.
        high_mm: offset of the last slice.
        step_mm: between two slices.
    """
    return round((min(max(offset_mm, low_mm), high_mm) - low_mm) / step_mm) + 1


def sides_of(node: Any) -> tuple[str, str, str, str]:
    """Return which side of the patient lies at the left, right, top and bottom border of a slice view."""
    to_ras = matrix_from_vtk(node.GetSliceToRAS())
    (right, left), (top, bottom) = _sides(to_ras[:3, 0]), _sides(to_ras[:3, 1])
    return left, right, top, bottom


def _sides(direction_ras: NDArray[np.float64]) -> tuple[str, str]:
    """Return the patient's sides that lie along a direction and against it."""
    axis = int(np.abs(direction_ras).argmax())
    ahead, behind = SIDES[axis]
    return (ahead, behind) if direction_ras[axis] > 0 else (behind, ahead)


def _column(node: Any, column: int) -> NDArray[np.float64]:
    """Return a column of the view's matrix in LPS: 2 for its normal, 3 for its middle."""
    return np.array(ras_from_lps(matrix_from_vtk(node.GetSliceToRAS())[:3, column]))


def _checked(lps_mm: Sequence[float]) -> Place:
    values = [float(value) for value in lps_mm]
    if len(values) != 3 or any(abs(value) == float("inf") or value != value for value in values):
        raise SettingsError(f"a place is three finite numbers in mm, got {values}")
    x, y, z = values
    return x, y, z
