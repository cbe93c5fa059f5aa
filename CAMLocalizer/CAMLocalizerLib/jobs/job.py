"""LocalizationJob: run the localizer in another process, with progress, cancellation and protection from crashes."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..core import ModelError, Volume
from ..localizer import RunOptions
from .child import ChildProcess
from .failure import OUT_OF_MEMORY, JobError, keep_log, with_log
from .handover import Handover
from .launcher import Launcher
from .progress import JobProgress, ProgressReader

if TYPE_CHECKING:
    from ..localizer import Findings
    from .folder import JobFolder

WAIT_S = 0.05
PACKAGES = {"torch": "PyTorch", "skimage": "scikit-image"}


class LocalizationJob:
    """Runs a model on a volume in another process; torch is never imported in this one.

    The name of the volume is not passed to the other process. When the job is done, cancelled or deleted, its process
    and files are cleaned up, except for the log of a failure that the error message cannot explain.

    Args:
        volume: input volume; its voxels must not change before the job runs.
        request: model, device and other options.
        launcher: starts the process; defaults to a plain process.

    Example:
        >>> job = LocalizationJob(volume, RunOptions("brain-t1ce"))  # doctest: +SKIP
        >>> found = job.wait(progress=lambda step: print(step.message))  # doctest: +SKIP
    """

    def __init__(self, volume: Volume, request: RunOptions, *, launcher: Launcher | None = None) -> None:
        self.volume = volume
        self.request = request
        self._child = ChildProcess("worker", launcher)
        self._alias = f"volume-{secrets.token_hex(8)}"  # name of the volume in the other process
        self._handover: Handover | None = None
        self._reader: ProgressReader | None = None
        self._final: JobProgress | None = None
        self._found: Findings | None = None

    def start(self) -> None:
        """Start the process and return; the voxels are transferred in the background.

        Raises:
            JobError: the process cannot be started, or this job was already started.
        """
        if self._reader is not None or self._final is not None:
            raise JobError("this job was already started or cancelled; create another one")
        grid = self.volume.grid
        described = {
            "name": self._alias,
            "unit": self.volume.unit,
            "inverted": self.volume.inverted,
            "size": grid.size,
            "spacing_mm": grid.spacing_mm,
            "origin_mm": grid.origin_mm,
            "direction": grid.direction.tolist(),
        }
        request = replace(self.request, model=_resolve_model(self.request.model))
        try:
            self._child.start({"request": request.to_json(), "volume": described}, self._start_handover)
        except JobError as error:
            self._final = JobProgress("failed", message=str(error))
            raise

    def _start_handover(self, folder: JobFolder) -> Callable[[], None]:
        self._reader = ProgressReader(folder.progress)
        self._handover = Handover(self.volume, folder.volume)
        self._handover.start()
        return self._handover.stop

    def poll(self) -> JobProgress:
        """Return the progress without waiting; may be called several times per second.

        The states ``done``, ``failed`` and ``cancelled`` are final.
        """
        if self._final is not None:
            return self._final
        if self._reader is None:
            return JobProgress("starting", message="The job has not been started")
        self._reader.update()
        now = self._reader.progress()
        try:
            outcome = self._child.outcome()
            if self._handover is not None and self._handover.error is not None:
                raise JobError(str(self._handover.error))
            if outcome is None:
                return now
            self._check(outcome)
        except JobError as error:
            self._finish(replace(now, state="failed", seconds_left=None, message=str(error), log=error.log))
        else:
            self._final = replace(now, state="done", seconds_left=0.0, message="Inference on the volume is complete")
        return self.poll()

    def _check(self, outcome: dict[str, Any]) -> None:
        if outcome["state"] == "done":
            return
        cause, message = outcome["cause"], outcome["message"].replace(self._alias, self.volume.name)
        if cause == "library":
            raise JobError(message)
        if cause == "missing":
            name = PACKAGES.get(message, message)
            raise JobError(f"{name} is not installed where the model runs; install it first")
        log = keep_log(self._child.folder.log)
        if cause == "memory":
            raise JobError(with_log(f"memory ran out; {OUT_OF_MEMORY}", log), log)
        raise JobError(with_log(f"the process failed unexpectedly ({message})", log), log)

    def _finish(self, final: JobProgress) -> None:
        self._final = final
        self._child.stop()

    def cancel(self) -> None:
        """End the job and clean up its process and files within two seconds; does nothing if the job has ended."""
        if self._final is None or (self._final.state == "done" and self._found is None):
            now = self._reader.progress() if self._reader else JobProgress("starting")
            self._finish(replace(now, state="cancelled", seconds_left=None, message="The job was cancelled"))

    def result(self) -> Findings:
        """Return the findings of the model, with the volume of this job.

        Raises:
            JobError: the job failed, was cancelled or is not done.
        """
        state = self.poll()
        if state.state in ("failed", "cancelled"):
            raise JobError(state.message if state.state == "failed" else "the job was cancelled", state.log)
        if state.state != "done":
            raise JobError("the job is not done yet; wait for it")
        if self._found is None:
            self._found = self._load()
            self._child.stop()
        return self._found

    def _load(self) -> Findings:
        from ..localizer import load_findings

        found: Any = load_findings(self._child.folder.result, self.volume)
        notes = (note.replace(self._alias, self.volume.name) for note in found.notes)
        return replace(found, notes=(*self.volume.notes, *notes))

    def wait(self, progress: Callable[[JobProgress], None] | None = None, timeout_s: float | None = None) -> Findings:
        """Wait until the job is done and return the findings; starts it if necessary.

        Args:
            progress: called with every new state; exceptions in it end the job.
            timeout_s: the job is cancelled after this many seconds.

        Raises:
            JobError: the job failed, was cancelled, or took too long.
        """
        if self._reader is None and self._final is None:
            self.start()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        reported: JobProgress | None = None
        try:
            while True:
                state = self.poll()
                if progress is not None and _key(state) != (reported and _key(reported)):
                    progress(state)
                    reported = state
                if state.state not in ("starting", "running"):
                    return self.result()
                if deadline is not None and time.monotonic() > deadline:
                    raise JobError(f"the job was cancelled: it took longer than {timeout_s:g} s")
                time.sleep(WAIT_S)
        except BaseException:
            self.cancel()
            raise


def _key(state: JobProgress) -> tuple[str, int, str]:
    return state.state, state.done, state.message


def _resolve_model(model: str | os.PathLike[str]) -> str:
    """Return the absolute folder of a model, since the other process has another working directory."""
    from ..models.search import find_bundle

    try:
        return str(find_bundle(model).resolve())
    except ModelError:
        return os.fspath(model)
