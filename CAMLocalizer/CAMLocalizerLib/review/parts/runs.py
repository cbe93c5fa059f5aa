"""The model at work: choose it, run it, watch it, cancel it."""

from __future__ import annotations

import asyncio

from ..desk import Desk
from ..state import Choice, Model, Run

POLL_S = 0.15


class RunPart:
    """Runs the model and shows how far it is."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        desk.gesture("model", desk.workbench.choose_model)
        desk.gesture("run", self.run)
        desk.gesture("cancel", desk.workbench.cancel)
        desk.on_gesture(self.show)

    def run(self) -> None:
        """Start the model.

        Raises:
            SettingsError: there is nothing to run, or it runs already.
        """
        if self._desk.workbench.run():
            self._desk.later(self._watch())

    def show(self) -> None:
        """Show model and progress as they are."""
        workbench = self._desk.workbench
        status = workbench.status
        self._desk.page.show(
            Run(
                workbench.running,
                status.done,
                status.total,
                status.sentence,
                "" if workbench.running else workbench.why_not_run(),
            )
        )
        self._desk.page.show(self._model())

    def _model(self) -> Model:
        cards = self._desk.workbench.models()
        chosen = self._desk.workbench.model
        choices = [Choice(name, f"{name} ({card.modality})", card.intended_use) for name, card in cards.items()]
        if chosen not in cards:
            choices.append(Choice(chosen, chosen.rstrip("/").rsplit("/", 1)[-1]))
        detail = next((choice.detail for choice in choices if choice.value == chosen), "")
        return Model(chosen, detail, tuple(choices))

    async def _watch(self) -> None:
        """Look at the model until it ends."""
        workbench = self._desk.workbench
        while workbench.running:
            await asyncio.sleep(POLL_S)
            with self._desk.server.state:
                status = workbench.poll()
                if not status.running:
                    self._desk.look_again()
                    if status.state == "failed":
                        self._desk.page.notice(status.sentence, error=True)
                self.show()
