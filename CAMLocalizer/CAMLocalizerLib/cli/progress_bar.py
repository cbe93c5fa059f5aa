"""Progress bars on a terminal, and nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(title: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar until the block ends.

    Args:
        title: before the bar.
        unit: of what is counted, in the singular.

    Yields:
        A function to call with (done, total).
    """
    from tqdm import tqdm

    with tqdm(desc=title, unit=unit, leave=False, disable=not sys.stderr.isatty()) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
