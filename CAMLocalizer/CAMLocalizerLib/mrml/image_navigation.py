"""From the number of an image that a model ran on to its place in slice views, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import SettingsError
from ..localizer import Findings
from ..views import PLANES, plane_axes
from .navigation import Place, jump_slices, middle_of, nodes_across


def image_place(found: Findings, index: int) -> Place:
    """Return the middle of a slice that the model ran on, LPS in mm."""
    middle = (np.array(found.volume.grid.size) - 1) / 2
    middle[_axis(found)] = float(found.image_labels[index])
    x, y, z = found.volume.grid.to_lps(middle).tolist()
    return x, y, z


def jump_to_image(scene: Any, found: Findings, index: int) -> None:
    """Let the slice views that show the plane of the images go to one of them; projections have no place to go to.

    Raises:
        SettingsError: there is no such image.
    """
    if not 0 <= index < len(found.image_labels):
        raise SettingsError(f"there is no {found.image_kind} {index}, only {len(found.image_labels)}")
    if found.view in PLANES:
        nodes = nodes_across(scene, found.volume.grid, _axis(found))
        jump_slices(scene, image_place(found, index), nodes=nodes)


def image_in_view(scene: Any, found: Findings) -> int | None:
    """Return the index of the image that a slice view shows; None where none does."""
    if found.view not in PLANES:
        return None
    grid, axis = found.volume.grid, _axis(found)
    for node in nodes_across(scene, grid, axis):
        stored = round(float(grid.to_ijk(middle_of(node))[axis]))
        if stored in found.image_labels:
            return list(found.image_labels).index(stored)
    return None


def _axis(found: Findings) -> int:
    """Return the storage axis (0, 1, 2 for i, j, k) that counts the slices."""
    return plane_axes(found.volume.grid, found.view).axes[2]
