"""ChildProcess: a process of our own in a private folder; both are gone when it is over, however it ends."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from .failure import JobError, describe_end, keep_log, read_log, with_log
from .folder import JobFolder, read_json, write_json
from .launcher import Launched, Launcher, child_environment, python_command, start_process
from .processes import ProcessIdentity

STOP_LIMIT_S = 1.8
GRACE_S = 1.5
START_LIMIT_S = 60.0
POLL_S = 0.01


@dataclass
class _Held:
    """What must not be left behind."""

    folder: JobFolder
    handle: Launched | None = None
    releases: list[Callable[[], None]] = field(default_factory=list)
    worker: ProcessIdentity | None = None

    def find_worker(self) -> ProcessIdentity | None:
        """Return the process that does the work, also when its folder is gone; None before it said so."""
        self.worker = self.worker or self.folder.worker()
        return self.worker


class ChildProcess:
    """Runs a module of this package in another process and takes its answer.

    It ends with this object at the latest, with this process too: see `service`.

    Args:
        module: ``worker`` or ``probe``.
        launcher: starts the command line; a plain process if not given.
    """

    def __init__(self, module: str, launcher: Launcher | None = None) -> None:
        self._module = module
        self._launcher: Launcher = launcher or start_process
        self._held: _Held | None = None
        self._began = 0.0
        self._end_seen: float | None = None

    @property
    def folder(self) -> JobFolder:
        """The folder; there between :meth:`start` and :meth:`stop`."""
        if self._held is None:
            raise RuntimeError("this process was not started or is over")
        return self._held.folder

    @property
    def running(self) -> bool:
        """Whether there is a process or folder of ours."""
        return self._held is not None

    def start(
        self, request: Mapping[str, Any], prepare: Callable[[JobFolder], Callable[[], None]] | None = None
    ) -> None:
        """Make the folder and start the process.

        Args:
            request: what is asked, JSON values.
            prepare: puts more into the folder; returns what is to be called before the folder is removed.

        Raises:
            JobError: the folder cannot be made or the process cannot be started.
        """
        try:
            held = self._held = _Held(JobFolder.make())
        except OSError as error:
            raise JobError(f"no folder for temporary files can be made ({error.strerror or error})") from error
        self._finalizer = weakref.finalize(self, _end, held)
        self._began = time.monotonic()
        folder = held.folder
        try:
            write_json(folder.request, {**request, "owner": asdict(ProcessIdentity.current())})
            if prepare is not None:
                held.releases.append(prepare(folder))
            held.handle = self._launcher(
                python_command(self._module, folder.path),
                environment=child_environment(),
                folder=folder.path,
                log=folder.log,
            )
        except OSError as error:
            self.stop()
            raise JobError(f"the process cannot be started ({error.strerror or error})") from error
        except BaseException:
            self.stop()
            raise

    def outcome(self) -> dict[str, Any] | None:
        """Return the child's last word; None while it works.

        Raises:
            JobError: it ended without one, with the log that is kept.
        """
        values = read_json(self.folder.outcome)
        if values is None and self._ended():
            values = read_json(self.folder.outcome)  # it may have come between
            if values is None:
                raise self._death()
        return values

    def _death(self) -> JobError:
        folder = self.folder
        sentence = describe_end(self._code(), read_log(folder.log), began=self._worker() is not None)
        log = keep_log(folder.log)
        return JobError(with_log(sentence, log), log)

    @property
    def _handle(self) -> Launched | None:
        return None if self._held is None else self._held.handle

    def _worker(self) -> ProcessIdentity | None:
        return None if self._held is None else self._held.find_worker()

    def _code(self) -> int | None:
        return None if self._handle is None else self._handle.poll()

    def _ended(self) -> bool:
        """Tell whether the worker itself is gone, whatever became of the launcher that started it."""
        code, worker = self._code(), self._worker()
        if worker is None:
            late = time.monotonic() - self._began > START_LIMIT_S
            return bool(code) or (late and (code == 0 or self._handle is None))
        if worker.alive():
            return False
        if code is not None or self._handle is None:
            return True
        self._end_seen = self._end_seen or time.monotonic()  # its launcher is about to return with its code
        return time.monotonic() - self._end_seen > GRACE_S

    def stop(self) -> None:
        """End the process and remove the folder, within two seconds; nothing happens if that was done."""
        if self._held is not None:
            self._held = None
            self._finalizer()


def _end(held: _Held) -> None:
    begin = time.monotonic()
    with suppress(OSError):  # where the folder is gone the worker knows already
        held.folder.cancel.touch()
    for release in held.releases:
        release()
    while not _is_gone(held, time.monotonic() - begin) and time.monotonic() - begin < STOP_LIMIT_S:
        time.sleep(POLL_S)
    held.folder.remove(max(0.0, STOP_LIMIT_S - (time.monotonic() - begin)))


def _is_gone(held: _Held, seconds: float) -> bool:
    """Kill what is known, and tell whether nothing is left after so many seconds of it.

    A worker that a launcher started may not have said yet who it is: it is waited for, before the launcher is killed.
    One that says so later still finds the request to end or no folder, and ends by itself.
    """
    worker, handle = held.find_worker(), held.handle
    if worker is not None:
        worker.kill()
    has_left = not held.folder.path.exists()  # with the folder, as a worker does that is told to end
    known = worker is not None or has_left or getattr(handle, "ends_children", False) or seconds > GRACE_S
    if known and handle is not None:
        handle.kill()
    alive = worker is not None and worker.alive()
    return known and not alive and (handle is None or handle.poll() is not None)
