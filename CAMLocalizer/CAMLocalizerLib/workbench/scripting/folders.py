"""Many files from a script: a folder of results for each, and a row that tells how it went."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ...cases.loop import CaseInput, CaseOutcome, localize_cases, name_cases
from ...core import MM3_PER_ML, InputError, Volume
from ...io.discovery import holds_dicom, list_inputs
from ...jobs import Launcher, LocalizationJob
from ...localizer import Findings, LabelSettings, RunOptions
from ..new_job import NewJob
from ..session.run_status import RunStatus, cancelled, starting, under_way

FolderProgress = Callable[[int, int, RunStatus], None]
POLL_S = 0.05
EXPORT_DEPTH = 4  # folders of patient, study and series that an archive makes above its files


@dataclass(frozen=True)
class FolderRow:
    """How one file went.

    Args:
        path: the file, or the folder of a DICOM series.
        folder: of the results; None if it failed.
        error: what went wrong in a sentence; empty if nothing did.
        tumour_found: whether the classifier holds a tumour for probable and it was located.
        volume_ml: volume of the label map.
        components: number of its components.
        seconds: that it took.
    """

    path: Path
    folder: Path | None
    error: str = ""
    tumour_found: bool = False
    volume_ml: float = 0.0
    components: int = 0
    seconds: float = 0.0


class FolderProcessing:
    """Many volumes, one after the other, each with a folder of results; one that fails stops no other.

    Args:
        inputs: a folder, whose volumes and DICOM folders are taken, or files and DICOM folders one by one, or cases
            that say themselves where their results go.
        output: folder for the folders of results, named after the inputs.
        model: name or folder of the model.
        device: as for :class:`Processing`.
        view: as for :class:`Processing`.
        overwrite: replace results of earlier runs.
        exports: further files for each volume, as for :meth:`Review.export`.
        launcher: starts the processes; that of :mod:`CAMLocalizerLib.jobs` if not given.
        new_job: makes the jobs.
        options: settings by name, as for :meth:`LabelSettings.of`.

    Raises:
        SettingsError: an unknown setting or export, or two inputs of one name.
        InputError: no input, or a folder without volumes.
    """

    def __init__(
        self,
        inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | Sequence[CaseInput],
        output: str | os.PathLike[str],
        *,
        model: str,
        device: str = "auto",
        view: str = "auto",
        overwrite: bool = False,
        exports: Collection[str] = (),
        launcher: Launcher | None = None,
        new_job: NewJob = LocalizationJob,
        **options: Any,
    ) -> None:
        settings = LabelSettings.of(options)
        request = RunOptions(model=str(model), device=device, view=view, exports=tuple(exports))
        cases = _cases(inputs, Path(output))
        self.paths = tuple(case.path for case in cases)
        infer = partial(_in_a_job, partial(new_job, request=request, launcher=launcher))
        self._steps = localize_cases(cases, infer, request, settings, overwrite=overwrite)
        self.rows: list[FolderRow] = []
        self.status = starting()

    @property
    def running(self) -> bool:
        """Whether there is something left to do."""
        return self.status.running

    def poll(self) -> RunStatus:
        """Continue as far as possible without waiting, except for reading a volume and writing results.

        Returns:
            The status of the present volume; ``done`` when every volume has its row in :attr:`rows`.
        """
        if not self.status.running:
            return self.status
        step = next(self._steps)
        if isinstance(step, CaseOutcome):
            self.rows.append(_row(step))
            over = len(self.rows) == len(self.paths)
            self.status = RunStatus("done", sentence=_told(self.rows)) if over else starting()
        else:
            self.status = step
        return self.status

    def cancel(self) -> None:
        """End the work; the results of finished volumes stay, nothing of the present one does."""
        self._steps.close()
        if self.status.running:
            self.status = cancelled()

    def wait(self, progress: FolderProgress | None = None) -> list[FolderRow]:
        """Wait for the end.

        Args:
            progress: called with the number of volumes done, of all volumes, and the status of the present one; what
                it raises ends the work, finished results stay.

        Returns:
            A row for every volume, in their order.
        """
        try:
            done = 0
            while self.poll().running:
                if len(self.rows) > done:
                    done = len(self.rows)
                    continue
                if progress is not None:
                    progress(len(self.rows), len(self.paths), self.status)
                time.sleep(POLL_S)
        finally:
            self.cancel()
        return self.rows


def process_folder(
    inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    model: str,
    progress: FolderProgress | None = None,
    **options: Any,
) -> list[FolderRow]:
    """Look for tumours in many volumes and wait for the end.

    Args:
        inputs: as for :class:`FolderProcessing`, whose errors it raises.
        output: as there.
        model: as there.
        progress: as for :meth:`FolderProcessing.wait`.
        options: further arguments of :class:`FolderProcessing`.

    Returns:
        A row for every volume, in their order.
    """
    return FolderProcessing(inputs, output, model=model, **options).wait(progress)


def _cases(inputs: Any, output: Path) -> list[CaseInput]:
    """Return the cases that are meant, with folders of results named after the inputs unless they have their own."""
    if isinstance(inputs, Sequence) and inputs and all(isinstance(each, CaseInput) for each in inputs):
        return list(inputs)
    paths = volume_paths(inputs)
    return [CaseInput(path, output / name) for path, name in zip(paths, name_cases(paths), strict=True)]


def _in_a_job(new_job: NewJob, _case: CaseInput, volume: Volume) -> Generator[RunStatus, None, Findings]:
    """Give the status of a job until it is over; if nobody asks any more, it is cancelled."""
    job = new_job(volume)
    try:
        job.start()
        while (step := job.poll()).state in ("starting", "running"):
            early = step.state == "starting"
            yield starting(step.message) if early else under_way(step.done, step.total, step.seconds_left, step.message)
        return job.result()
    finally:
        job.cancel()


def _row(outcome: CaseOutcome) -> FolderRow:
    path, result = outcome.case.path, outcome.result
    if result is None:
        return FolderRow(path, None, outcome.sentence, seconds=outcome.seconds)
    volume_ml, components = result.label_map.volume_mm3 / MM3_PER_ML, len(result.components)
    return FolderRow(path, outcome.case.folder, "", result.tumour_found, volume_ml, components, outcome.seconds)


def _told(rows: Collection[FolderRow]) -> str:
    lost = sum(row.folder is None for row in rows)
    return f"{len(rows) - lost} of {len(rows)} volumes done" + (f", {lost} failed" if lost else "")


def volume_paths(inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Return the volumes that are meant: those of a folder in the order of their names, or those given.

    Raises:
        InputError: none.
    """
    if isinstance(inputs, str | os.PathLike):
        whole = Path(inputs)
        within = whole.is_dir() and not holds_dicom(whole)
        paths = list(list_inputs(whole, dicom_depth=EXPORT_DEPTH)) if within else [whole]
        if not paths:
            raise InputError(
                f"{whole}: holds no volume; expected NRRD, NIfTI or MetaImage files or folders of DICOM files"
            )
        return paths
    paths = [Path(path) for path in inputs]
    if not paths:
        raise InputError("no volume is given; give a folder or files")
    return paths
