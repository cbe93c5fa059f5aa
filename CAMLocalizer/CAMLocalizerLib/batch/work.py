"""What a worker does with one case; it knows nothing of Dask."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from .. import __version__
from ..archive.client import Archive
from ..archive.errors import ArchiveUnavailableError, StudySkippedError
from ..archive.sending import send_case, was_sent
from ..archive.study import StudyRunner
from ..cases.loop import CaseInput, in_this_process, localize_cases, open_localizer
from ..core import CAMLocalizerError, ModelError, OutputError
from ..localizer import Localizer
from .batch_tables import Row, read_row
from .plan import Plan
from .source import BatchCase

logger = logging.getLogger("CAMLocalizerLib")

HOPELESS = (ModelError, ArchiveUnavailableError)

_kept: dict[Plan, Localizer] = {}
_runners: dict[Plan, StudyRunner] = {}
_one_at_a_time = threading.Lock()  # a worker with several threads has one network


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Args:
        case: its name.
        row: of the summary; None if the case failed.
        sentence: what went wrong; empty if nothing did.
        hopeless: whether the other cases would fail alike.
        skipped: why the case needs no result; empty if it does.
    """

    case: str
    row: Row | None = None
    sentence: str = ""
    hopeless: bool = False
    skipped: str = ""


def localize_case(case: BatchCase, plan: Plan) -> Outcome:
    """Localise in one case, unless its folder is there, and write its folder whole or not at all.

    Whatever goes wrong is told, not raised: it concerns this case only.
    """
    with _one_at_a_time:
        try:
            error = _sent(case, plan) if (plan.output / case.name).exists() else _attempt(case, plan)
            return Outcome(case.name, finished_row(case.name, plan)) if error is None else _failed(case, error)
        except StudySkippedError as skipped:
            return Outcome(case.name, skipped=str(skipped))
        except Exception as error:
            if not isinstance(error, CAMLocalizerError | MemoryError):
                logger.exception("%s: an unexpected error", case.name)
            return _failed(case, error)


def finished_row(name: str, plan: Plan) -> Row:
    """Read the row of a case whose folder is there.

    Raises:
        OutputError: the folder is not a finished case of this plan.
    """
    return read_row(plan.output / name, model_sha256=plan.model_sha256, version=__version__)


def needs_sending(name: str, plan: Plan) -> bool:
    """Tell whether the results of a case lie here and not yet in the archive that they are for."""
    archive = plan.archive
    return archive is not None and archive.study.store and not was_sent(archive.address.url, plan.output / name)


def _sent(case: BatchCase, plan: Plan) -> Exception | None:
    """Send the results of an earlier run that the archive did not take then."""
    if needs_sending(case.name, plan):
        finished_row(case.name, plan)  # no results of another model
        send_case(_runner(plan).archive, plan.output / case.name)
    return None


def _attempt(case: BatchCase, plan: Plan) -> Exception | None:
    target = plan.output / case.name
    if case.study:
        return _runner(plan).run(case.study, target).error
    infer = in_this_process(_localizer(plan), plan.options, plan.settings)
    (outcome,) = localize_cases([CaseInput(case.path, target, case.series)], infer, plan.options, plan.settings)
    finished = isinstance(outcome.error, OutputError) and target.exists()  # by a worker that was given up for lost
    return None if finished else outcome.error


def _failed(case: BatchCase, error: Exception) -> Outcome:
    if isinstance(error, MemoryError):
        return Outcome(case.name, sentence="not enough memory; run it with fewer --workers")
    if not isinstance(error, CAMLocalizerError):
        return Outcome(case.name, sentence=f"{type(error).__name__}: {error}")
    sentence = str(error).replace(str(case.path), case.name)  # a path may tell whose it is
    return Outcome(case.name, sentence=sentence, hopeless=isinstance(error, HOPELESS))


def _localizer(plan: Plan) -> Localizer:
    """Open the model once per process.

    Raises:
        ModelError: a model that is not here, or another one of that name.
    """
    if plan not in _kept:
        _kept.clear()
        localizer = open_localizer(plan.options, plan.settings)
        if localizer.model.card.sha256 != plan.model_sha256:
            raise ModelError(
                f"model {plan.options.model} of this worker has other weights than the batch started with; "
                "give all machines the same bundle"
            )
        _kept[plan] = localizer
    return _kept[plan]


def _runner(plan: Plan) -> StudyRunner:
    """Connect to the archive once per process."""
    if plan not in _runners:
        assert plan.archive is not None
        for runner in _runners.values():
            runner.archive.close()
        _runners.clear()
        archive = Archive(plan.archive.address)
        _runners[plan] = StudyRunner(archive, _localizer(plan), plan.options, plan.settings, plan.archive.study)
    return _runners[plan]
