"""A job that has looked already, and a small headless bench to try the workbench on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finding_stand_ins import localization_of

from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.jobs import JobError, JobProgress
from CAMLocalizerLib.localizer import Localization
from CAMLocalizerLib.models import ModelCard

if TYPE_CHECKING:
    from CAMLocalizerLib.workbench import Workbench

RUNNING = (
    JobProgress("starting", message="PyTorch is being loaded"),
    JobProgress("running", 3, 9, 8.2, "3 of 9 slices"),
)
DONE = JobProgress("done", 9, 9, 0.0, "Inference on the volume is complete")


class ReadyJob:
    """Says one step after the other and has seen three spots at the end."""

    def __init__(self, card: ModelCard, steps: tuple[JobProgress, ...], volume: Volume) -> None:
        self.card, self.steps, self.volume = card, list(steps), volume
        self.cancelled = False

    def start(self) -> None:
        pass

    def poll(self) -> JobProgress:
        return self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]

    def wait(self, progress: Any = None) -> Localization:
        while (step := self.poll()).state in ("starting", "running"):
            progress(step)
        return self.result()

    def cancel(self) -> None:
        self.cancelled = True

    def result(self) -> Localization:
        if self.steps[0].state == "failed":
            raise JobError(self.steps[0].message)
        return localization_of(self.volume, self.card)


@dataclass
class Bench:
    """A workbench whose runs succeed at once, the questions it asked and the jobs it made."""

    scene: Any
    card: ModelCard
    steps: tuple[JobProgress, ...] = (*RUNNING, DONE)
    answer: bool = False
    questions: list[str] = field(default_factory=list)
    jobs: list[ReadyJob] = field(default_factory=list)

    def workbench(self) -> Workbench:
        from CAMLocalizerLib.workbench import Workbench

        return Workbench(self.scene, confirm=self.confirm, new_job=self.new_job)

    def confirm(self, question: str) -> bool:
        self.questions.append(question)
        return self.answer

    def new_job(self, volume: Volume, request: Any, *, launcher: Any) -> ReadyJob:
        self.jobs.append(ReadyJob(self.card, self.steps, volume))
        return self.jobs[-1]


def run_to_end(workbench: Workbench, progress: Callable[[str], None] | None = None) -> Any:
    """Run and poll until the run is over; returns the review. Tells the sentences on the way."""
    assert workbench.run()
    while workbench.poll().running:
        if progress is not None:
            progress(workbench.status.sentence)
        time.sleep(0.005)
    return workbench.review


def names(scene: Any) -> list[str]:
    """Every node of a scene, to tell what was added; the texts that keep a review are exchanged, so they only count."""
    nodes = (scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes()))
    return sorted(node.GetClassName() if node.IsA("vtkMRMLTextNode") else node.GetID() for node in nodes)


def draw(node: Any, segment_id: str, kji: tuple[int, int, int], value: int = 1) -> None:
    """Change one voxel as the Segment Editor does: another image with other contents in the segment."""
    import slicer
    from vtkmodules.util.numpy_support import vtk_to_numpy

    image = node.GetSegmentation().GetSegment(segment_id).GetRepresentation("Binary labelmap")
    copy = slicer.vtkOrientedImageData()
    copy.DeepCopy(image)
    i0, _, j0, _, k0, _ = copy.GetExtent()
    array = vtk_to_numpy(copy.GetPointData().GetScalars()).reshape(copy.GetDimensions()[::-1])
    k, j, i = kji
    array[k - k0, j - j0, i - i0] = value
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    assert logic.SetBinaryLabelmapToSegment(copy, node, segment_id, logic.MODE_REPLACE)


def failed(log: Path | None = None) -> tuple[JobProgress, ...]:
    return (*RUNNING, JobProgress("failed", 3, 9, None, "memory ran out", log))
