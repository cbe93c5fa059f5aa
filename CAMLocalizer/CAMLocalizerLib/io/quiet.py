"""Keep image libraries from writing to the terminal."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_LOCK = threading.RLock()
STDOUT, STDERR = 1, 2


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


@contextmanager
def captured_output() -> Iterator[Callable[[], str]]:
    """Catch what an image library writes to file descriptor 1, where results of commands go.

    Yields:
        A function that returns what was written so far.
    """
    with suppress(AttributeError, OSError, ValueError):
        sys.stdout.flush()
    with tempfile.TemporaryFile() as caught:

        def text() -> str:
            caught.seek(0)
            return caught.read().decode("utf-8", "replace").strip()

        try:
            kept = os.dup(STDOUT)
        except OSError:
            yield text
            return
        os.dup2(caught.fileno(), STDOUT)
        try:
            yield text
        finally:
            os.dup2(kept, STDOUT)
            os.close(kept)


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
