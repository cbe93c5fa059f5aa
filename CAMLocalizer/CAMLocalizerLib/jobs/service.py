"""Main function of every child: announce its identity, work, answer, and end when the parent is gone.

Only the standard library is imported before the identity is announced, so that the child can be ended at any time.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from .folder import JobFolder, read_json, write_json
from .processes import ProcessIdentity

WATCH_S = 0.1
OWNER_CHECK_INTERVAL = 10

Work = Callable[[JobFolder, dict[str, Any]], dict[str, Any]]


def serve(path: Path, work: Work) -> NoReturn:
    """Do some work for the process that created the folder, and end this process.

    The answer is the result of ``work`` or its error. On cancellation, or when the folder or the parent process
    disappears, the process removes the folder and ends at once, without an answer.

    Args:
        path: the job's folder with a request.
        work: function of the folder and the request.
    """
    folder = JobFolder(path)
    try:
        _redirect_output(folder.log)
        folder.announce(ProcessIdentity.current())
    except OSError:  # cancelled before it started
        _abandon(folder)
    request = read_json(folder.request) or {}
    owner = ProcessIdentity(**request.pop("owner", {"pid": 0, "started": "?"}))
    if _is_over(folder) or not owner.alive():
        _abandon(folder)
    threading.Thread(target=_watch, args=(folder, owner), daemon=True).start()
    answer = _answer(work, folder, request)
    try:
        write_json(folder.outcome, answer)
    except OSError:
        traceback.print_exc()
        _exit(1)
    _exit(0)


def _answer(work: Work, folder: JobFolder, request: dict[str, Any]) -> dict[str, Any]:
    from ..core import CAMLocalizerError  # not before the identity is announced

    try:
        return {"state": "done", **work(folder, request)}
    except CAMLocalizerError as error:
        traceback.print_exc()
        return {"state": "failed", "cause": "library", "message": str(error)}
    except ModuleNotFoundError as error:
        traceback.print_exc()
        return {"state": "failed", "cause": "missing", "message": str(error.name)}
    except BaseException as error:
        traceback.print_exc()
        cause = "memory" if _is_out_of_memory(error) else "unexpected"
        return {"state": "failed", "cause": cause, "message": f"{type(error).__name__}: {error}"}


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or "torch" not in sys.modules:
        return isinstance(error, MemoryError)
    from ..localizer.device import is_out_of_memory

    return is_out_of_memory(error)


def _redirect_output(log: Path) -> None:
    """Redirect all output to the log, including that of native libraries."""
    number = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for standard in (1, 2):
        os.dup2(number, standard)
    os.close(number)


def _watch(folder: JobFolder, owner: ProcessIdentity) -> None:
    turn = 0
    while True:
        time.sleep(WATCH_S)
        turn += 1
        if _is_over(folder) or (turn % OWNER_CHECK_INTERVAL == 0 and not owner.alive()):
            _abandon(folder)


def _is_over(folder: JobFolder) -> bool:
    return folder.cancel.exists() or not folder.request.exists()


def _abandon(folder: JobFolder) -> NoReturn:
    folder.remove()
    folder.remove()  # files written in the meantime
    _exit(1)


def _exit(code: int) -> NoReturn:
    """End without waiting for threads or unloading libraries, which takes long and may crash."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
