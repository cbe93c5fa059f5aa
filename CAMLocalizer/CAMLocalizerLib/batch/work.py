"""What a worker does with one case; it knows nothing of Dask."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from ..cases.choices import localize_file
from ..core import CAMLocalizerError, ModelError, OutputError
from ..io import staged_folder
from ..localizer import Localizer
from .plan import Plan
from .source import BatchCase
from .tables import Row, read_row

logger = logging.getLogger("CAMLocalizerLib")

_kept: dict[Plan, Localizer] = {}
_one_at_a_time = threading.Lock()  # a worker with several threads has one network


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Args:
        case: its name.
        row: of the summary; None if the case failed.
        sentence: what went wrong; empty if nothing did.
        hopeless: whether the other cases would fail alike.
    """

    case: str
    row: Row | None = None
    sentence: str = ""
    hopeless: bool = False


def localize_case(case: BatchCase, plan: Plan) -> Outcome:
    """Localise in one case, unless its folder is there, and write its folder whole or not at all.

    Whatever goes wrong is told, not raised: it concerns this case only.
    """
    with _one_at_a_time:
        try:
            return Outcome(case.name, _made(case, plan))
        except CAMLocalizerError as error:
            sentence = str(error).replace(str(case.path), case.name)  # a path may tell whose it is
            return Outcome(case.name, sentence=sentence, hopeless=isinstance(error, ModelError))
        except MemoryError:
            return Outcome(case.name, sentence="not enough memory; run it with fewer --workers")
        except Exception as error:
            logger.exception("%s: an error that was not foreseen", case.name)
            return Outcome(case.name, sentence=f"{type(error).__name__}: {error}")


def finished_row(name: str, plan: Plan) -> Row:
    """Read the row of a case whose folder is there.

    Raises:
        OutputError: the folder is no finished case of this plan.
    """
    return read_row(plan.output / name, model_sha256=plan.model_sha256, version=__version__)


def _made(case: BatchCase, plan: Plan) -> Row:
    target = plan.output / case.name
    if not target.exists():
        _make(case, plan, target)
    return finished_row(case.name, plan)


def _make(case: BatchCase, plan: Plan, target: Path) -> None:
    localizer = _localizer(plan)
    try:
        with staged_folder(target) as staging:
            localize_file(case.path, localizer, plan.choices, staging, series=case.series)
    except OutputError:
        if not target.exists():  # otherwise a worker that was given up for lost has finished the case
            raise


def _localizer(plan: Plan) -> Localizer:
    """Open the model once per process.

    Raises:
        ModelError: a model that is not here, or another one of that name.
    """
    if plan not in _kept:
        _kept.clear()
        localizer = plan.choices.localizer()
        if localizer.model.card.sha256 != plan.model_sha256:
            raise ModelError(
                f"model {plan.choices.model} of this worker has other weights than the batch was begun with; "
                "give all machines the same bundle"
            )
        _kept[plan] = localizer
    return _kept[plan]
