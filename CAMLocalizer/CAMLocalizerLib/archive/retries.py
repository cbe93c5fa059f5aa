"""Try again what may pass, with longer and longer pauses."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from .failures import TransientError

logger = logging.getLogger("CAMLocalizerLib")
Result = TypeVar("Result")

WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # a restart of an archive takes seconds
FIRST_WAITS_S = (0.5, 1.0)  # of the first question, whose address may be wrong


def with_retries(action: Callable[[], Result], waits_s: Sequence[float]) -> Result:
    """Call an action until it succeeds.

    Args:
        action: what to do.
        waits_s: pauses between the calls; the action is called once more than there are pauses.

    Raises:
        ArchiveError: it failed each time, or with a failure that does not pass.
    """
    for wait_s in waits_s:
        try:
            return action()
        except TransientError as failure:
            logger.warning("%s (trying again in %g s)", failure.error, wait_s)
            time.sleep(wait_s)
    try:
        return action()
    except TransientError as failure:
        raise failure.error from None
