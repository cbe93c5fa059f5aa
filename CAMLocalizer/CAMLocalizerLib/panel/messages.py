"""Messages: what came of an action, at the place of its button, until the next action."""

from __future__ import annotations

from typing import Any

from .translation import translated

RUN, ACCEPT, EXPORT = "statusLabel", "acceptMessage", "exportMessage"
PLACES = (RUN, ACCEPT, EXPORT)


class Messages:
    """Sentences that stay readable until the user does something else, whatever is shown anew meanwhile.

    Args:
        ui: the widgets of the panel by name.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._said: dict[str, str] = {}
        for place in PLACES:
            self.show(place)

    def say(self, place: str, sentence: str) -> None:
        """Say what came of an action.

        Args:
            place: :data:`RUN`, :data:`ACCEPT` or :data:`EXPORT`: near the button that was pressed.
            sentence: to the user, in the language of the window or as the library says it.
        """
        self._said[place] = sentence
        self.show(place)

    def clear(self) -> None:
        """Say nothing any longer: the user does something else."""
        places, self._said = tuple(self._said), {}
        for place in places:
            self.show(place)

    def show(self, place: str, otherwise: str = "") -> None:
        """Show what was said at a place.

        Args:
            place: as for :meth:`say`.
            otherwise: what is shown while nothing was said, likewise.
        """
        label = getattr(self._ui, place)
        label.text = translated(self._said.get(place, otherwise))
        label.visible = bool(label.text)
