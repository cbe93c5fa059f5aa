"""Slice views that go to a place in the body or turn to a plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core import SettingsError
from ..views.planes import PLANES, check_plane

NORMALS = dict(zip(("sagittal", "coronal", "axial"), range(3), strict=True))  # axis of RAS across each plane


def slice_nodes(scene: Any) -> tuple[Any, ...]:
    """Return the nodes of all slice views in a scene."""
    found = scene.GetNodesByClass("vtkMRMLSliceNode")
    found.UnRegister(None)
    return tuple(found.GetItemAsObject(index) for index in range(found.GetNumberOfItems()))


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
    x, y, z = _checked(lps_mm)
    for node in slice_nodes(scene) if nodes is None else nodes:
        jump = node.JumpSliceByCentering if centre else node.JumpSliceByOffsetting
        jump(-x, -y, z)  # RAS


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


def nodes_showing(scene: Any, view: str) -> tuple[Any, ...]:
    """Return the slice nodes turned to a plane, or to volume axes near to it; empty for a projection.

    Args:
        scene: the ``vtkMRMLScene``.
        view: as ``Findings.view`` names it.
    """
    if view not in PLANES:
        return ()
    return tuple(node for node in slice_nodes(scene) if _normal_axis(node) == NORMALS[view])


def _normal_axis(node: Any) -> int:
    normal = [abs(node.GetSliceToRAS().GetElement(row, 2)) for row in range(3)]
    return normal.index(max(normal))


def _checked(lps_mm: Sequence[float]) -> tuple[float, float, float]:
    values = [float(value) for value in lps_mm]
    if len(values) != 3 or any(abs(value) == float("inf") or value != value for value in values):
        raise SettingsError(f"a place is three finite numbers in mm, got {values}")
    x, y, z = values
    return x, y, z
