"""ResultControls: undo, redo, reset and accept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from ..workbench import Availability
from ..workbench.presenter import volume_text
from .buttons import Buttons
from .interactions import Interactions
from .messages import ACCEPT
from .translation import translated


class ResultControls:
    """The buttons that end a step of the review.

    Args:
        ui: the widgets of the panel by name.
        availability: why a button cannot be pressed.
        interactions: runs what a button asks for.
        buttons: the buttons of the panel.
        accepted: called after a segment was accepted.
    """

    def __init__(
        self,
        ui: Any,
        availability: Availability,
        interactions: Interactions,
        buttons: Buttons,
        *,
        accepted: Callable[[], None],
    ) -> None:
        self._ui, self._available, self._interactions, self._buttons = ui, availability, interactions, buttons
        self._accepted = accepted
        self._connect(ui.undoButton, lambda: interactions.review.undo())
        self._connect(ui.redoButton, lambda: interactions.review.redo())
        self._connect(ui.resetButton, lambda: interactions.review.reset())
        self._connect(ui.acceptButton, self.accept)

    def _connect(self, button: Any, action: Callable[[], Any], place: str = ACCEPT) -> None:
        button.connect("clicked()", lambda: self._interactions.now(action, place))

    def accept(self) -> None:
        """Keep the tumour as it stands as a segment."""
        segment = self._interactions.review.accept()
        self._accepted()
        volume = volume_text(segment.volume_ml)
        told = _("{name} was accepted: {volume}.").format(name=segment.name, volume=volume)
        self._interactions.messages.say(ACCEPT, told)

    def show(self, review: Any) -> None:
        """Show which buttons can be pressed, or why not.

        Args:
            review: the review; None without one.
        """
        available, allow = self._available, self._buttons.allow
        undo = "" if review is None else _("Take back: {change} (Ctrl+Z).").format(change=translated(review.undo_text))
        redo = "" if review is None else _("Do again: {change} (Ctrl+Y).").format(change=translated(review.redo_text))
        allow("undoButton", available.undo_blocker(), undo)
        allow("redoButton", available.redo_blocker(), redo)
        allow("resetButton", available.review_blocker())
        allow("acceptButton", available.accept_blocker())
        self._interactions.messages.show(ACCEPT, available.notice())
