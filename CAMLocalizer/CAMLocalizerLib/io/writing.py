"""Write files atomically, and describe failures of writing in one sentence."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..core import OutputError
from .leftovers import PARTIAL, clean_up_leftovers, temporary_name

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_PLACE = {errno.ENOENT, errno.ENOTDIR, errno.EEXIST}


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Convert an OSError raised inside to an OutputError that names ``path``."""
    try:
        yield
    except OSError as error:
        raise output_error(path, error) from error


def output_error(path: Path, error: OSError) -> OutputError:
    """Return the error for a failure to write ``path``."""
    if error.errno in _FULL:
        return OutputError(f"{path}: the disk is full; free some space or choose another output folder")
    if error.errno in _REFUSED:
        return OutputError(f"{path}: cannot be written (no permission or read-only); choose another output folder")
    if error.errno in _NO_PLACE:
        return OutputError(f"{path}: its folder does not exist or is a file; choose another output folder")
    return OutputError(f"{path}: cannot be written ({error.strerror or error})")


def is_not_writable(error: OSError) -> bool:
    """Return whether an error means that the disk is full or not writable."""
    return error.errno in _FULL | _REFUSED


@contextmanager
def whole_file(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Write a temporary file next to the target and rename it when it is complete.

    Args:
        path: the final file in an existing folder.
        overwrite: replace an existing file; otherwise raise an error, also if the file appears in the meantime.

    Yields:
        Path of the temporary file, in the same folder.

    Raises:
        OutputError: the file already exists, cannot be written, or the disk is full.
    """
    with output_errors(path):
        clean_up_leftovers(path)
        partial = path.with_name(temporary_name(path, PARTIAL))
        try:
            yield partial
            flush_to_disk(partial)
            if overwrite:
                partial.replace(path)
            else:
                _move_to_free_place(partial, path)
            flush_to_disk(path.parent)
        finally:
            partial.unlink(missing_ok=True)


def _move_to_free_place(partial: Path, path: Path) -> None:
    """Move a file to a path that must not exist; creating a hard link fails if it does."""
    try:
        path.hardlink_to(partial)
    except FileExistsError:
        raise already_exists_error(path) from None
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            raise already_exists_error(path) from None
        partial.rename(path)


def already_exists_error(path: Path) -> OutputError:
    """Return the error for an output path that already exists."""
    return OutputError(f"{path}: already exists; choose another output or allow --overwrite")


def flush_to_disk(path: Path) -> None:
    """Flush a file or folder to the disk, so that it is complete after a power failure."""
    with suppress(OSError):  # some systems cannot open folders
        number = os.open(path, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
