"""Failures of writing in one sentence."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..core import OutputError
from .leftovers import PARTIAL, put_in_order, temporary_name

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_PLACE = {errno.ENOENT, errno.ENOTDIR, errno.EEXIST}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError raised inside into an OutputError that names ``path``."""
    try:
        yield
    except OSError as error:
        raise output_error(path, error) from error


def output_error(path: Path, error: OSError) -> OutputError:
    """Word a failure to write ``path``."""
    if error.errno in _FULL:
        return OutputError(f"{path}: the disk is full; free some space or choose another output folder")
    if error.errno in _REFUSED:
        return OutputError(f"{path}: cannot be written (no permission or read-only); choose another output folder")
    if error.errno in _NO_PLACE:
        return OutputError(f"{path}: its folder does not exist or is a file; choose another output folder")
    return OutputError(f"{path}: cannot be written ({error.strerror or error})")


def is_full_or_refused(error: OSError) -> bool:
    """Tell whether an error says that a disk is full or refuses to be written."""
    return error.errno in _FULL | _REFUSED


@contextmanager
def whole_file(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Write a file beside its place and move it there when it is complete.

    Args:
        path: the final file in an existing folder.
        overwrite: replace an existing file; otherwise it is refused, also one that appeared in the meantime.

    Yields:
        A file of another name in the same folder, to be written.

    Raises:
        OutputError: the file exists already, cannot be written, or the disk is full.
    """
    with writing(path):
        put_in_order(path)
        partial = path.with_name(temporary_name(path, PARTIAL))
        try:
            yield partial
            settle(partial)
            if overwrite:
                partial.replace(path)
            else:
                _move_to_free_place(partial, path)
            settle(path.parent)
        finally:
            partial.unlink(missing_ok=True)


def _move_to_free_place(partial: Path, path: Path) -> None:
    """Move a file to a place that must be free; a hard link is refused where something is already."""
    try:
        path.hardlink_to(partial)
    except FileExistsError:
        raise exists_already(path) from None
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            raise exists_already(path) from None
        partial.rename(path)


def exists_already(path: Path) -> OutputError:
    """Word the refusal of a place that is taken."""
    return OutputError(f"{path}: exists already; choose another output or allow --overwrite")


def settle(path: Path) -> None:
    """Have a file or folder written to the disk, so that a power cut after a rename finds it whole."""
    with suppress(OSError):  # folders cannot be opened everywhere
        number = os.open(path, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
