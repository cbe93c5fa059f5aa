"""The worklist: the list of cases, the answers, and the case on show."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from ...core import CAMLocalizerError, Volume
from ...worklist import Answer, AnswerKey, WorklistSession, answer_keys, export_labels
from ..page_context import PageContext
from ..page_state import (
    Accepted,
    Answers,
    CurrentCase,
    KeyButton,
    Model,
    Run,
    Scan,
    SliceMark,
    SliceMarks,
    Worklist,
    WorklistRows,
)
from ..shown_volume import ShownVolume, volume_detail
from .worklist_texts import blocker, is_said, progress, row_of

logger = logging.getLogger(__name__)
POLL_S = 0.1
REST_S = 0.5  # after a case was shown, until the next one is prepared: pictures go first
WINDOW = 60  # cases that the page holds at once
MARGIN = 20  # of them above those that are seen
OF_SLICES = ("say_tumour", "say_type", "say_none", "take_back")


class WorklistPart:
    """Shows a worklist and takes what the reader does with it.

    Args:
        context: what it works with.
        session: the reader at the worklist.
        listed: whether the source was asked for its cases just now.
    """

    def __init__(self, context: PageContext, session: WorklistSession, *, listed: bool = False) -> None:
        self._context = context
        self.session = session
        self._shown = ShownVolume(context)
        self._volume: Volume | None = None
        self._first = 0
        self._rests_until = 0.0
        self._listed = listed
        context.action("case", lambda number: self._go(lambda: session.open(int(number))), draws=True)
        context.action("next_case", lambda: self._go(session.go_next), draws=True)
        context.action("previous_case", lambda: self._go(session.go_back), draws=True)
        context.action("answer", self.answer, draws=True)
        context.action("label_slices", self.label_slices)
        context.action("go_on", self.go_on)
        context.action("cases", self.scroll)
        context.action("labels", self.export_labels)
        context.on_action(self._show)
        context.views.on_slice(lambda *_: self._show_answers() if session.labels_slices else None)

    def begin(self) -> None:
        """Show the first case that needs a look, search for new ones, and follow the model from now on."""
        store = self.session.store
        if store.repaired:
            self._context.page.notice(f"{store.repaired}.", error=True)
        first = store.next_unanswered() or next(iter(store.order()), None)
        if first is not None:
            self._go(lambda: self.session.open(first))
        self._context.refresh()
        self._context.later(self._watch())
        if not self._listed:
            self._context.later(self._list_anew())

    def answer(self, key: str) -> None:
        """Say what a key stands for."""
        chosen = next((entry for entry in self._keys() if entry.key == key), None)
        if chosen is None:
            return
        slices = self.session.labels_slices and chosen.action in OF_SLICES
        index = self._context.workbench.image_in_view
        action = getattr(self.session, chosen.action)
        self._go(lambda: action(*chosen.values, *([index] if slices else [])))
        if chosen.action == "say_right":  # accepted segments are in the label map that was kept
            self._context.page.show(replace(self._context.page.shown(Accepted), unsaved=False))
        if slices and self.session.goes_on and index is not None:
            last = len(self._context.review.found.image_labels) - 1
            self._context.workbench.jump_to_image(min(index + 1, last))

    def label_slices(self, on: bool) -> None:
        """Let answers be about the slice on show, or about the whole case."""
        self.session.labels_slices = bool(on)

    def go_on(self, on: bool) -> None:
        """Go on to the next case or slice after an answer, or stay."""
        self.session.goes_on = bool(on)

    def scroll(self, first: int) -> None:
        """Give the page the cases around a place in the list."""
        self._first = max(0, int(first) - MARGIN)

    def export_labels(self) -> None:
        """Write the answers of all readers as a table that training reads."""
        path, labels = export_labels(self.session.store.folder)
        notes = "".join(f" Note: {note}." for note in labels.notes)
        place = path.relative_to(self._context.folder.root) if path.is_relative_to(self._context.folder.root) else path
        self._context.page.notice(f"{place} written, {labels.summary()}.{notes}")

    def _go(self, step: Callable[[], None]) -> None:
        before = self.session.case
        step()
        after = self.session.case
        if after is not None and (before is None or before.id != after.id) and self.session.volume is None:
            self._volume = None
            self._shown.clear()  # the last scan must not be taken for this one
        self._follow()

    def _follow(self) -> None:
        """Show volume and review of the case on show, as far as they are there."""
        volume, review = self.session.volume, self.session.review
        if volume is not None and volume is not self._volume:
            self._volume = volume
            self._shown.show(volume)
        if review is not None and review is not self._context.workbench.review:
            self._context.workbench.show(review)
            self._rests_until = time.monotonic() + REST_S

    async def _watch(self) -> None:
        """Follow the model until the review ends."""
        while True:
            await asyncio.sleep(POLL_S)
            with self._context.server.state:
                try:
                    self._look()
                except CAMLocalizerError as error:
                    self._context.page.notice(f"{error}.", error=True)
                except Exception:
                    logger.exception("the worklist cannot be followed")
                    self._context.page.notice(
                        "The worklist stopped; the terminal of the review tells more.", error=True
                    )
                    return

    def _look(self) -> None:
        if time.monotonic() < self._rests_until:
            return
        before = (self._volume, self._context.workbench.review)
        changed = self.session.poll()
        self._follow()
        if changed or before != (self._volume, self._context.workbench.review):
            self._context.refresh()
        else:
            self._show_progress()

    async def _list_anew(self) -> None:
        """Look which cases the source has now; that may take long."""
        store, source = self.session.store, self.session.source
        names, salt = store.names(), store.salt()
        try:
            cases = await asyncio.to_thread(source.list_cases, names, salt)
            with self._context.server.state:
                if added := self.session.list_anew(cases):
                    self._context.page.notice(f"New in {source.title}: {added}.")
                self._context.refresh()
        except CAMLocalizerError as error:
            with self._context.server.state:
                self._context.page.notice(f"{error}.", error=True)

    def _keys(self) -> tuple[AnswerKey, ...]:
        return answer_keys(self.session.types)

    # What the page shows

    def _show(self) -> None:
        session, page = self.session, self._context.page
        order, case = session.store.order(), session.case
        self._first = max(0, min(self._first, len(order) - 1))
        page.show(WorklistRows(self._first, tuple(map(row_of, session.store.cases(self._first, WINDOW)))))
        if case is not None:
            index = order.index(case.id) if case.id in order else -1
            page.show(CurrentCase(case.id, index, case.name, case.status))
            detail = "" if session.volume is None else volume_detail(session.volume)
            waits = session.volume is None and case.state != "failed"
            busy = session.sentence if waits else ""
            page.show(Scan(case.name, case.name, detail, folder=str(self._context.folder.root), busy=busy))
            page.show(Model(case.model, case.model))
        marks = sorted(session.slice_answers().items())
        page.show(SliceMarks(tuple(SliceMark(index, bool(answer.tumour)) for index, answer in marks)))
        self._show_answers()
        self._show_progress()

    def _show_progress(self) -> None:
        session, page = self.session, self._context.page
        counts, model = session.store.counts(), session.progress
        page.show(
            Worklist(
                True,
                session.source.title,
                session.store.reader,
                counts.total,
                progress(counts),
                session.background_sentence,
                session.goes_on,
                session.labels_slices,
            )
        )
        sentence = session.sentence or self._context.workbench.status.sentence
        running = session.case is not None and session.review is None and session.case.state != "failed"
        page.show(Run(running, model.done, model.total, sentence, "The worklist runs the model."))

    def _show_answers(self) -> None:
        session, case = self.session, self.session.case
        if case is None:
            self._context.page.show(Answers())
            return
        answer, subject = case.answer, "Case"
        if session.labels_slices:
            index = self._context.workbench.image_in_view
            answer = Answer() if index is None else session.slice_answers().get(index, Answer())
            subject = "Slice" if index is None else f"Slice {index + 1}"
        reviewed, slices = session.review is not None, session.labels_slices
        buttons = tuple(
            KeyButton(
                key.key,
                key.label,
                key.hint,
                key.group,
                is_said(key, answer),
                blocker(key, reviewed=reviewed, slices=slices),
            )
            for key in self._keys()
        )
        self._context.page.show(Answers(buttons, subject))
