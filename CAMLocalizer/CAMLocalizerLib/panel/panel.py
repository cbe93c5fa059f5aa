"""Panel: its life with the scene and the module's parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..mrml import fit_slices, shown_scan
from .buttons import Buttons
from .device_list import DeviceList
from .installer import Installer
from .launching import slicer_launcher
from .messages import RUN
from .setup_page import SetupPage
from .translation import translated
from .widgets import make_timer

CLEAN_MS = 200
BATCH_RUNS = "A batch is running; cancel it first."


class Panel(VTKObservationMixin):
    """The panel: shows the state of a workbench and passes on what the user does.

    Args:
        ui: the widgets of the panel by name.
        logic: the module's logic: ``getParameterNode`` and ``modelNames``.
        installer: installs what is missing.
        is_entered: returns whether the module is open.
    """

    def __init__(self, ui: Any, logic: Any, installer: Installer, is_entered: Callable[[], bool]) -> None:
        VTKObservationMixin.__init__(self)
        self.ui, self.logic, self._is_entered = ui, logic, is_entered
        self.workbench: Any = None
        self.controls: Any = None
        self.clean_timer = make_timer(CLEAN_MS, self.clean_up, single_shot=True)
        self.batch: Any = None
        self.parameter_node: Any = None
        self._gui_tag: Any = None
        self._buttons = Buttons(ui)
        self.setup_page = SetupPage(
            ui,
            installer,
            self._buttons,
            model_names=logic.modelNames,
            installed=self._on_installed,
            devices_known=self._on_devices_known,
        )
        self.devices = DeviceList(ui, lambda: self.parameter_node)
        self.setup_page.check()
        self.open_workbench()
        self.setup_page.look_for_devices_soon()

    @property
    def review(self) -> Any:
        """The review of the workbench; None before a run."""
        return None if self.workbench is None else self.workbench.review

    # Life

    def open_workbench(self) -> None:
        """Begin to work with the scene, if everything is installed that this takes."""
        try:
            from ..workbench import Availability, Workbench
            from .batch_controls import BatchControls
            from .review_controls import ReviewControls
        except ImportError as error:
            self.ui.statusLabel.text = _("{error}: see Set-up below.").format(error=error)
            return
        self.workbench = Workbench(
            slicer.mrmlScene,
            launcher=slicer_launcher(),
            confirm=_confirm,
            fit_views=lambda: fit_slices(slicer.app.applicationLogic()),
        )
        self.controls = ReviewControls(
            self.ui,
            self.workbench,
            self._buttons,
            installation_blocker=self._work_blocker,
            parameters=lambda: self.parameter_node,
        )
        self.batch = BatchControls(
            self.ui,
            self._buttons,
            blocker=lambda: self.setup_page.run_blocker() or Availability(self.workbench).batch_blocker(),
            options=self._batch_options,
            loaded=self._on_result_loaded,
            changed=self.controls.run.show,
        )
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.on_scene_start_close)
        self.addObserver(scene, scene.EndCloseEvent, self.on_scene_end_close)
        self.addObserver(scene, scene.EndImportEvent, self.on_scene_end_import)
        self.addObserver(scene, scene.NodeRemovedEvent, self.on_node_removed)
        self.initialize_parameter_node()

    def close(self) -> None:
        """Let go of the scene, when the application closes or the module is reloaded; a run is cancelled."""
        self.setup_page.close()
        self.clean_timer.stop()
        self.set_parameter_node(None)
        self.removeObservers()
        if self.workbench is not None:
            self.batch.close()
            self.controls.close()
            self.workbench.close()
            self.workbench = None

    def enter(self) -> None:
        """Show the parameters of the scene, whenever the module is opened."""
        if self.workbench is not None:
            self.controls.show_again()
            self.initialize_parameter_node()

    def exit(self) -> None:
        """Stop following the parameters while another module is open; a run continues."""
        if self.controls is not None:
            self.controls.interactions.finish_interaction()
        self.set_parameter_node(None)

    def _work_blocker(self) -> str:
        """Return why no model can be run on the chosen volume; empty if one can."""
        busy = self.batch is not None and self.batch.running
        return self.setup_page.run_blocker() or (BATCH_RUNS if busy else "")

    def _batch_options(self) -> dict[str, Any]:
        bench = self.workbench
        exports = self.controls.export.ticked(from_dicom=False)
        return {"model": bench.model, "device": bench.device, "view": bench.view, "exports": exports}

    def _on_result_loaded(self, volume_node: Any) -> None:
        if self.parameter_node:
            self.parameter_node.inputVolume = volume_node
        slicer.util.setSliceViewerLayers(background=volume_node, fit=True)

    def _on_devices_known(self, report: Any) -> None:
        self.devices.offer({device.kind for device in report.devices})

    def _on_installed(self) -> None:
        if self.workbench is None:
            self.open_workbench()
        else:
            self.controls.run.show()
            self.batch.show()

    # Scene

    def on_scene_start_close(self, _caller: Any, _event: Any) -> None:
        """Let go of the parameters before the scene is emptied; the workbench cancels a run by itself."""
        self.controls.interactions.drop()
        self.controls.run.stop()
        self.set_parameter_node(None)

    def on_scene_end_close(self, _caller: Any, _event: Any) -> None:
        """Make new parameters if the panel is open while the scene is emptied."""
        if self._is_entered():
            self.initialize_parameter_node()

    def on_scene_end_import(self, _caller: Any, _event: Any) -> None:
        """Show the review that a scene brought along."""
        if self._is_entered():
            self.set_parameter_node(None)
            self.controls.hide_own_nodes()
            self.initialize_parameter_node()
            if self.review is None:
                self.workbench.restore()

    def on_node_removed(self, _caller: Any, _event: Any) -> None:
        """Look in a moment, when the selectors know it, whether a volume is gone that had a review."""
        self.clean_timer.start()

    def clean_up(self) -> None:
        """Take out of the scene what showed the review of a volume that is gone."""
        from ..workbench.scene.orphans import remove_orphans

        if not slicer.mrmlScene.IsClosing():
            remove_orphans(slicer.mrmlScene)

    # Parameters

    def initialize_parameter_node(self) -> None:
        """Follow the scene's parameters; take the volume that the views show, or the first, if none was chosen."""
        self.set_parameter_node(self.logic.getParameterNode())
        if not self.parameter_node.inputVolume:
            self.parameter_node.inputVolume = shown_scan(slicer.mrmlScene)

    def set_parameter_node(self, parameter_node: Any) -> None:
        """Connect the panel to these parameters instead of the former ones; to none if None."""
        modified = vtk.vtkCommand.ModifiedEvent
        if self.parameter_node:
            self.parameter_node.disconnectGui(self._gui_tag)
            self.removeObserver(self.parameter_node, modified, self.on_parameter_node_modified)
        self.parameter_node = parameter_node
        if self.parameter_node:
            self._gui_tag = self.parameter_node.connectGui(self.ui)
            self.devices.show()
            self.addObserver(self.parameter_node, modified, self.on_parameter_node_modified)
            self.on_parameter_node_modified()

    def on_parameter_node_modified(self, _caller: Any = None, _event: Any = None) -> None:
        """Tell the workbench what was chosen."""
        if slicer.mrmlScene.IsImporting():
            return  # half of what belongs together is there
        node, workbench, controls = self.parameter_node, self.workbench, self.controls
        if workbench.volume_node is not node.inputVolume:
            controls.messages.clear()
        with controls.interactions.reporting(RUN):
            self._choose(node)
        if workbench.show_surface != node.showSurface:
            workbench.show_surface = node.showSurface
            controls.interactions.pause_timer.start()
        controls.show_changes(frozenset())
        controls.show_layer()

    def _choose(self, node: Any) -> None:
        workbench = self.workbench
        before = workbench.volume_node
        workbench.choose_volume(node.inputVolume)
        self._follow_place(node.inputVolume)
        workbench.view, workbench.device = node.view.value, node.device.value
        follows = before is not None and before is not node.inputVolume
        if workbench.output_node is not node.outputSegmentation and (
            follows or not workbench.choose_output(node.outputSegmentation)
        ):
            node.outputSegmentation = workbench.output_node
        if node.model and node.model != workbench.model:
            workbench.choose_model(node.model)

    def _follow_place(self, volume_node: Any) -> None:
        """Hear when a volume is moved, which maps made before do not follow."""
        moved = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
        if volume_node is not None and not self.hasObserver(volume_node, moved, self.on_volume_moved):
            self.addObserver(volume_node, moved, self.on_volume_moved)

    def on_volume_moved(self, _caller: Any, _event: Any) -> None:
        """Say that the review does not fit the volume any more, or that it fits again."""
        self.controls.interactions.later("moved", lambda: self.controls.show_changes(frozenset()))


def _confirm(question: str) -> bool:
    """Ask the reviewer a question of the library."""
    return bool(slicer.util.confirmYesNoDisplay(translated(question)))
