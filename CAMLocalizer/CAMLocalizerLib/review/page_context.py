"""PageContext: what every part of the page works with, and how the user's actions reach it."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from trame_slicer.core import SlicerApp

from ..core import CAMLocalizerError
from ..workbench import Availability, Change, Review, Workbench
from ..workbench.availability import FIRST_STEP
from .clearing import clear_leftovers
from .files import ReviewFolder
from .page_state import PageState
from .page_views import Views

logger = logging.getLogger(__name__)
PAUSE_S = 0.15
EVERYTHING = frozenset(Change)
Observer = Callable[[Review, frozenset[Change]], None]
Action = Callable[..., Any]


@dataclass
class PageContext:
    """The workbench, the views and the state of the page, together.

    Args:
        server: trame's.
        app: trame-slicer's application, which holds the scene.
        workbench: everything a reviewer can do.
        views: slice views and 3D view.
        folder: from which volumes may be read.
        page: what the page shows.
    """

    server: Any
    app: SlicerApp
    workbench: Workbench
    views: Views
    folder: ReviewFolder
    page: PageState
    _observers: list[Observer] = field(default_factory=list)
    _always: list[Callable[[], None]] = field(default_factory=list)
    _on_pause_callbacks: list[Callable[[], None]] = field(default_factory=list)
    _watched: Review | None = None
    _leave: Callable[[], None] | None = None
    _timer: asyncio.TimerHandle | None = None

    @property
    def review(self) -> Review:
        """The review on show.

        Raises:
            CAMLocalizerError: there is none.
        """
        if self.workbench.review is None:
            raise CAMLocalizerError(FIRST_STEP)
        return self.workbench.review

    @property
    def availability(self) -> Availability:
        """Why actions cannot be done now."""
        return Availability(self.workbench)

    def on_change(self, observer: Observer) -> None:
        """Call an observer with the review and what changed of it."""
        self._observers.append(observer)

    def on_pause(self, callback: Callable[[], None]) -> None:
        """Call back 150 ms after the last change: for what is too slow while a control moves."""
        self._on_pause_callbacks.append(callback)

    def on_action(self, callback: Callable[[], None]) -> None:
        """Call back after every action, whatever it did."""
        self._always.append(callback)

    def action(self, name: str, action: Action, *, draws: bool = False) -> None:
        """Let the page call an action by name; its errors are shown in the page.

        Args:
            name: by which the page calls it.
            action: what it does.
            draws: it may change the label map: the 3D view then waits for a pause, as it has nothing new to show
                before the surface is made.
        """

        @functools.wraps(action)
        async def act(*values: Any) -> None:
            if draws:
                self.views.hold_three_d()
                self.restart_pause()
            try:
                answer = action(*values)
                if inspect.isawaitable(answer):
                    await answer
            except CAMLocalizerError as error:
                self.page.notice(_sentence(str(error).replace(f"{self.folder.root}/", "")), error=True)
            except Exception:
                logger.exception("the action %s failed", name)
                self.page.notice("That failed; the terminal of the review tells more.", error=True)
            self.refresh()

        self.server.trigger(name)(act)

    def refresh(self) -> None:
        """Show what an action, or the end of a run, may have changed."""
        self._watch()
        for callback in self._always:
            callback()

    def restart_pause(self) -> None:
        """Restart the time after which the user counts as pausing."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(PAUSE_S, self._on_pause)

    def later(self, action: Awaitable[None]) -> asyncio.Task[None]:
        """Let something run beside the actions."""
        task = asyncio.ensure_future(action)
        _TASKS.add(task)
        task.add_done_callback(_TASKS.discard)
        return task

    def close(self) -> None:
        """Cancel a run and follow the review no longer."""
        if self._timer is not None:
            self._timer.cancel()
        if self._leave is not None:
            self._leave()
        self.workbench.close()

    def _watch(self) -> None:
        """Follow the workbench's review, which is another one after a run."""
        review = self.workbench.review
        if review is self._watched:
            return
        if self._leave is not None:
            self._leave()
        self._watched, self._leave = review, None
        clear_leftovers(self.workbench)
        if review is not None:
            self._leave = review.subscribe(self._changed)
            self._changed(EVERYTHING)

    def _changed(self, changes: frozenset[Change]) -> None:
        if self._watched is None:
            return
        for observer in self._observers:
            observer(self._watched, changes)
        self.restart_pause()

    def _on_pause(self) -> None:
        moving_s = self.views.drawn_at + PAUSE_S - time.monotonic()
        if moving_s > 0:  # the user may only be waiting for the picture
            self._timer = asyncio.get_running_loop().call_later(moving_s, self._on_pause)
            return
        with self.server.state:
            for callback in self._on_pause_callbacks:
                callback()


_TASKS: set[asyncio.Task[None]] = set()  # asyncio itself holds tasks only weakly


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "?", "!")) else ".")
