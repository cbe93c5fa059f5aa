"""WorklistSession: a reader at a worklist, without any widget; shared by all user interfaces."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

from ..case_files import CASE_FILES
from ..core import SettingsError, Volume
from ..io import staged_folder, write_label_map
from ..jobs import JobProgress
from ..models import ModelCard
from ..workbench import Review
from .answers import RIGHT, WRONG, Answer
from .cache import Cache
from .case import Case, ListedCase
from .drafts import draft_of
from .paths import label_map_folder, relative_path
from .preparation import Failed, Means, Preparation, Prepared
from .sources import CaseSource
from .store import ROOT, WorklistStore

AHEAD = 2  # cases that are made ready before they are opened
READY = AHEAD + 2  # cases that are kept ready in memory: also the one on show and the one before
FINDINGS_KEPT = 50  # cases whose maps are kept on the disk
PRUNED_EVERY = 10
FAILURES_IN_A_ROW = 3


class WorklistSession:
    """Opens cases, takes answers, and lets the model look at further cases meanwhile, one at a time.

    A user interface calls :meth:`poll` several times per second, and shows :attr:`case`, :attr:`volume` and
    :attr:`review` when they change.

    Args:
        store: the worklist.
        source: where its cases come from.
        means: how cases are read and which model runs; for ``read`` and ``settings``, the source's.
        card: of the model that the reader asked for; None for any.

    Attributes:
        case: the case on show; None before the first one was opened.
        goes_on: whether the next case is opened after an answer.
        labels_slices: whether answers are about the slice on show, not about the case.
    """

    def __init__(
        self, store: WorklistStore, source: CaseSource, means: Means, *, card: ModelCard | None = None
    ) -> None:
        self.store = store
        self.source = source
        self.cache = Cache(store.folder)
        store.set_fact(ROOT, relative_path(source.root, store.folder))
        self.goes_on = True
        self.labels_slices = False
        self.case: Case | None = None
        self._model_sha256 = "" if card is None else card.sha256
        self._last_sha256 = self._model_sha256
        self._preparation = Preparation(means, self.cache)
        self._ready: OrderedDict[int, Prepared] = OrderedDict()
        self._visits: list[int] = []
        self._failures: list[str] = []
        self._idle = False
        self._found = 0
        self._volume: Volume | None = None
        if card is not None:
            store.know_classes(card.sha256, card.classes, card.tumour_classes)
            store.forget_other_models(card.sha256)

    def close(self) -> None:
        """Keep how the review stands, end the model and let go of the worklist."""
        self._preparation.close()
        try:
            self._keep_draft()
        finally:
            self.store.close()

    # What there is to see

    @property
    def review(self) -> Review | None:
        """The review of the case; None as long as the model has not looked."""
        prepared = None if self.case is None else self._ready.get(self.case.id)
        return None if prepared is None else prepared.review

    @property
    def volume(self) -> Volume | None:
        """The volume of the case; None before it is read."""
        if (review := self.review) is not None:
            return review.found.volume
        return self._volume

    @property
    def types(self) -> tuple[str, ...]:
        """The classes of tumours of the model that looked at the case, or else of the one that ran last."""
        own = "" if self.case is None else self.case.model_sha256
        return self.store.classes(own or self._last_sha256)[1]

    @property
    def sentence(self) -> str:
        """What is being done for the case on show, or why it failed; empty when it is ready."""
        if self.case is None:
            return ""
        if self.review is not None:
            return ""
        if self.case.state == "failed":
            return f"{self.case.sentence.rstrip('.')}."
        if self._working_on(self.case.id):
            return "The scan is being read" if self._preparation.volume is None else self._preparation.progress.message
        return "Waiting for the model"

    def picture(self, number: int) -> Path | None:
        """Return a picture of a case, that of an earlier result if the model has not looked; None without one.

        Raises:
            KeyError: there is no such case.
        """
        return self.cache.picture(number) or self.source.picture(self.store.case(number))

    @property
    def progress(self) -> JobProgress:
        """How far the model is with the case on show."""
        on_show = self.case is not None and self._working_on(self.case.id)
        return self._preparation.progress if on_show else JobProgress("starting")

    @property
    def background_sentence(self) -> str:
        """What is being done for other cases; empty if nothing is."""
        case = self._preparation.case
        if case is None or (self.case is not None and case.id == self.case.id):
            return ""
        return f"The model is looking at {case.name}" if case.state != "found" else f"{case.name} is being prepared"

    def slice_answers(self) -> dict[int, Answer]:
        """Return what was said about the slices of the case, by slice."""
        review = self.review
        if self.case is None or review is None or review.found.image_kind != "slice":
            return {}
        return self.store.slices(self.case.id, review.found.view)

    # Going from case to case

    def list_anew(self, cases: Sequence[ListedCase]) -> int:
        """Take over what the source lists now; returns how many cases are new."""
        added = self.store.list_anew(cases)
        self._refresh()
        return added

    def open(self, number: int) -> None:
        """Show a case.

        Raises:
            KeyError: there is no such case.
        """
        if self.case is not None and self.case.id == number:
            return
        case = self.store.case(number)
        if self.case is not None:
            self._visits.append(self.case.id)
        self._go_to(case)

    def go_next(self) -> None:
        """Show the next case that needs a look.

        Raises:
            SettingsError: every other case was answered.
        """
        number = self.store.next_unanswered(None if self.case is None else self.case.id)
        if number is None:
            raise SettingsError("every other case has an answer; choose one in the list to look at it again")
        self.open(number)

    def go_back(self) -> None:
        """Show the case that was shown before, or else the one that was answered last.

        Raises:
            SettingsError: there is none.
        """
        number = self._visits.pop() if self._visits else self.store.last_answered()
        if number is None or (self.case is not None and self.case.id == number):
            raise SettingsError("there is no earlier case")
        self._go_to(self.store.case(number))

    def _go_to(self, case: Case) -> None:
        self._keep_draft()
        self.case, self._volume, self._idle, self._failures = case, None, False, []
        if self.review is None:
            self._start()

    # Answers

    def say_tumour(self, index: int | None = None) -> None:
        """Say that there is a tumour.

        Args:
            index: of the slice on show; used if slices are labelled.

        Raises:
            SettingsError: no case is on show, or no slice where slices are labelled.
            OutputError: the answer could not be written and does not count.
        """
        types = self.types
        self._say(lambda answer: answer.with_tumour(True, types[0] if len(types) == 1 else ""), index)

    def say_type(self, kind: str, index: int | None = None) -> None:
        """Say that there is a tumour of a class; arguments and errors as for :meth:`say_tumour`.

        Raises:
            SettingsError: the model has no such class of tumours.
        """
        if kind not in self.types:
            raise SettingsError(f"{kind!r} is not a tumour class of the model; it has {', '.join(self.types)}")
        self._say(lambda answer: answer.with_tumour(True, kind), index)

    def say_none(self, index: int | None = None) -> None:
        """Say that there is no tumour; arguments and errors as for :meth:`say_tumour`."""
        self._say(lambda answer: answer.with_tumour(False), index)

    def say_right(self) -> None:
        """Say that the label map is right as it is shown, and keep it; without a label, it also says what it shows.

        Raises:
            SettingsError: no label map is on show.
            OutputError: label map or answer could not be written; the answer does not count.
        """
        case, review = self._reviewed()
        self._keep_label_map(case, review)
        answer = case.answer.with_map(RIGHT)
        if answer.tumour is None:
            found = bool(review.result_label_map.array_kji.any())
            only = self.types[0] if found and len(self.types) == 1 else ""
            answer = answer.with_tumour(found, only)
        self._answer(case, answer)

    def say_wrong(self) -> None:
        """Say that the label map is wrong; errors as for :meth:`say_right`."""
        case, _ = self._reviewed()
        self._answer(case, case.answer.with_map(WRONG))

    def skip(self) -> None:
        """Leave the case for later and go on; errors as for :meth:`say_tumour`."""
        case = self._shown()
        self._answer(case, case.answer.left_for_later())

    def take_back(self, index: int | None = None) -> None:
        """Take back what was said about the case, or about a slice; arguments and errors as for :meth:`say_tumour`."""
        if self.labels_slices:
            self._say(lambda _answer: Answer(), index)
            return
        case = self._shown()
        self.store.set_answer(case.id, Answer())
        self._refresh()

    def _say(self, change: Callable[[Answer], Answer], index: int | None) -> None:
        case = self._shown()
        if not self.labels_slices:
            self._answer(case, change(case.answer))
            return
        _, review = self._reviewed()
        if review.found.image_kind != "slice" or index is None:
            raise SettingsError("no slice is on show to be labelled; label the case as a whole")
        view = review.found.view
        before = self.store.slices(case.id, view).get(index, Answer())
        self.store.set_slice(case.id, view, index, change(before))
        self._refresh()

    def _answer(self, case: Case, answer: Answer) -> None:
        self.store.set_answer(case.id, answer, model_sha256=case.model_sha256)
        self._keep_draft()
        self._refresh()
        following = self.store.next_unanswered(case.id)
        if self.goes_on and following is not None:
            self.open(following)

    def _keep_label_map(self, case: Case, review: Review) -> None:
        folder = label_map_folder(self.store.folder, self.store.reader, case.name)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with staged_folder(folder, overwrite=True) as staging:
            path = staging / CASE_FILES["label map"]
            write_label_map(review.result_label_map, path, matrices=review.found.volume.matrices)

    def _keep_draft(self) -> None:
        if self.case is None or (review := self.review) is None:
            return
        sha256 = review.found.card.sha256
        if review.can_undo or self.store.review_of(self.case.id, sha256) is not None:
            self.store.keep_review(self.case.id, sha256, draft_of(review))

    def _shown(self) -> Case:
        if self.case is None:
            raise SettingsError("open a case first")
        return self.case

    def _reviewed(self) -> tuple[Case, Review]:
        case, review = self._shown(), self.review
        if review is None:
            raise SettingsError("the model has not looked at this case yet; wait for it")
        return case, review

    def _refresh(self) -> None:
        self._idle = False
        if self.case is not None:
            self.case = self.store.case(self.case.id)

    # The model in the background

    def poll(self) -> bool:
        """Look what came of the preparation, and go on with another case. Never waits.

        Returns:
            Whether something changed.
        """
        case = self._preparation.case
        if case is not None and self.case is not None and case.id == self.case.id:
            self._volume = self._preparation.volume or self._volume
        outcome = self._preparation.poll()
        if outcome is not None:
            self._take(outcome)
        if not self._idle:
            self._start()
        return outcome is not None

    def _take(self, outcome: Prepared | Failed) -> None:
        number, self._idle = outcome.case.id, False
        if isinstance(outcome, Failed):
            sentence = outcome.sentence.replace(f"{self.source.root}{os.sep}", "")
            if not outcome.alone:
                self._failures.append(sentence)
            self.store.record_failure(number, sentence)
        else:
            self._failures.clear()
            self._last_sha256 = outcome.finding.model_sha256
            if outcome.case.state != "found" or outcome.case.model_sha256 != outcome.finding.model_sha256:
                self.store.record_finding(number, outcome.finding)
                self._found += 1
            self._make_ready(number, outcome)
        if self.case is not None and self.case.id == number:
            self._refresh()
        if self._found % PRUNED_EVERY == PRUNED_EVERY - 1:
            self.cache.forget_all_but({*self.store.order()[:FINDINGS_KEPT], *self._visits[-READY:], *self._ready})

    def _make_ready(self, number: int, prepared: Prepared) -> None:
        self._ready[number] = prepared
        needed = {None if self.case is None else self.case.id, *self._following()}
        for other in list(self._ready):
            if other not in needed and (other == number or len(self._ready) > READY):
                del self._ready[other]

    def _following(self) -> list[int]:
        """Return the cases that the reader opens next, at most :data:`AHEAD`."""
        number, found = None if self.case is None else self.case.id, []
        for _ in range(AHEAD):
            number = self.store.next_unanswered(number)
            if number is None or number in found or (self.case is not None and number == self.case.id):
                break
            found.append(number)
        return found

    def _start(self) -> None:
        """Prepare what is wanted most: the case on show, then the next ones, then any that the model has not seen."""
        number = self._wanted()
        if number is None:
            self._idle = self._preparation.case is None
        elif self._preparation.case is None or (self._is_urgent(number) and not self._working_on(number)):
            case = self.store.case(number)
            sha256 = self._model_sha256
            draft = self.store.review_of(number, sha256 or case.model_sha256)
            self._preparation.start(case, sha256, draft)

    def _wanted(self) -> int | None:
        if self.case is not None and self.review is None and self.case.state != "failed":
            return self.case.id
        last = self._failures[-FAILURES_IN_A_ROW:]
        if len(last) == FAILURES_IN_A_ROW and len(set(last)) == 1:  # what is wrong is wrong for every case
            return None
        for number in self._following():
            if number not in self._ready and self.store.case(number).state != "failed":
                return number
        return self.store.next_waiting()

    def _is_urgent(self, number: int) -> bool:
        """Return whether a case goes before the one that is being prepared: that on show and the next one do."""
        return (self.case is not None and self.case.id == number) or number in self._following()[:1]

    def _working_on(self, number: int) -> bool:
        case = self._preparation.case
        return case is not None and case.id == number
