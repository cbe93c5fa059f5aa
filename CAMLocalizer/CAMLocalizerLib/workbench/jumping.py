"""Slice views that go to an image or a place in the body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, SettingsError
from ..localizer import Findings
from ..views import PLANES, plane_axes

ALIGNED = 0.7  # cosine from which on a slice view is taken to show the plane of the images


def slice_nodes(scene: Any) -> list[Any]:
    """Return the slice views of a scene."""
    found = scene.GetNodesByClass("vtkMRMLSliceNode")
    found.UnRegister(None)
    return [found.GetItemAsObject(index) for index in range(found.GetNumberOfItems())]


def jump_to(scene: Any, lps_mm: Sequence[float], nodes: Sequence[Any] | None = None) -> None:
    """Let slice views show a place; they scroll and do not pan.

    Args:
        scene: the ``vtkMRMLScene``.
        lps_mm: LPS, mm.
        nodes: slice views; all if not given.
    """
    x, y, z = (float(value) for value in lps_mm)
    for node in slice_nodes(scene) if nodes is None else nodes:
        node.JumpSliceByOffsetting(-x, -y, z)


def jump_to_image(scene: Any, found: Findings, index: int) -> None:
    """Let the slice views that show the plane of the images go to one of them; projections have no place to go to.

    Raises:
        SettingsError: there is no such image.
    """
    if not 0 <= index < len(found.image_labels):
        raise SettingsError(f"there is no {found.image_kind} {index}, only {len(found.image_labels)}")
    if found.view in PLANES:
        axis = plane_axes(found.volume.grid, found.view).axes[2]
        jump_to(scene, image_place(found, index), _showing(scene, found.volume.grid, axis))


def image_place(found: Findings, index: int) -> tuple[float, float, float]:
    """Return the middle of a slice that the model looked at, LPS in mm."""
    axis = plane_axes(found.volume.grid, found.view).axes[2]
    middle = (np.array(found.volume.grid.size) - 1) / 2
    middle[axis] = float(found.image_labels[index])
    x, y, z = found.volume.grid.to_lps(middle).tolist()
    return x, y, z


def image_in_view(scene: Any, found: Findings) -> int | None:
    """Return the index of the image that a slice view shows; None where none does."""
    if found.view not in PLANES:
        return None
    grid = found.volume.grid
    axis = plane_axes(grid, found.view).axes[2]
    for node in _showing(scene, grid, axis):
        stored = round(float(grid.to_ijk(_ras_to_lps(_column(node, 3)))[axis]))
        if stored in found.image_labels:
            return list(found.image_labels).index(stored)
    return None


def _showing(scene: Any, grid: Grid, axis: int) -> list[Any]:
    """Return the slice views whose normal runs along a storage axis."""
    normal = grid.direction[:, axis]
    return [node for node in slice_nodes(scene) if abs(normal @ _ras_to_lps(_column(node, 2))) > ALIGNED]


def _column(node: Any, column: int) -> NDArray[np.float64]:
    matrix = node.GetSliceToRAS()
    return np.array([matrix.GetElement(row, column) for row in range(3)])


def _ras_to_lps(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector * (-1.0, -1.0, 1.0)
