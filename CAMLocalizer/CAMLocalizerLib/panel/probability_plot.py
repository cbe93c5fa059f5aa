"""ProbabilityPlot: the tumour probability of each image, as a plot to jump from."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from .interactions import Interactions
from .picture_label import PictureLabel
from .pictures import draw_probabilities


class ProbabilityPlot:
    """Shows the probabilities and which image is in view.

    Args:
        ui: the widgets of the panel by name.
        workbench: knows which image is in view and moves the slice views.
        interactions: passes presses on.
    """

    def __init__(self, ui: Any, workbench: Any, interactions: Interactions) -> None:
        self._ui, self._workbench, self._interactions = ui, workbench, interactions
        self._current: int | None = None
        self._picture = PictureLabel(
            ui.probabilityPicture, interactions, pressed=self.on_pressed, redraw=self.show_picture
        )

    def on_pressed(self, part: float) -> None:
        """Let the slice views go to the image that was pressed."""
        count = len(self._workbench.probabilities)
        self._interactions.soon("jump", lambda: self._workbench.jump_to_image(min(int(part * count), count - 1)))

    def on_slice_moved(self, _caller: Any, _event: Any) -> None:
        """Mark the image that came into view."""
        if self._interactions.review is not None and self._workbench.image_in_view != self._current:
            self._interactions.later("slice", self.show_picture)

    def show(self, review: Any) -> None:
        """Show the plot of another review."""
        kinds = {"slice": _("slice"), "projection": _("projection")}
        text = _("Tumour probability of each {kind}:").format(kind=kinds[review.found.image_kind])
        self._ui.probabilityLabel.text = text
        self.show_picture()

    def show_picture(self) -> None:
        """Draw the plot."""
        limit = self._interactions.review.settings.probability_limit
        self._current = self._workbench.image_in_view
        self._picture.show(draw_probabilities, self._workbench.probabilities, self._current, limit=limit)

    def close(self) -> None:
        """Watch the picture no longer."""
        self._picture.close()
