"""Paths for image libraries, which end the process over a name that is not UTF-8."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def is_plain(path: Path) -> bool:
    """Tell whether a path is UTF-8; names in archives that were packed on Windows often are not."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def readable(name: str) -> str:
    """Return a name with each byte that is not UTF-8 as two hexadecimal digits: ``M%FCller``."""
    return "".join(f"%{ord(each) - 0xDC00:02X}" if "\udc80" <= each <= "\udcff" else each for each in name)


@contextmanager
def plain_path(path: Path) -> Iterator[Path]:
    """Give a file a path that is UTF-8, by links that go again; files beside it that are UTF-8 can be found from it."""
    if is_plain(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="camlocalizer-") as folder:
        for other in path.absolute().parent.iterdir():
            if is_plain(Path(other.name)):
                (Path(folder) / other.name).symlink_to(other)
        link = Path(folder) / readable(path.name)
        if not link.is_symlink():
            link.symlink_to(path.absolute())
        yield link
