"""VolumeWatch: whether a volume is still what it was."""

from __future__ import annotations

from typing import Any

from ...core import CAMLocalizerError
from ...mrml import grid_from_node


class VolumeWatch:
    """Remembers a volume node's voxels and place.

    Args:
        node: scalar volume node.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._scene = node.GetScene()
        self._name = node.GetName()
        self._image = node.GetImageData()
        self._stamp = self._voxels_stamp()
        self._grid = grid_from_node(node)

    def notice(self) -> str:
        """Say in a sentence what became of the volume; empty if it is as it was."""
        if self._node.GetScene() is not self._scene:
            return f"{self._name} was removed from the scene."
        if self._node.GetImageData() is not self._image or self._voxels_stamp() != self._stamp:
            return f"{self._name} was changed after the run; run again."
        try:
            moved = not grid_from_node(self._node).matches(self._grid)
        except CAMLocalizerError as error:
            return f"{error}."
        return f"{self._name} was moved after the run; move it back or run again." if moved else ""

    def _voxels_stamp(self) -> int:
        scalars = self._image.GetPointData().GetScalars()
        return max(int(self._image.GetMTime()), 0 if scalars is None else int(scalars.GetMTime()))
