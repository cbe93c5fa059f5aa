"""ChildProcess: a child process with a private folder; both are cleaned up, however the process ends."""

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
class _Resources:
    """Process and folder that must be cleaned up."""

    folder: JobFolder
    handle: Launched | None = None
    releases: list[Callable[[], None]] = field(default_factory=list)
    worker: ProcessIdentity | None = None

    def find_worker(self) -> ProcessIdentity | None:
        """Return the identity of the worker, even if its folder is gone; None before it is announced."""
        self.worker = self.worker or self.folder.worker()
        return self.worker


class ChildProcess:
    """Runs a module of this package in another process and reads its answer.

    The process ends at the latest when this object is deleted or this process ends, see `service`.

    Args:
        module: ``worker`` or ``probe``.
        launcher: starts the command line; defaults to a plain process.
    """

    def __init__(self, module: str, launcher: Launcher | None = None) -> None:
        self._module = module
        self._launcher: Launcher = launcher or start_process
        self._resources: _Resources | None = None
        self._started_at = 0.0
        self._exit_seen_at: float | None = None

    @property
    def folder(self) -> JobFolder:
        """The folder, which exists between :meth:`start` and :meth:`stop`."""
        if self._resources is None:
            raise RuntimeError("this process was not started or has ended")
        return self._resources.folder

    @property
    def running(self) -> bool:
        """Whether the process or its folder exists."""
        return self._resources is not None

    def start(
        self, request: Mapping[str, Any], prepare: Callable[[JobFolder], Callable[[], None]] | None = None
    ) -> None:
        """Create the folder and start the process.

        Args:
            request: request as JSON values.
            prepare: adds files to the folder; returns a function to call before the folder is removed.

        Raises:
            JobError: the folder cannot be created or the process cannot be started.
        """
        try:
            resources = self._resources = _Resources(JobFolder.make())
        except OSError as error:
            raise JobError(f"a temporary folder cannot be created ({error.strerror or error})") from error
        self._finalizer = weakref.finalize(self, _end, resources)
        self._started_at = time.monotonic()
        folder = resources.folder
        try:
            write_json(folder.request, {**request, "owner": asdict(ProcessIdentity.current())})
            if prepare is not None:
                resources.releases.append(prepare(folder))
            resources.handle = self._launcher(
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
        """Return the child's final answer; None while it works.

        Raises:
            JobError: it ended without an answer; the error names the log.
        """
        values = read_json(self.folder.outcome)
        if values is None and self._ended():
            values = read_json(self.folder.outcome)  # it may have been written in between
            if values is None:
                raise self._failure()
        return values

    def _failure(self) -> JobError:
        folder = self.folder
        sentence = describe_end(self._code(), read_log(folder.log), began=self._worker() is not None)
        log = keep_log(folder.log)
        return JobError(with_log(sentence, log), log)

    @property
    def _launched(self) -> Launched | None:
        return None if self._resources is None else self._resources.handle

    def _worker(self) -> ProcessIdentity | None:
        return None if self._resources is None else self._resources.find_worker()

    def _code(self) -> int | None:
        return None if self._launched is None else self._launched.poll()

    def _ended(self) -> bool:
        """Return whether the worker itself has ended, independent of the launcher that started it."""
        code, worker = self._code(), self._worker()
        if worker is None:
            late = time.monotonic() - self._started_at > START_LIMIT_S
            return bool(code) or (late and (code == 0 or self._launched is None))
        if worker.alive():
            return False
        if code is not None or self._launched is None:
            return True
        self._exit_seen_at = self._exit_seen_at or time.monotonic()  # its launcher will soon return its code
        return time.monotonic() - self._exit_seen_at > GRACE_S

    def stop(self) -> None:
        """End the process and remove the folder within two seconds; does nothing if already stopped."""
        if self._resources is not None:
            self._resources = None
            self._finalizer()


def _end(resources: _Resources) -> None:
    begin = time.monotonic()
    with suppress(OSError):  # without the folder, the worker ends by itself
        resources.folder.cancel.touch()
    for release in resources.releases:
        release()
    while not _kill_and_check(resources, time.monotonic() - begin) and time.monotonic() - begin < STOP_LIMIT_S:
        time.sleep(POLL_S)
    resources.folder.remove(max(0.0, STOP_LIMIT_S - (time.monotonic() - begin)))


def _kill_and_check(resources: _Resources, seconds: float) -> bool:
    """Kill the known processes and return whether all have ended, ``seconds`` after the first attempt.

    A worker started by a launcher may not have announced its identity yet, so wait for it before killing the launcher.
    A worker that announces itself later finds the cancel request or no folder, and ends by itself.
    """
    worker, handle = resources.find_worker(), resources.handle
    if worker is not None:
        worker.kill()
    has_left = not resources.folder.path.exists()  # a cancelled worker removes the folder
    known = worker is not None or has_left or getattr(handle, "ends_children", False) or seconds > GRACE_S
    if known and handle is not None:
        handle.kill()
    alive = worker is not None and worker.alive()
    return known and not alive and (handle is None or handle.poll() is not None)
