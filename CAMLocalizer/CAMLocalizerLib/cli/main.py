"""Entry point of the command line: dispatch, errors and signals."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from types import FrameType

from .arguments import build_parser

FAILED = 1
MISUSED = 2
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
UNHEARD = 128 + 13  # SIGPIPE, which Windows lacks
COMMANDS = {  # module and function of each
    "localize": ("localize", "run"),
    "batch": ("batch", "run"),
    "train": ("train", "run"),
    "evaluate": ("evaluate", "run"),
    "follow-up": ("follow_up", "run"),
    "rerun": ("rerun", "run"),
    "radiomics": ("radiomics", "run"),
    "review": ("review", "run"),
    "outcome": ("outcome", "run"),
    "models": ("catalogue", "list_models"),
    "info": ("catalogue", "show_volume"),
}


class Termination(BaseException):
    """Raised when the process is asked to end, so that everything half-made is cleared away."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``camlocalizer``.

    Args:
        argv: arguments; those of the process if not given.

    Returns:
        0 when all went well, 1 when an input failed, 2 for settings that cannot be, 130 after Ctrl+C, 141 when nobody
        reads the output any more, 143 after a request to terminate.
    """
    options = build_parser().parse_args(argv)
    handler = _log_to_stderr()
    try:
        with _termination_raises():
            code = _dispatch(options, whole_process=argv is None)
            sys.stdout.flush()
            return code
    except KeyboardInterrupt:
        print(f"camlocalizer: interrupted, {_left_behind(options)}", file=sys.stderr)
        return INTERRUPTED
    except Termination:
        print(f"camlocalizer: terminated, {_left_behind(options)}", file=sys.stderr)
        return TERMINATED
    except BrokenPipeError:  # whoever read the output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still held back goes nowhere
        return UNHEARD
    finally:
        logging.getLogger("CAMLocalizerLib").removeHandler(handler)


def _dispatch(options: argparse.Namespace, *, whole_process: bool) -> int:
    # The command and what it needs are imported here, after the arguments were read, so that --help answers at once.
    from ..core import CAMLocalizerError

    module, function = COMMANDS[options.command]
    with _kept() if whole_process else nullcontext():
        run = getattr(import_module(f".{module}", __package__), function)
    try:
        return run(options)
    except CAMLocalizerError as error:
        print(f"camlocalizer: {error}", file=sys.stderr)
        return FAILED if options.command in ("models", "info") else MISUSED


@contextmanager
def _kept() -> Iterator[None]:
    """Let garbage collection pass over what is imported: it stays, and searching it takes most of a second in all."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _left_behind(options: argparse.Namespace) -> str:
    """Say what an interrupted command leaves; one that can be gone on with has set its own sentence."""
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

    try:
        former = signal.signal(signal.SIGTERM, raise_termination)
    except ValueError:  # not the main thread: whoever runs this one handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
