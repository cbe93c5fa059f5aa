"""Run: the classifier running on a volume of the scene."""

from __future__ import annotations

from typing import Any

from ...core import CAMLocalizerError
from ...jobs import Launcher, LocalizationJob
from ...localizer import Findings, RunOptions
from ...mrml import volume_from_node
from ..new_job import NewJob
from . import run_status as status
from .run_status import RunStatus
from .volume_watch import VolumeWatch


class Run:
    """A job in another process and the volume node that it runs on; the scene is only read.

    Args:
        volume_node: scalar volume node; its linear parent transforms are respected.
        request: model, device and view.
        launcher: starts the process; that of :mod:`CAMLocalizerLib.jobs` if not given.
        new_job: makes the job, from volume, request and launcher.

    Raises:
        InputError: the model cannot run on the volume.
        JobError: the process cannot be started.
    """

    def __init__(
        self,
        volume_node: Any,
        request: RunOptions,
        *,
        launcher: Launcher | None = None,
        new_job: NewJob = LocalizationJob,
    ) -> None:
        self.model = request.model
        self._job = new_job(volume_from_node(volume_node), request, launcher=launcher)
        self._watch = VolumeWatch(volume_node)
        self._job.start()
        self.status = status.starting()
        self.found: Findings | None = None

    def poll(self) -> RunStatus:
        """Look how far the run is; never waits. When its state is ``done``, :attr:`found` holds what was seen."""
        if not self.status.running:
            return self.status
        if notice := self._watch.notice():
            self._job.cancel()
            self.status = status.failed(f"{notice} The run was stopped")
            return self.status
        progress = self._job.poll()
        if progress.state == "starting":
            self.status = status.starting(progress.message)
        elif progress.state == "running":
            self.status = status.under_way(progress.done, progress.total, progress.seconds_left, progress.message)
        elif progress.state == "done":
            self._take()
        else:
            failed = progress.state == "failed"
            self.status = status.failed(progress.message, progress.log) if failed else status.cancelled()
        return self.status

    def cancel(self) -> None:
        """End the run; no process of it is left. One that is over stays as it is."""
        if self.status.running:
            self._job.cancel()
            self.status = status.cancelled()

    def _take(self) -> None:
        try:
            self.found = self._job.result()
            self.status = status.done(len(self.found.image_labels), summary(self.found))
        except CAMLocalizerError as error:
            self.status = status.failed(str(error), getattr(error, "log", None))


def summary(found: Findings, located: bool = True) -> str:
    """Return in sentences what was found, and what to know about it."""
    found_what = found.summary(located and found.tumour_probable)
    notes = (f"Note: {note.rstrip('.')}." for note in found.notes)
    return " ".join([f"{found_what[:1].upper()}{found_what[1:]}.", *notes])
