"""Makes a worker of this machine leave Ctrl+C to the process that started it."""

from __future__ import annotations

import logging
import signal
from typing import Any


def dask_setup(_worker: Any) -> None:
    """Called by Dask in the main thread of a starting worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
