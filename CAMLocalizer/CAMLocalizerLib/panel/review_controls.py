"""ReviewControls: the parts of the panel that need a workbench, and what each of them shows when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ..mrml import is_own_node
from ..workbench import Availability, Change
from .buttons import Buttons
from .component_table import ComponentTable
from .correct_by_hand import CorrectByHand
from .export_controls import ExportControls
from .held_views import HeldViews
from .interactions import Interactions
from .messages import Messages
from .more_settings import MoreSettings
from .probability_plot import ProbabilityPlot
from .result_controls import ResultControls
from .run_controls import RunControls
from .scale_picker import ScalePicker
from .threshold_controls import ThresholdControls


class ReviewControls(VTKObservationMixin):
    """Shows the run and the review of a workbench, and passes on what the user does.

    Args:
        ui: the widgets of the panel by name.
        workbench: everything a reviewer can do.
        buttons: the buttons of the panel.
        installation_blocker: returns why no model can run; empty if everything is installed.
        parameters: returns the parameters of the scene; None while the panel is closed.
    """

    def __init__(
        self,
        ui: Any,
        workbench: Any,
        buttons: Buttons,
        *,
        installation_blocker: Callable[[], str],
        parameters: Callable[[], Any],
    ) -> None:
        VTKObservationMixin.__init__(self)
        self._ui, self._workbench, self._parameters = ui, workbench, parameters
        self._look: tuple[Any, ...] | None = None
        self._three_d = HeldViews()
        self._leave: Callable[[], object] | None = None
        available = Availability(workbench)
        self.messages = Messages(ui)
        self.interactions = Interactions(
            lambda: workbench.review, self.messages, failed=self._on_failed, paused=self._on_pause
        )
        self.run = RunControls(
            ui,
            workbench,
            self.interactions,
            buttons,
            blocker=lambda: installation_blocker() or available.run_blocker(),
            model_chosen=self._on_model_chosen,
        )
        self.threshold = ThresholdControls(ui, self.interactions)
        self.scales = ScalePicker(ui, self.interactions)
        self.components = ComponentTable(ui, workbench, self.interactions)
        self.more = MoreSettings(ui, self.interactions)
        self.probabilities = ProbabilityPlot(ui, workbench, self.interactions)
        self.result = ResultControls(ui, available, self.interactions, buttons, accepted=self._on_accepted)
        self.correct = CorrectByHand(ui, workbench, available, self.interactions, buttons, accept=self.result.accept)
        self.export = ExportControls(ui, workbench, available, self.interactions, buttons)
        self._unsubscribe = workbench.subscribe(self.show_review)

    @property
    def review(self) -> Any:
        """The review of the workbench; None before a run."""
        return self._workbench.review

    def close(self) -> None:
        """Follow workbench and views no longer."""
        self._unsubscribe()
        if self._leave is not None:
            self._leave()
        self.run.stop()
        self.interactions.stop()
        self._three_d.release()
        for part in (self.threshold, self.scales, self.probabilities):
            part.close()
        self.removeObservers()

    def show_review(self) -> None:
        """Follow the present review and show it, or that there is none; called when it is another one."""
        review = self.review
        self._three_d.release()
        if self._leave is not None:
            self._leave()
        self._leave = None if review is None else review.subscribe(self.show_changes)
        for section in (self._ui.reviewSection, self._ui.displaySection, self._ui.resultSection):
            section.enabled = review is not None
            section.collapsed = section is not self._ui.reviewSection or review is None
        self._follow_slices()
        self.hide_own_nodes()
        self.show_changes()
        parameters = self._parameters()
        if review is not None and parameters is not None:  # a review that was loaded knows both
            parameters.outputSegmentation = self._workbench.output_node
            parameters.model = self._workbench.model
            self.show_layer()

    def show_changes(self, changes: frozenset[Change] | None = None) -> None:
        """Show what changed; everything if ``changes`` is None."""
        if changes == {Change.DRAWN}:
            self.interactions.later("drawn", lambda: self._show_drawn(self.review))
            return
        if changes is not None and Change.LABEL_MAP in changes:
            self._three_d.hold()
        with self.interactions.filling():
            if changes:
                self.run.show_status()
            else:
                self.run.show()
            self.result.show(self.review)
            self.correct.show()
            self.export.show(self.review)
            if self.review is not None:
                self._show_parts(self.review, changes)
        if self.review is not None and changes:
            self.interactions.pause_timer.start()

    def _show_drawn(self, review: Any) -> None:
        """Show the label map as it was drawn by hand."""
        with self.interactions.filling():
            self.result.show(review)
            self.threshold.show_volume(review)
            self.components.show(review)
        self.interactions.pause_timer.start()

    def _show_parts(self, review: Any, changes: frozenset[Change] | None) -> None:
        everything = changes is None
        shown = frozenset(Change) if changes is None else changes
        if Change.SETTINGS in shown:
            self.threshold.show(review)
            self.scales.show(review)
            self.more.show(review)
        if Change.LABEL_MAP in shown:
            self.threshold.show_volume(review)
        if shown & {Change.LABEL_MAP, Change.COMPONENTS}:
            self.components.show(review)
        if everything or (shown and Change.ACTIVATION not in shown):  # not while weights are being moved
            self.threshold.show_histogram()
        if everything:
            self.scales.show_maps()
            self.probabilities.show(review)

    def show_layer(self) -> None:
        """Lay the activation over the scan as strongly as chosen, with its legend; once, as users change views."""
        parameters, layer = self._parameters(), self._workbench.layer
        if parameters is None or layer is None:
            return
        look = (layer, parameters.overlayOpacity, parameters.showLegend)
        if look != self._look:
            self._look = look
            layer.show(opacity=parameters.overlayOpacity, legend=parameters.showLegend)

    def show_again(self) -> None:
        """Show the preview and the map that made way for the Segment Editor."""
        if self.correct.come_back():
            self._look = None
            self.show_layer()

    def hide_own_nodes(self) -> None:
        """Offer no activation map as a scan and no preview as a place for accepted segments."""
        for selector in (self._ui.inputSelector, self._ui.outputSelector):
            nodes = [node for kind in selector.nodeTypes for node in slicer.util.getNodesByClass(kind)]
            own = [node.GetID() for node in nodes if is_own_node(node)]
            selector.sortFilterProxyModel().hiddenNodeIDs = own

    def _follow_slices(self) -> None:
        """Hear when slice views move."""
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            if not self.hasObserver(node, vtk.vtkCommand.ModifiedEvent, self.probabilities.on_slice_moved):
                self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.probabilities.on_slice_moved)

    def _on_failed(self, place: str, sentence: str) -> None:
        """Show the settings as they are, and what went wrong."""
        self.show_changes()
        self.messages.say(place, sentence)

    def _on_pause(self) -> None:
        """Do what is too slow while something moves."""
        try:
            self._workbench.on_pause()
            self.threshold.show_histogram()
        finally:
            self._three_d.release()

    def _on_model_chosen(self, name: str) -> None:
        parameters = self._parameters()
        if parameters is not None:
            parameters.model = name

    def _on_accepted(self) -> None:
        parameters = self._parameters()
        if parameters is not None:
            parameters.outputSegmentation = self._workbench.output_node
