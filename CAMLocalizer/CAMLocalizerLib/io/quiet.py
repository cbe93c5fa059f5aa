"""Keep image libraries from writing to the terminal."""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_LOCK = threading.RLock()
STDERR = 2


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what image libraries print and warn; errors are raised as ever.

    The reader turns each complaint into one sentence, so what the libraries print would only be said twice, and
    pydicom's warnings quote values, patients' names among them. One thread at a time.
    """
    import SimpleITK

    logger = logging.getLogger("pydicom")
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        disabled, logger.disabled = logger.disabled, True
        shown = SimpleITK.ProcessObject.GetGlobalWarningDisplay()
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
        kept = _mute()
        try:
            yield
        finally:
            _unmute(kept)
            logger.disabled = disabled
            SimpleITK.ProcessObject.SetGlobalWarningDisplay(shown)


def _mute() -> int | None:
    """Send file descriptor 2 to nowhere; a program without a terminal has none, which is as quiet."""
    with suppress(AttributeError, OSError, ValueError):
        sys.stderr.flush()
    try:
        kept = os.dup(STDERR)
    except OSError:
        return None
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STDERR)
    os.close(nowhere)
    return kept


def _unmute(kept: int | None) -> None:
    if kept is not None:
        os.dup2(kept, STDERR)
        os.close(kept)
