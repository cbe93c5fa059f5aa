"""Failures of writing in one sentence."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core import OutputError

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
