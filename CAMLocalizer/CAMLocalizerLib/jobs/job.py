"""LocalizationJob: the main job in another process, which may be followed, cancelled and may even crash."""

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
    """Looks at a volume with a model in another process; torch never enters this one.

    Nothing that names the volume leaves this process. When the job is over, cancelled or forgotten there is no process
    and no file of it left, except the log of a failure that its sentence does not explain.

    Args:
        volume: what to look at; its voxels must not change before the job runs.
        request: model, device and the like.
        launcher: starts the process; a plain one by default.

    Example:
        >>> job = LocalizationJob(volume, RunOptions("brain-t1ce"))  # doctest: +SKIP
        >>> found = job.wait(progress=lambda step: print(step.message))  # doctest: +SKIP
    """

    def __init__(self, volume: Volume, request: RunOptions, *, launcher: Launcher | None = None) -> None:
        self.volume = volume
        self.request = request
        self._child = ChildProcess("worker", launcher)
        self._alias = f"volume-{secrets.token_hex(8)}"  # what the other process calls the volume
        self._handover: Handover | None = None
        self._reader: ProgressReader | None = None
        self._final: JobProgress | None = None
        self._found: Findings | None = None

    def start(self) -> None:
        """Start the process and return; the voxels follow while it starts.

        Raises:
            JobError: the process cannot be started, or this job was started before.
        """
        if self._reader is not None or self._final is not None:
            raise JobError("this job was started or cancelled before; make another one")
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
        request = replace(self.request, model=_located(self.request.model))
        try:
            self._child.start({"request": request.to_json(), "volume": described}, self._hand_over)
        except JobError as error:
            self._final = JobProgress("failed", message=str(error))
            raise

    def _hand_over(self, folder: JobFolder) -> Callable[[], None]:
        self._reader = ProgressReader(folder.progress)
        self._handover = Handover(self.volume, folder.volume)
        self._handover.start()
        return self._handover.stop

    def poll(self) -> JobProgress:
        """Return how far the job is, at once; made to be called several times a second.

        Once it says ``done``, ``failed`` or ``cancelled`` it says so for ever.
        """
        if self._final is not None:
            return self._final
        if self._reader is None:
            return JobProgress("starting", message="The job was not started yet")
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
            self._final = replace(now, state="done", seconds_left=0.0, message="The model has looked at the volume")
        return self.poll()

    def _check(self, outcome: dict[str, Any]) -> None:
        if outcome["state"] == "done":
            return
        cause, message = outcome["cause"], outcome["message"].replace(self._alias, self.volume.name)
        if cause == "told":
            raise JobError(message)
        if cause == "missing":
            name = PACKAGES.get(message, message)
            raise JobError(f"{name} is not installed where the model runs; install it first")
        log = keep_log(self._child.folder.log)
        if cause == "memory":
            raise JobError(with_log(f"memory ran out; {OUT_OF_MEMORY}", log), log)
        raise JobError(with_log(f"the process failed in a way that was not foreseen ({message})", log), log)

    def _finish(self, final: JobProgress) -> None:
        self._final = final
        self._child.stop()

    def cancel(self) -> None:
        """End the job; within two seconds no process and no file of it is left. A job that is over stays as it is."""
        if self._final is None or (self._final.state == "done" and self._found is None):
            now = self._reader.progress() if self._reader else JobProgress("starting")
            self._finish(replace(now, state="cancelled", seconds_left=None, message="The job was cancelled"))

    def result(self) -> Findings:
        """Return what the model saw, with the volume of this job.

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
        """Wait until the job is done and return what the model saw; starts it if need be.

        Args:
            progress: called with every new state; what it raises ends the job.
            timeout_s: the job is cancelled after so many seconds.

        Raises:
            JobError: the job failed, was cancelled, or took too long.
        """
        if self._reader is None and self._final is None:
            self.start()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        told: JobProgress | None = None
        try:
            while True:
                state = self.poll()
                if progress is not None and _news(state) != (told and _news(told)):
                    progress(state)
                    told = state
                if state.state not in ("starting", "running"):
                    return self.result()
                if deadline is not None and time.monotonic() > deadline:
                    raise JobError(f"the job was cancelled: it took longer than {timeout_s:g} s")
                time.sleep(WAIT_S)
        except BaseException:
            self.cancel()
            raise


def _news(state: JobProgress) -> tuple[str, int, str]:
    return state.state, state.done, state.message


def _located(model: str | os.PathLike[str]) -> str:
    """Return the folder of a model: the other process works in another place, and says what an unknown one is."""
    from ..models.search import find_bundle

    try:
        return str(find_bundle(model).resolve())
    except ModelError:
        return os.fspath(model)
