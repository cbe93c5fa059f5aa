"""Standard streams that may be closed, missing or full: what a command does is worth more than what it says."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO


class LenientStream:
    """A text stream that falls silent when it cannot be written.

    Args:
        stream: where text goes; None if there is no such stream.

    Attributes:
        unread: whether the reader of a pipe has gone.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._silent = stream is None
        self.unread = False

    def write(self, text: str) -> int:
        """Write text if it can be written."""
        with self._falling_silent():
            if not self._silent and self._stream is not None:
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Pass on what is held back if it can be."""
        with self._falling_silent():
            if not self._silent and self._stream is not None:
                self._stream.flush()

    def isatty(self) -> bool:
        """Tell whether the stream is a terminal."""
        return not self._silent and self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def _falling_silent(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # ValueError: closed by somebody
            self._silent = True
            self.unread = getattr(error, "errno", None) in (errno.EPIPE, errno.EINVAL)
            self._discard_the_rest()

    def _discard_the_rest(self) -> None:
        """Discard what Python still buffers, which would otherwise raise an error at the end of the process."""
        with suppress(OSError, ValueError, AttributeError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())  # type: ignore[union-attr]
            os.close(null)


def open_missing_streams() -> None:
    """Open the three standard file descriptors that are closed, so that no file of results gets the number of one."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)


@contextmanager
def lenient_streams() -> Iterator[LenientStream]:
    """Replace stdout and stderr by streams that never fail, also for names that they have no letters for.

    Yields:
        The stream that stands for stdout.
    """
    kept = sys.stdout, sys.stderr
    for stream in kept:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    out = LenientStream(sys.stdout)
    sys.stdout, sys.stderr = out, LenientStream(sys.stderr)
    try:
        yield out
    finally:
        out.flush()
        sys.stdout, sys.stderr = kept
