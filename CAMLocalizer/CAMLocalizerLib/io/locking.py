"""Lock an open file, so that a folder has one writer."""

from __future__ import annotations

import os
from contextlib import suppress

LOCKED_BYTE = 1 << 30


def try_lock(descriptor: int) -> bool:
    """Lock an open file until it is closed or its process ends, however that happens.

    Args:
        descriptor: of a file that is open for writing.

    Returns:
        Whether this process holds the lock now; True on file systems without locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return _try_lock_on_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _try_lock_on_windows(descriptor: int) -> bool:
    import msvcrt

    with suppress(OSError):
        os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return True
    return False
