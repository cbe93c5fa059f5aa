"""Buttons: enabled, or disabled with the reason as a tooltip."""

from __future__ import annotations

from typing import Any

from .translation import translated

NAMES = (
    "runButton",
    "undoButton",
    "redoButton",
    "resetButton",
    "acceptButton",
    "correctButton",
    "exportButton",
    "batchButton",
    "installButton",
)


class Buttons:
    """The buttons of the panel and their usual tooltips.

    Args:
        ui: the widgets of the panel by name.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._tips = {name: getattr(ui, name).toolTip for name in NAMES}

    def allow(self, name: str, blocker: str, tip: str = "") -> None:
        """Enable a button, or disable it and let its tooltip say why.

        Args:
            name: of the button.
            blocker: why it cannot be pressed, as the library says it; empty if it can.
            tip: tooltip of the enabled button; the usual one if empty.
        """
        button = getattr(self._ui, name)
        button.enabled = not blocker
        button.toolTip = translated(blocker) or tip or self._tips[name]
