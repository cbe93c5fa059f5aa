"""What a command needs is imported when it runs, so that ``camlocalizer --help`` answers at once."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading(options: argparse.Namespace) -> Iterator[None]:
    """Keep garbage collection from searching what is imported inside: it stays, and that takes most of a second.

    Args:
        options: of the command; ``whole_process`` says whether this process does nothing else.
    """
    if not getattr(options, "whole_process", False):
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
