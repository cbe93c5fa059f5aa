"""run_batch: every case of an archive; an interrupted batch is resumed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..archive.request import ArchiveRequest
from ..cases.loop import open_localizer
from ..core import OutputError
from ..localizer import LabelSettings, Localizer, RunOptions
from .batch_tables import Row, read_cases, write_cases, write_failures, write_skipped, write_summary
from .errors import BatchError
from .listing import read_listing
from .naming import name_cases
from .partial_folders import remove_partial
from .plan import Plan, describe_plan, opened_output
from .schedule import as_finished
from .source import BatchCase, Source, find_archived, find_sources
from .work import Outcome, finished_row, localize_case, needs_sending
from .worker_plan import plan_local_workers
from .workers import Workers, own_workers, remote_workers, require_distributed

if TYPE_CHECKING:
    from distributed import Future

DIED = "a worker died on it twice, perhaps out of memory; run it alone on a machine with more"
TABLES_EVERY_S = 60.0


@dataclass(frozen=True)
class Step:
    """How far a batch is.

    Args:
        done: finished cases, those of earlier runs among them.
        failed: cases that failed in this run.
        total: all cases.
        earlier: cases that earlier runs finished.
        seconds_left: estimate; None before the first case of this run.
        sentence: what is to be told now; empty if nothing is.
        skipped: cases of this run that needed no result.
    """

    done: int
    failed: int
    total: int
    earlier: int
    seconds_left: float | None = None
    sentence: str = ""
    skipped: int = 0


def run_batch(
    archive: Path | ArchiveRequest,
    output: Path,
    options: RunOptions,
    settings: LabelSettings,
    *,
    pattern: str = "*",
    workers: int | None = None,
    scheduler: str | None = None,
    report: Callable[[Step], None] = lambda _step: None,
) -> Step:
    """Localise in every volume of an archive.

    ``output`` gets a folder per case, ``cases.csv`` (which case is which file), ``summary.csv`` (what was found),
    ``failures.csv`` and ``batch.json`` (what was asked), and for a DICOMweb archive ``skipped.csv``. Cases that are
    there are not done again.

    Args:
        archive: folder tree, table, or studies of a DICOMweb archive.
        output: folder of results.
        options: which model runs, alike for every case.
        settings: how every label map is made.
        pattern: shell pattern that names of files in a folder tree have to fit.
        workers: number of processes on this machine; None for one per GPU, or as many as cores and memory allow.
        scheduler: address of a Dask scheduler to work with instead; all its workers have to see archive and output
            under the same paths.
        report: called when a case ends and about every second.

    Returns:
        The last step.

    Raises:
        CAMLocalizerError: what is wrong for every case alike: archive, settings, model, output, scheduler.
    """
    require_distributed()
    request = archive if isinstance(archive, ArchiveRequest) else None
    if request is not None:
        options = replace(options, exports=request.study.exports(options.exports))
    localizer = open_localizer(replace(options, device="cpu") if scheduler else options, settings)
    card = localizer.model.card
    sources = _sources(archive, output, pattern)
    plan = Plan(_found_by_workers(options, localizer, scheduler), settings, card.sha256, output.resolve(), request)
    with opened_output(output, describe_plan(plan, card, archive)):
        remove_partial(output)
        ledger = _Ledger.opened(plan, sources, report)
        try:
            if ledger.waiting:
                with _workers(options.device, workers, scheduler) as connected:
                    _run(connected, ledger, plan)
        finally:
            remove_partial(output)
            ledger.refresh()
            ledger.write_tables()
    return ledger.step()


def _sources(archive: Path | ArchiveRequest, output: Path, pattern: str) -> tuple[Source, ...]:
    if isinstance(archive, ArchiveRequest):
        return find_archived(archive)
    return find_sources(archive, skipped=output, pattern=pattern) if archive.is_dir() else read_listing(archive)


def _found_by_workers(options: RunOptions, localizer: Localizer, scheduler: str | None) -> RunOptions:
    """Name the model so that a worker finds it: here by its folder, elsewhere by its name if it has one."""
    named = scheduler is not None and not Path(options.model).is_dir()
    return options if named else replace(options, model=str(localizer.model.folder.resolve()))


def _workers(device: str, count: int | None, scheduler: str | None) -> AbstractContextManager[Workers]:
    if scheduler is not None:
        return remote_workers(scheduler)
    return own_workers(plan_local_workers(device, count))


class _Ledger:
    """What is known of every case of a batch."""

    def __init__(self, plan: Plan, rows: Mapping[str, Row], waiting: Sequence[BatchCase], report: Callable) -> None:
        self.plan = plan
        self.rows = dict(rows)
        self.waiting = waiting
        self.failures: dict[str, str] = {}
        self.skipped: dict[str, str] = {}
        self._earlier = len(rows)
        self._report = report
        self._begin = self._written = time.monotonic()

    @classmethod
    def opened(cls, plan: Plan, sources: Sequence[Source], report: Callable[[Step], None]) -> _Ledger:
        """Name the cases, note the names and look which cases are there."""
        names = name_cases(sources, read_cases(plan.output))
        write_cases(plan.output, names)
        asked = {names[source.key] for source in sources}
        rows, failures = {}, {}
        for name in names.values():
            if (plan.output / name).exists() and not (name in asked and needs_sending(name, plan)):
                try:
                    rows[name] = finished_row(name, plan)
                except OutputError as error:
                    failures[name] = str(error)
        cases = [
            BatchCase(names[source.key], source.path.absolute(), source.series or None, source.study)
            for source in sources
        ]
        waiting = [case for case in cases if case.name not in rows and case.name not in failures]
        ledger = cls(plan, rows, waiting, report)
        for name, sentence in failures.items():
            ledger.fail(name, sentence)
        return ledger

    def note(self, outcome: Outcome) -> None:
        """Take down what became of a case."""
        if outcome.skipped:
            self.skipped[outcome.case] = outcome.skipped
            self.tell()
        elif outcome.row is None:
            self.fail(outcome.case, outcome.sentence)
        else:
            self.rows[outcome.case] = outcome.row
            self.tell()

    def fail(self, name: str, sentence: str) -> None:
        """Take down that a case failed."""
        self.failures[name] = sentence
        self.tell(f"{name}: {sentence}")

    def refresh(self) -> None:
        """Take down cases that were finished while the batch was broken off."""
        for case in self.waiting:
            there = (self.plan.output / case.name).exists() and not needs_sending(case.name, self.plan)
            if case.name not in self.rows and there:
                with suppress(OutputError):
                    self.rows[case.name] = finished_row(case.name, self.plan)
                    self.failures.pop(case.name, None)

    def tell(self, sentence: str = "") -> None:
        """Report, and now and then write the tables."""
        self._report(self.step(sentence))
        if time.monotonic() - self._written > TABLES_EVERY_S:
            self.write_tables()

    def step(self, sentence: str = "") -> Step:
        """Say how far the batch is."""
        done, failed = len(self.rows), len(self.failures)
        skipped = len(self.skipped)
        ended = done + failed + skipped - self._earlier
        total = self._earlier + len(self.waiting) + len(set(self.failures) - {case.name for case in self.waiting})
        left = (time.monotonic() - self._begin) / ended * (total - done - failed - skipped) if ended else None
        return Step(done, failed, total, self._earlier, left, sentence, skipped)

    def write_tables(self) -> None:
        """Write what is known so far."""
        write_summary(self.plan.output, self.rows.values())
        write_failures(self.plan.output, self.failures)
        if self.plan.archive is not None:
            write_skipped(self.plan.output, self.skipped)
        self._written = time.monotonic()


def _run(workers: Workers, ledger: _Ledger, plan: Plan) -> None:
    """Run the cases that wait; those on which a worker died get a second chance, each alone on all the memory."""
    first = _outcomes(workers, ledger, plan, ledger.waiting, workers.in_flight)
    suspects = [case for case, outcome in first if outcome is None]
    for case, outcome in _outcomes(workers, ledger, plan, suspects, lambda: 1):
        if outcome is None:
            ledger.fail(case.name, DIED)


def _outcomes(
    workers: Workers, ledger: _Ledger, plan: Plan, cases: Iterable[BatchCase], limit: Callable[[], int]
) -> Iterator[tuple[BatchCase, Outcome | None]]:
    """Note what becomes of cases, and give each with its outcome; None if a worker died on it."""
    submit = partial(_submit, workers, plan)
    told = False
    for finished in as_finished(submit, cases, limit):
        if finished is None:
            lonely = not workers.own and workers.count == 0
            ledger.tell("no worker is there yet; cases wait for the first" if lonely and not told else "")
            told = lonely
            continue
        case, future = finished
        outcome = _outcome(future)
        if outcome is not None:
            if outcome.hopeless:
                raise BatchError(outcome.sentence)
            ledger.note(outcome)
        yield case, outcome


def _submit(workers: Workers, plan: Plan, case: BatchCase) -> Future:
    return workers.client.submit(localize_case, case, plan, pure=False)


def _outcome(future: Future) -> Outcome | None:
    """Return what a worker said; None if it died.

    Raises:
        BatchError: nobody will ever say it.
    """
    from distributed import CancelledError, KilledWorker

    try:
        return future.result()
    except KilledWorker:
        return None
    except CancelledError as error:
        raise BatchError("the scheduler is gone; start it and give the same command again to resume") from error
    except Exception as error:
        raise BatchError(
            f"the workers cannot take cases ({type(error).__name__}: {error}); "
            "give them the same version of camlocalizer as here"
        ) from error
