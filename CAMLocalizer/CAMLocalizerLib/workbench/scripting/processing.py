"""One volume of the scene from a script: look, make the label map, show it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core import CAMLocalizerError, InputError, LabelMap, SettingsError
from ...jobs import JobError, Launcher, LocalizationJob
from ...localizer import Findings, LabelSettings, RunOptions
from ...localizer.findings import complete_settings
from ...mrml import activation_to_node, add_segment, show_in_slices
from ...mrml.removal import remove_node
from ...segment import Component, Threshold
from ..new_job import NewJob
from ..review.accepted import AcceptedSegment
from ..review.exporting import export_findings
from ..review.stored_findings import checksum
from ..scene.ownership import mark_owner, other_owner
from ..scene.review_layers import new_segmentation
from ..session import run_status as status
from ..session.run_status import RunStatus
from ..session.scene_run import Run

logger = logging.getLogger("CAMLocalizerLib")
POLL_S = 0.05


@dataclass(frozen=True, eq=False)
class Processed:
    """What a run left in the scene, and what it was made of.

    Args:
        activation_node: scalar volume node with the activation, 0 to 1.
        segmentation_node: node that the segment was added to.
        segment_id: the segment's id.
        found: what the model saw; other settings cost no further run.
        settings: how the label map was made.
        label_map: what the segment holds.
        components: components of the label map, largest first.
    """

    activation_node: Any
    segmentation_node: Any
    segment_id: str
    found: Findings
    settings: LabelSettings
    label_map: LabelMap
    components: tuple[Component, ...]

    def export(self, folder: str | os.PathLike[str], name: str | None = None, **options: Any) -> Path:
        """Write the files of the case, as the command line does.

        Args:
            folder: where the folder of the case is made.
            name: name of that folder; the volume's if not given.
            options: ``overwrite``, ``exports`` and ``dicom_reference``, as for :meth:`Review.export`, whose errors it
                raises.

        Returns:
            The folder of the case.
        """
        return export_findings(self.found, self.settings, self.label_map, Path(folder), name, **options)


class Processing:
    """A run that puts its label map into the scene when it is complete; nothing is put there before.

    The segment is added to the others of its node, which stay as they are. A node that belongs to another volume is
    used all the same, with a logged warning.

    Args:
        scene: the ``vtkMRMLScene``.
        volume_node: scalar volume node; its linear parent transforms are respected.
        segmentation_node: where the segment goes; a new node if not given.
        activation_node: volume node to fill; a new one if not given.
        model: name or folder of the model.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        view: ``axial``, ``coronal``, ``sagittal``, or ``auto``: the plane of acquisition.
        name: of the segment; a number is added where it is taken.
        launcher: starts the process; that of :mod:`CAMLocalizerLib.jobs` if not given.
        new_job: makes the job.
        options: settings by name, as for :meth:`LabelSettings.of`: ``threshold``, ``scales``, ``weights``, ...

    Raises:
        SettingsError: no volume, an unknown setting or a value out of range.
        InputError: the model cannot run on the volume.
        JobError: the process cannot be started.
    """

    def __init__(
        self,
        scene: Any,
        volume_node: Any,
        segmentation_node: Any = None,
        *,
        activation_node: Any = None,
        model: str,
        device: str = "auto",
        view: str = "auto",
        name: str = "Tumour",
        launcher: Launcher | None = None,
        new_job: NewJob = LocalizationJob,
        **options: Any,
    ) -> None:
        if volume_node is None:
            raise SettingsError("no volume is given; choose one first")
        self._settings = LabelSettings.of(options)
        self._scene, self._volume_node, self._name = scene, volume_node, name
        self._segmentation_node, self._activation_node = segmentation_node, activation_node
        request = RunOptions(model=str(model), device=device, view=view)
        self._run = Run(volume_node, request, launcher=launcher, new_job=new_job)
        self.status = self._run.status
        self.result: Processed | None = None

    def poll(self) -> RunStatus:
        """Look how far the run is; never waits. When its state is ``done``, :attr:`result` holds what came of it."""
        if self.status.running:
            self.status = self._run.poll()
            if self._run.found is not None:
                self._finish(self._run.found)
        return self.status

    def cancel(self) -> None:
        """End the run; neither a process nor a node of it is left."""
        self._run.cancel()
        self.status = self._run.status

    def wait(self, progress: Callable[[RunStatus], None] | None = None) -> Processed:
        """Wait for the end.

        Args:
            progress: called while waiting; what it raises cancels the run.

        Raises:
            JobError: the run failed; names the log.
        """
        try:
            while self.poll().running:
                if progress is not None:
                    progress(self.status)
                time.sleep(POLL_S)
        finally:
            if self.status.running:
                self.cancel()
        if self.result is None:
            raise JobError(self.status.sentence, self.status.log)
        return self.result

    def _finish(self, found: Findings) -> None:
        try:
            settings = complete_settings(found, self._settings)
            self.result = self._show(found, settings, found.label_map(settings))
        except CAMLocalizerError as error:
            self.status = status.failed(str(error))

    def _show(self, found: Findings, settings: LabelSettings, label_map: LabelMap) -> Processed:
        for node in (self._segmentation_node, self._activation_node):
            if node is not None and node.GetScene() is not self._scene:
                raise InputError(f"{node.GetName()} was removed from the scene during the run; run again")
        activation, name = found.activation(settings), self._volume_node.GetName()
        layer = activation_to_node(
            self._scene, activation, label_map.grid, name=f"{name} activation", node=self._activation_node
        )
        show_in_slices(self._scene, self._volume_node, layer)  # before the segmentation, or its fill is drawn on black
        tags = self._tags(found, settings, label_map)
        try:
            node = self._segmentation_node or new_segmentation(self._scene, f"{name} tumour", self._volume_node)
            segment_id = add_segment(node, label_map, name=self._name, tags=tags)
        except CAMLocalizerError:
            if self._activation_node is None:
                remove_node(self._scene, layer)
            raise
        self._keep_owner(node, checksum(found.volume))
        for each in (layer, node) if self._segmentation_node is None else (layer,):
            for tag, value in tags.items():
                each.SetAttribute(tag, value)
        components = found.components(label_map, activation)
        return Processed(layer, node, segment_id, found, settings, label_map, components)

    def _keep_owner(self, node: Any, volume: str) -> None:
        """Let a segmentation belong to the volume; warn if it belongs to another one, as nobody can be asked."""
        if owner := other_owner(node, self._volume_node, volume):
            name = self._volume_node.GetName()
            logger.warning("%s belongs to %s and has received a segment of %s", node.GetName(), owner, name)
        mark_owner(node, self._volume_node, volume)

    def _tags(self, found: Findings, settings: LabelSettings, label_map: LabelMap) -> dict[str, str]:
        value = Threshold.parse(settings.threshold).value(found.activation(settings))
        mask = label_map.array_kji
        segment = AcceptedSegment.of(found, mask, settings, name=self._name, threshold_value=value, edited=False)
        return segment.tags()


def process(
    scene: Any,
    volume_node: Any,
    segmentation_node: Any = None,
    *,
    progress: Callable[[RunStatus], None] | None = None,
    **arguments: Any,
) -> Processed:
    """Look for tumours in a volume of the scene and wait until they are shown; arguments as for :class:`Processing`.

    Args:
        scene: the ``vtkMRMLScene``.
        volume_node: scalar volume node.
        segmentation_node: where the segment goes; a new node if not given.
        progress: called while waiting; what it raises cancels the run.
        arguments: ``model`` and further ones of :class:`Processing`.

    Raises:
        JobError: the run failed; names the log.
        SettingsError: as for :class:`Processing`.
        InputError: as for :class:`Processing`.
    """
    return Processing(scene, volume_node, segmentation_node, **arguments).wait(progress)
