"""Interactions: what the user does in the panel, passed on to the review."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

import qt
from slicer.i18n import tr as _

from ..core import CAMLocalizerError
from .messages import ACCEPT, Messages
from .widgets import make_timer

UPDATE_MS = 15
PAUSE_MS = 150


class Interactions:
    """Runs actions of the user at a pace that the views can follow, and shows what goes wrong.

    Args:
        review: returns the review on show; None before a run.
        messages: forgets what was said when the user does something else.
        failed: called with place and sentence after an action failed.
        paused: called once the user pauses, after the last changes became one step of the history.
    """

    def __init__(
        self,
        review: Callable[[], Any],
        messages: Messages,
        *,
        failed: Callable[[str, str], None],
        paused: Callable[[], None],
    ) -> None:
        self._review, self.messages, self._failed, self._paused = review, messages, failed, paused
        self._pending: dict[str, Callable[[], Any]] = {}
        self._filling = False
        self.update_timer = make_timer(UPDATE_MS, self.run_pending, single_shot=True)
        self.pause_timer = make_timer(PAUSE_MS, self.finish_interaction, single_shot=True)

    @property
    def review(self) -> Any:
        """The review on show; None before a run."""
        return self._review()

    @property
    def pending(self) -> tuple[str, ...]:
        """Names of the actions that wait."""
        return tuple(self._pending)

    def soon(self, name: str, action: Callable[[], Any]) -> None:
        """Run an action of the user in a moment; of several actions of one name only the latest is run."""
        if not self._filling and self.review is not None:
            self.messages.clear()
            self.later(name, action)

    def later(self, name: str, action: Callable[[], Any]) -> None:
        """Show something in a moment that the user did not ask for; what was said stays."""
        if not self._filling and self.review is not None:
            self._pending[name] = action
            if not self.update_timer.active:  # restarted by every move, it would never end
                self.update_timer.start()

    def now(self, action: Callable[[], Any], place: str = ACCEPT) -> None:
        """Run an action of the user at once, after those that wait.

        Args:
            action: what to do.
            place: of :class:`Messages`, where it is said what goes wrong.
        """
        self.run_pending()
        self.messages.clear()
        with self.reporting(place):
            action()

    def run_pending(self) -> None:
        """Run the actions that wait."""
        pending, self._pending = self._pending, {}
        for action in pending.values():
            if self.review is not None:
                with self.reporting():
                    action()

    def finish_interaction(self) -> None:
        """Make the last changes one step of the history, unless a mouse button is still held."""
        review = self.review
        if review is None:
            return
        if qt.QApplication.mouseButtons() != qt.Qt.NoButton:
            self.pause_timer.start()
            return
        with self.reporting():
            review.commit()
        with self.reporting():
            self._paused()
        self.pause_timer.stop()

    def drop(self) -> None:
        """Forget the actions that wait."""
        self._pending.clear()

    def stop(self) -> None:
        """Stop the timers."""
        self.update_timer.stop()
        self.pause_timer.stop()

    @contextlib.contextmanager
    def filling(self) -> Iterator[None]:
        """Ignore the signals of widgets while the panel fills them."""
        before, self._filling = self._filling, True
        try:
            yield
        finally:
            self._filling = before

    @contextlib.contextmanager
    def reporting(self, place: str = ACCEPT) -> Iterator[None]:
        """Show what goes wrong as a sentence at a place of :class:`Messages`."""
        try:
            yield
        except CAMLocalizerError as error:
            self._failed(place, str(error))
        except Exception as error:
            logging.exception("an action of the panel failed")
            self._failed(place, _("This could not be done: {error}").format(error=error))
