"""RunControls: which model runs, the button that starts it, and how far a run is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..workbench.names import FIND_TUMOURS
from .buttons import Buttons
from .interactions import Interactions
from .messages import RUN
from .translation import translated
from .widgets import make_timer

POLL_MS = 100


class RunControls:
    """Model list, the button Find tumours, progress bar and the line under them.

    Args:
        ui: the widgets of the panel by name.
        workbench: what the model is chosen and run by.
        interactions: reports what goes wrong.
        buttons: the buttons of the panel.
        blocker: returns why no run can be started; empty if one can.
        model_chosen: called with the name of a model that the user chose.
    """

    def __init__(
        self,
        ui: Any,
        workbench: Any,
        interactions: Interactions,
        buttons: Buttons,
        *,
        blocker: Callable[[], str],
        model_chosen: Callable[[str], None],
    ) -> None:
        self._ui, self._workbench, self._interactions, self._buttons = ui, workbench, interactions, buttons
        self._blocker, self._model_chosen = blocker, model_chosen
        self._model_tip = ui.modelSelector.toolTip
        self._cards: dict[str, Any] = {}
        self.poll_timer = make_timer(POLL_MS, self.on_poll)
        ui.modelSelector.connect("activated(int)", self.on_model_chosen)
        ui.runButton.connect("clicked()", self.on_run_button)
        self.fill_models()

    def fill_models(self) -> None:
        """Offer the installed models, each with its description."""
        self._cards = self._workbench.models()
        combo = self._ui.modelSelector
        combo.clear()
        for name, card in self._cards.items():
            combo.addItem(translated(card.label), name)
            combo.setItemData(combo.count - 1, _told(card.modality, card.intended_use), qt.Qt.ToolTipRole)

    def on_model_chosen(self, index: int) -> None:
        """Choose a model."""
        name = self._ui.modelSelector.itemData(index)
        self._interactions.messages.clear()
        with self._interactions.reporting(RUN):
            self._workbench.choose_model(name)
            self._model_chosen(name)
        self.show()

    def on_run_button(self) -> None:
        """Start the classifier, or cancel it if it runs."""
        self._interactions.messages.clear()
        with self._interactions.reporting(RUN):
            if self._workbench.running:
                self._workbench.cancel()
            elif self._workbench.run():
                self.poll_timer.start()
        self.show()

    def on_poll(self) -> None:
        """Show how far the run is, and at its end what it found."""
        if not self._workbench.poll().running:
            self.poll_timer.stop()
            self._interactions.finish_interaction()
            if self._workbench.status.state == "done":
                self._ui.runSettingsSection.collapsed = True  # makes room for the review
            self._show_largest_component()
        self.show()

    def show(self) -> None:
        """Show what can be run and how far it is."""
        ui, status, running = self._ui, self._workbench.status, self._workbench.running
        for widget in (ui.inputSelector, ui.modelSelector, ui.deviceSelector):
            widget.enabled = not running
        card = self._cards.get(self._workbench.model)
        ui.viewSelector.enabled = not running and card is not None and not card.projections
        ui.modelSelector.currentIndex = ui.modelSelector.findData(self._workbench.model)
        about = () if card is None else (card.modality, card.intended_use, card.limits)
        ui.modelSelector.toolTip = _told(*about) or self._model_tip
        self._name_button(_("Cancel") if running else translated(FIND_TUMOURS))
        self._buttons.allow(
            "runButton",
            "" if running else self._blocker(),
            _("Stop the classifier; nothing of this run is kept.") if running else "",
        )
        ui.progressBar.visible = running
        ui.progressBar.maximum = status.total
        ui.progressBar.value = status.done
        ui.progressBar.format = translated(status.sentence)
        self.show_status()

    def _name_button(self, text: str) -> None:
        """Name the button; Qt takes its shortcut away with the former name."""
        button = self._ui.runButton
        if button.text != text:
            shortcut, button.text = button.shortcut, text
            button.shortcut = shortcut

    def show_status(self) -> None:
        """Say why a run could not start, what was found, or what to do next."""
        notice, status = self._workbench.notice(), self._workbench.status
        ready = translated(self._blocker()) or _("Press {button} to begin.").format(button=translated(FIND_TUMOURS))
        shown_by_bar = status.running and status.total
        self._interactions.messages.show(RUN, notice or ("" if shown_by_bar else status.sentence or ready))

    def stop(self) -> None:
        """Ask no longer how far the run is."""
        self.poll_timer.stop()

    def _show_largest_component(self) -> None:
        """Let all views go to the largest component that was found."""
        review = self._workbench.review
        if self._workbench.status.state != "done" or review is None or not review.components:
            return
        self._workbench.jump_to_component(1)
        manager = slicer.app.layoutManager()
        for index in range(manager.threeDViewCount if manager else 0):
            manager.threeDWidget(index).threeDView().resetFocalPoint()


def _told(*texts: str) -> str:
    """Return texts of a model's card as sentences."""
    return " ".join(translated(text if text.endswith(".") else f"{text}.") for text in texts if text)
