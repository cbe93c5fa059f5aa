"""HeldViews: 3D views that are not drawn while a control moves."""

from __future__ import annotations

import contextlib
from typing import Any

import slicer


class HeldViews:
    """Pauses the drawing of all 3D views: a surface is made anew only once the user pauses, so there is nothing new."""

    def __init__(self) -> None:
        self._held: list[Any] = []

    def hold(self) -> None:
        """Draw no 3D view until :meth:`release`."""
        manager = slicer.app.layoutManager()
        if self._held or manager is None:
            return
        self._held = [manager.threeDWidget(index).threeDView() for index in range(manager.threeDViewCount)]
        for view in self._held:
            view.pauseRender()

    def release(self) -> None:
        """Draw the 3D views again, with what they were asked to show meanwhile."""
        held, self._held = self._held, []
        for view in held:
            with contextlib.suppress(ValueError):  # the layout has other views by now
                view.resumeRender()
