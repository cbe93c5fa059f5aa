"""UTF-8 paths for image libraries, which crash on names that are not UTF-8."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core import InputError


def is_utf8(path: Path) -> bool:
    """Return whether a path is valid UTF-8; names from archives that were packed on Windows often are not."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def escape_non_utf8(name: str) -> str:
    """Return a name with each byte that is not UTF-8 replaced by two hexadecimal digits: ``M%FCller``."""
    return "".join(f"%{ord(each) - 0xDC00:02X}" if "\udc80" <= each <= "\udcff" else each for each in name)


@contextmanager
def utf8_folder() -> Iterator[Path]:
    """Create a temporary folder whose path is UTF-8, and remove it on exit.

    Raises:
        InputError: neither the configured folder for temporary files nor the system's default has such a path.
    """
    places = (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108
    place = next((each for each in places if is_utf8(each) and each.is_dir()), None)
    if place is None:
        raise InputError("the path of the folder for temporary files is not UTF-8; set TMPDIR to another folder")
    with tempfile.TemporaryDirectory(prefix="camlocalizer-", dir=place) as folder:
        yield Path(folder)


@contextmanager
def utf8_path(path: Path) -> Iterator[Path]:
    """Yield a UTF-8 path to a file, through temporary links if necessary; UTF-8 files of its folder are linked too."""
    if is_utf8(path):
        yield path
        return
    with utf8_folder() as folder:
        for other in path.absolute().parent.iterdir():
            if is_utf8(Path(other.name)):
                (folder / other.name).symlink_to(other)
        link = folder / escape_non_utf8(path.name)
        if not link.is_symlink():
            link.symlink_to(path.absolute())
        yield link
