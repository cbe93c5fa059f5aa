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
    """Suppress the output and warnings of image libraries; exceptions are not affected.

    Readers convert each error to one sentence, so the libraries' output would only repeat it, and pydicom's warnings
    quote values such as patients' names. One thread at a time.
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
    """Capture the output of an image library to file descriptor 1, which is reserved for results of commands.

    Yields:
        A function that returns the output so far.
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
    """Redirect file descriptor 2 to the null device and return a copy; None for a program without stderr."""
    with suppress(AttributeError, OSError, ValueError):
        sys.stderr.flush()
    try:
        kept = os.dup(STDERR)
    except OSError:
        return None
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, STDERR)
    os.close(null)
    return kept


def _unmute(kept: int | None) -> None:
    if kept is not None:
        os.dup2(kept, STDERR)
        os.close(kept)
