"""PictureLabel: a label that shows a picture, is redrawn when its size changes and can be pressed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from .canvas import Canvas, painted
from .interactions import Interactions
from .theme import Theme


class PictureLabel:
    """A picture in the panel.

    Args:
        label: the ``QLabel``.
        interactions: runs what a press or a new size asks for.
        pressed: called with the place of a press, as a part of the width from 0 to 1.
        redraw: draws the picture anew.
        drags: whether the mouse may also be moved with a button held.
    """

    def __init__(
        self,
        label: Any,
        interactions: Interactions,
        *,
        pressed: Callable[[float], None],
        redraw: Callable[[], None],
        drags: bool = True,
    ) -> None:
        self._label = label
        name = f"draw {id(label)}"
        self._watcher = _watcher(pressed, lambda: interactions.later(name, redraw), drags)
        label.installEventFilter(self._watcher)

    def show(self, draw: Callable[..., None], *values: Any, **options: Any) -> None:
        """Show a picture in the colours of the window, as sharp as the screen.

        Args:
            draw: a function of :mod:`.pictures`; takes a canvas, the values and the options.
            values: what is drawn.
            options: how it is drawn.
        """
        label = self._label
        window = label.palette.color(qt.QPalette.Window)
        theme = Theme.on((window.red(), window.green(), window.blue()))

        def paint(canvas: Canvas) -> None:
            draw(canvas, *values, **options)

        label.setPixmap(painted((label.width, label.height), paint, theme=theme, factor=label.devicePixelRatioF()))

    def close(self) -> None:
        """Watch the label no longer."""
        self._label.removeEventFilter(self._watcher)


def _watcher(pressed: Callable[[float], None], resized: Callable[[], None], drags: bool) -> Any:
    """Return an event filter that tells where a picture is pressed and when its size changes."""
    presses = (qt.QEvent.MouseButtonPress, qt.QEvent.MouseMove) if drags else (qt.QEvent.MouseButtonPress,)

    class PictureWatcher(qt.QObject):
        def eventFilter(self, picture: Any, event: Any) -> bool:  # noqa: N802
            kind = event.type()
            if kind == qt.QEvent.Resize:
                resized()
            if kind not in presses:
                return False
            place = event.position() if hasattr(event, "position") else event.pos()  # Qt 6, Qt 5
            pressed(min(max(place.x() / max(picture.width, 1), 0.0), 1.0))
            return True

    return PictureWatcher()
