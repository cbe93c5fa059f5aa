"""The model at work: choose it, run it, watch it, cancel it."""

from __future__ import annotations

import asyncio

from ...workbench.session.model_choice import suggested_model
from ..page_context import PageContext
from ..page_state import Choice, Model, Run

POLL_S = 0.15


class RunPart:
    """Runs the model and shows how far it is.

    Args:
        context: what it works with.
        model: name or folder of the model; one that suits each volume if not given.

    Raises:
        ModelError: there is no such model.
    """

    def __init__(self, context: PageContext, model: str | None = None) -> None:
        self._context = context
        self._cards = context.workbench.models()  # read once: this part is shown after every action
        self._chosen = model or ""
        if self._chosen:
            context.workbench.choose_model(self._chosen)
        context.action("model", self.choose)
        context.action("run", self.run)
        context.action("cancel", context.workbench.cancel)
        context.on_action(self.show)

    def choose(self, name: str) -> None:
        """Choose a model, for later volumes too."""
        self._context.workbench.choose_model(name)
        self._chosen = name

    def suit(self, unit: str) -> None:
        """Choose the model that suits a volume's unit, unless the reviewer chose one."""
        if not self._chosen and (name := suggested_model(self._cards, unit)):
            self._context.workbench.choose_model(name)

    def run(self) -> None:
        """Start the model.

        Raises:
            SettingsError: there is nothing to run, or it runs already.
        """
        if self._context.workbench.run():
            self._context.later(self._watch())

    def show(self) -> None:
        """Show model and progress as they are."""
        workbench = self._context.workbench
        status = workbench.status
        self._context.page.show(
            Run(
                workbench.running,
                status.done,
                status.total,
                status.sentence,
                "" if workbench.running else self._context.availability.run_blocker(),
                workbench.run_question(),
            )
        )
        self._context.page.show(self._model())

    def _model(self) -> Model:
        cards, chosen = self._cards, self._context.workbench.model
        choices = [Choice(name, card.label, card.intended_use) for name, card in cards.items()]
        if chosen not in cards:
            choices.append(Choice(chosen, chosen.rstrip("/").rsplit("/", 1)[-1]))
        detail = next((choice.detail for choice in choices if choice.value == chosen), "")
        return Model(chosen, detail, tuple(choices))

    async def _watch(self) -> None:
        """Poll the run until it ends."""
        workbench = self._context.workbench
        while workbench.running:
            await asyncio.sleep(POLL_S)
            with self._context.server.state:
                status = workbench.poll()
                if not status.running:
                    self._context.refresh()
                    if status.state == "failed":
                        self._context.page.notice(status.sentence, error=True)
                self.show()
