"""The archive that the cases came from: searching it, and sending results back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ...archive.search_terms import search_terms
from ...archive.sending import SENT_EXPORTS, results_of
from ...core import SettingsError
from ...localizer import RunOptions
from ...workbench import AcceptedSegment, Review, ReviewState
from ...workbench.review.exporting import ReviewResult
from ...worklist import ArchiveSource, Case, WorklistSession
from ..page_context import PageContext
from ..page_state import Accepted, ArchiveState
from .export_files import SUFFIX

Sent = ReviewState | tuple[AcceptedSegment, ...]


class ArchivePart:
    """Searches the archive of a worklist and sends results into it, both beside everything else.

    Args:
        context: what it works with.
        session: the reader at the worklist.
        source: the archive.
        asked: tells how the model was run on a case that is on show.
    """

    def __init__(
        self,
        context: PageContext,
        session: WorklistSession,
        source: ArchiveSource,
        asked: Callable[[ReviewResult], RunOptions],
    ) -> None:
        self._context = context
        self._session = session
        self._source = source
        self._asked = asked
        self._searching = False
        self._sending = ""
        self._sent: dict[int, Sent] = {}
        context.action("search", self.search)
        context.action("send", self.send)
        context.on_action(self._show)

    async def search(self, date: str, modality: str, description: str, number: str) -> None:
        """List the studies that fit instead of those of before; arguments as for :func:`search_terms`.

        Raises:
            SettingsError: a date of another form, or a search that goes on.
            InputError: no study fits; the list stays.
            ArchiveError: the archive fails; the list stays.
        """
        if self._searching:
            raise SettingsError("the archive is being searched; wait for it")
        terms = search_terms(date=date, modality=modality, description=description, number=number)
        self._searching = True
        self._show_now()
        try:
            cases = await asyncio.to_thread(self._source.search, terms, self._session.store.salt())
        finally:
            self._searching = False
        self._session.list_anew(cases)
        self._context.page.notice(f"{len(cases)} {'study' if len(cases) == 1 else 'studies'} found.")

    async def send(self) -> None:
        """Send segmentation and report of what was accepted, or else of what is on show, into the study.

        The same files are written into the folder of the review.

        Raises:
            SettingsError: there is nothing to send, or something is being sent.
            CAMLocalizerError: as for :meth:`ArchiveSource.send`.
        """
        case = self._session.case
        if (reason := self._blocker()) or case is None:
            raise SettingsError(reason)
        review = self._context.review
        sent = _what_is_sent(review)
        self._sending = case.name
        self._show_now()
        try:
            written = await asyncio.to_thread(self._send, case, review.result())
        finally:
            self._sending = ""
        self._sent[case.id] = sent
        if self._session.review is review and review.accepted and _what_is_sent(review) == sent:
            self._context.page.show(replace(self._context.page.shown(Accepted), unsaved=False))
        told = "segmentation and report" if written > 1 else "an empty segmentation"
        self._context.page.notice(f"{case.name}: {told} sent to {self._source.title}.")

    def _send(self, case: Case, result: ReviewResult) -> int:
        """Write and send results; return the number of objects."""
        found: Any = result.found
        result = replace(result, found=replace(found))  # what it computes must not meet what the page computes
        root, name = self._context.folder.root, f"{case.name}{SUFFIX}"
        write = partial(result.export, root, name, overwrite=True, exports=SENT_EXPORTS, asked=self._asked(result))
        self._source.send(case, lambda series: write(dicom_reference=series))
        return len(results_of(Path(root / name)))

    def _blocker(self) -> str:
        case, workbench = self._session.case, self._context.workbench
        if case is None or self._session.review is None or workbench.review is not self._session.review:
            return "The model has not looked at this case yet."
        if reason := self._context.availability.export_blocker():
            return reason
        if self._sending:
            return f"{self._sending} is being sent; wait for it."
        if self._sent.get(case.id) == _what_is_sent(self._session.review):
            return "This was sent already; change something to send it again."
        return ""

    def _show_now(self) -> None:
        self._show()
        self._context.server.state.flush()

    def _show(self) -> None:
        blocker = self._blocker()
        self._context.page.show(ArchiveState(self._source.title, self._searching, self._sending, blocker))


def _what_is_sent(review: Review) -> Sent:
    """Return what tells a result from another: the accepted segments, or else the state of the review."""
    return review.accepted or review.state
