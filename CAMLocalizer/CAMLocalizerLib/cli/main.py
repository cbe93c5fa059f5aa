"""Entry point of the command line: dispatch, errors and signals."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from .arguments import build_parser
from .streams import lenient_streams, open_missing_streams

FAILED = 1
MISUSED = 2
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
ONLY_TELLING = ("models", "info")
UNHEARD = 128 + 13  # SIGPIPE, which Windows lacks


class Termination(BaseException):
    """Raised when the process is asked to end, so that everything half-made is cleared away."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``camlocalizer``.

    Args:
        argv: arguments; those of the process if not given.

    Returns:
        0 when all went well, 1 when an input failed, 2 for settings that cannot be, 130 after Ctrl+C, 141 when nobody
        reads what a command that only tells something has to say, 143 after a request to terminate. A command that
        writes results does so also where its output is closed, unread or full.
    """
    if argv is None:
        open_missing_streams()
    with lenient_streams() as out:
        options = build_parser().parse_args(argv)
        options.whole_process = argv is None
        code = _run(options)
        out.flush()
        return UNHEARD if code == 0 and out.unread and options.command in ONLY_TELLING else code


def _run(options: argparse.Namespace) -> int:
    handler = _log_to_stderr()
    try:
        with _termination_raises():
            return _dispatch(options)
    except KeyboardInterrupt:
        print(f"camlocalizer: interrupted, {_left_behind(options)}", file=sys.stderr)
        return INTERRUPTED
    except Termination:
        print(f"camlocalizer: terminated, {_left_behind(options)}", file=sys.stderr)
        return TERMINATED
    finally:
        logging.getLogger("CAMLocalizerLib").removeHandler(handler)


def _dispatch(options: argparse.Namespace) -> int:
    try:
        return options.run(options)
    except MemoryError:
        print("camlocalizer: not enough memory; close other programs or use a smaller input", file=sys.stderr)
        return FAILED
    except Exception as error:
        from ..core import CAMLocalizerError  # not before: --help answers without numpy
        from .case_options import in_words

        if not isinstance(error, CAMLocalizerError):
            raise
        print(f"camlocalizer: {in_words(error)}", file=sys.stderr)
        return FAILED if options.command in ONLY_TELLING else MISUSED


def _left_behind(options: argparse.Namespace) -> str:
    """Say what an interrupted command leaves; one that can be resumed has set its own sentence."""
    return getattr(options, "after_interruption", "nothing half-written is left")


def _log_to_stderr() -> logging.Handler:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("camlocalizer: %(message)s"))
    logging.getLogger("CAMLocalizerLib").addHandler(handler)
    return handler


@contextmanager
def _termination_raises() -> Iterator[None]:
    def raise_termination(_number: int, _frame: FrameType | None) -> None:
        raise Termination

    wanted = [signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        wanted.append(signal.SIGHUP)  # the terminal was closed; nohup has it ignored
    try:
        former = {number: signal.signal(number, raise_termination) for number in wanted}
    except ValueError:  # not the main thread: whoever runs this one handles signals
        yield
        return
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
