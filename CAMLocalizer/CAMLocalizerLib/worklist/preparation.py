"""Preparation: one case at a time is read, looked at by the model and made ready to be shown, in the background."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ..archive.errors import StudySkippedError
from ..core import CAMLocalizerError, Volume
from ..jobs import JobProgress, LocalizationJob
from ..localizer import Findings, LabelSettings, RunOptions
from ..workbench import Review
from ..workbench.review.host import Host
from .cache import Cache
from .case import Case, Finding
from .drafts import restored_state
from .summary import finding_of_review
from .thumbnail import thumbnail

logger = logging.getLogger(__name__)
POLL_S = 0.05
NewJob = Callable[[Volume, RunOptions], LocalizationJob]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case that is ready to be shown.

    Args:
        case: as it was before.
        review: of what the model found, as the reader left it.
        finding: what is listed of it; nothing that a reader changed.
    """

    case: Case
    review: Review
    finding: Finding


@dataclass(frozen=True)
class Failed:
    """A case that could not be prepared.

    Args:
        case: as it was before.
        sentence: why.
        alone: whether this says nothing of other cases.
    """

    case: Case
    sentence: str
    alone: bool = False


@dataclass(frozen=True)
class Means:
    """What preparation needs to know.

    Args:
        read: reads the volume of a case.
        options: tells which model runs on a volume, and how.
        settings: tells how the label map of a case is made; None for the model's own settings.
        host: where reviews are shown.
        new_job: makes the job that runs the model.
    """

    read: Callable[[Case], Volume]
    options: Callable[[Volume], RunOptions]
    settings: Callable[[Case], LabelSettings | None] = lambda _case: None
    host: Host | None = None
    new_job: NewJob = LocalizationJob


@dataclass
class _Task:
    """A case on its way."""

    case: Case
    model_sha256: str
    draft: Mapping[str, Any] | None
    stop: threading.Event = field(default_factory=threading.Event)
    volume: Volume | None = None
    progress: JobProgress = field(default_factory=lambda: JobProgress("starting"))
    future: Future[Prepared | Failed | None] | None = None


class Preparation:
    """Prepares one case at a time in a thread; the model itself runs in a process of its own.

    Args:
        means: what it needs to know.
        cache: where findings are kept.
    """

    def __init__(self, means: Means, cache: Cache) -> None:
        self._means = means
        self._cache = cache
        self._threads = ThreadPoolExecutor(1, "CAMLocalizer worklist")
        self._task: _Task | None = None

    @property
    def case(self) -> Case | None:
        """The case that is being prepared; None if none is."""
        return None if self._task is None else self._task.case

    @property
    def volume(self) -> Volume | None:
        """Its volume; None before it is read."""
        return None if self._task is None else self._task.volume

    @property
    def progress(self) -> JobProgress:
        """How far the model is."""
        return JobProgress("starting") if self._task is None else self._task.progress

    def start(self, case: Case, model_sha256: str = "", draft: Mapping[str, Any] | None = None) -> None:
        """Begin with a case; what was being prepared is left.

        Args:
            case: the case.
            model_sha256: of the model that is asked for; empty for the one that ran earlier.
            draft: how the reader left the review; see :func:`draft_of`.
        """
        self.cancel()
        self._task = task = _Task(case, model_sha256, draft)
        task.future = self._threads.submit(self._prepare, task)

    def poll(self) -> Prepared | Failed | None:
        """Return what came of the case, once; None while it is not ready. Never waits."""
        task = self._task
        if task is None or task.future is None or not task.future.done():
            return None
        self._task = None
        return task.future.result()

    def cancel(self) -> None:
        """Leave the case that is being prepared."""
        if self._task is not None:
            self._task.stop.set()
            self._task = None

    def close(self) -> None:
        """Leave the case and end the thread and its process."""
        self.cancel()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _prepare(self, task: _Task) -> Prepared | Failed | None:
        try:
            return self._prepared(task)
        except CAMLocalizerError as error:
            return Failed(task.case, str(error), alone=isinstance(error, StudySkippedError))
        except MemoryError:
            return Failed(task.case, "memory ran out; close other programs")
        except Exception as error:
            logger.exception("a case could not be prepared")
            return Failed(task.case, f"an unexpected error ({type(error).__name__}: {error})")

    def _prepared(self, task: _Task) -> Prepared | None:
        case = task.case
        if task.stop.is_set():
            return None
        task.volume = volume = self._means.read(case)
        found = self._cache.load(case.id, volume, task.model_sha256)
        new = found is None
        found = self._run(task, volume) if found is None else found
        if found is None or task.stop.is_set():
            return None
        review = Review(found, self._means.settings(case), host=self._means.host)
        finding = finding_of_review(review)
        if new:
            self._cache.keep(case.id, found)
        if new or self._cache.picture(case.id) is None:
            self._cache.keep_picture(case.id, thumbnail(review))
        if task.draft is not None and (state := restored_state(task.draft)) is not None:
            review = Review(found, state=state, host=self._means.host)
        return Prepared(case, review, finding)

    def _run(self, task: _Task, volume: Volume) -> Findings | None:
        """Run the model; None if it was stopped."""
        job = self._means.new_job(volume, self._means.options(volume))
        try:
            job.start()
            while (state := job.poll()).state in ("starting", "running"):
                task.progress = state
                if task.stop.wait(POLL_S):
                    return None
            return job.result()
        finally:
            job.cancel()
