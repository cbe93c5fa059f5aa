"""When a view draws: at once, or later while it is held."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from trame_slicer.views import ScheduledRenderStrategy


class HeldDrawing(ScheduledRenderStrategy):
    """Draws when something changed, unless it is held; then it draws once when let go, or not at all.

    Args:
        view: of trame-slicer.
        adapter: sends its pictures to the page.
    """

    def __init__(self, view: Any, adapter: Any) -> None:
        super().__init__()
        self.drawn_at = 0.0
        self._adapter = adapter
        self._held = self._asked = False
        view.set_scheduled_render(self)
        view.render_window().AddObserver("EndEvent", self._on_drawn)

    def schedule_render(self) -> None:
        """Draw soon; several requests make one picture."""
        if self._held:
            self._asked = True
        else:
            self._adapter.schedule_render()

    def hold(self) -> None:
        """Draw nothing from now on."""
        self._held = True

    def let_go(self, *, draw: bool = True) -> None:
        """Draw again; at once what was requested meanwhile, if ``draw``."""
        asked, self._asked, self._held = self._asked, False, False
        if asked and draw:
            self._adapter.schedule_render()

    def _on_drawn(self, *_: Any) -> None:
        self.drawn_at = time.monotonic()


@contextmanager
def not_drawing(drawings: Sequence[HeldDrawing]) -> Iterator[None]:
    """Change what views need not draw anew."""
    for drawing in drawings:
        drawing.hold()
    try:
        yield
    finally:
        for drawing in drawings:
            drawing.let_go(draw=False)
