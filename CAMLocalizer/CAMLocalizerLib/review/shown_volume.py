"""ShownVolume: the scan in all views, and its body or projections around the tumour in the 3D view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import Volume, is_suv
from ..mrml import volume_to_node
from .body import body_surface
from .page_context import PageContext
from .projection_box import ProjectionBox


class ShownVolume:
    """Shows one volume at a time.

    Args:
        context: what it works with.
        suit: called with the unit of a volume that is to be shown.
    """

    def __init__(self, context: PageContext, suit: Callable[[str], None] = lambda _unit: None) -> None:
        self._context = context
        self._suit = suit
        self._body: Any = None
        self._box: ProjectionBox | None = None
        self._without_body: Volume | None = None
        context.on_pause(self._on_pause)

    def show(self, volume: Volume) -> None:
        """Show a volume in place of the last one; what surrounds the tumour in 3D follows when the user pauses."""
        context = self._context
        self._suit(volume.unit)
        node = volume_to_node(context.app.scene, volume)
        self._exchange(node)
        context.views.show_volume(node)
        self._without_body = volume
        context.restart_pause()

    def clear(self) -> None:
        """Show no volume."""
        self._exchange(None)
        self._context.views.show_no_volume()

    def _exchange(self, node: Any) -> None:
        """Choose another volume, and remove the last one with what surrounds it."""
        context = self._context
        before = context.workbench.volume_node
        context.workbench.choose_volume(node)
        context.refresh()
        if before is not None:
            context.app.scene.RemoveNode(before)
        if self._body is not None:
            context.app.scene.RemoveNode(self._body)
        if self._box is not None:
            self._box.remove()
        self._body = self._box = self._without_body = None

    def _on_pause(self) -> None:
        """Draw what surrounds the tumour, and the lesions on the projections of a PET."""
        if (volume := self._without_body) is not None:
            self._without_body = None
            if is_suv(volume):
                self._box = ProjectionBox(self._context.app.scene, volume)
            else:
                self._body = body_surface(self._context.app.scene, volume)
            self._context.views.fit_three_d()
        if self._box is not None:
            with self._context.views.only_three_d():
                self._box.draw(self._context.workbench.review)


def volume_detail(volume: Volume) -> str:
    """Return size, spacing and unit of a volume in words."""
    size = " × ".join(map(str, volume.grid.size))
    spacing = " × ".join(f"{value:.3g}" for value in volume.grid.spacing_mm)
    return f"{size}, {spacing} mm" + (f", {volume.unit}" if volume.unit else "")
