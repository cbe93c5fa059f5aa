"""Workbench: the scene, the choices, the run, and the review that the scene shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import CAMLocalizerError, GridError, ModelError, SettingsError
from ...jobs import Launcher, LocalizationJob
from ...localizer import RunOptions
from ...models import ModelCard
from ...models.search import find_bundle
from ...mrml import (
    grid_from_node,
    load_review,
    reviewed_nodes,
    store_review,
    update_review,
    volume_from_node,
)
from ...mrml.observing import observe
from ..availability import Availability
from ..new_job import NewJob
from ..review.accepted import AcceptedSegment
from ..review.changes import Change
from ..review.history import History
from ..review.review import Review
from ..review.review_state import ReviewState
from ..review.saving import review_from_state, review_to_state
from ..scene.review_layers import ReviewLayers
from ..scene.shown_volume import show_again, show_volume
from . import run_status as status
from .model_choice import model_cards, suggested_model, unit_of
from .rerun import continued
from .run_status import RunStatus
from .safeguards import EDITED_PREVIEW, Safeguards, refuse
from .scene_run import Run, summary
from .view_navigation import ViewNavigation
from .volume_watch import VolumeWatch


class Workbench(ViewNavigation, Safeguards):
    """Everything behind a panel: choose, run, review, accept, export; without any widget.

    Changes go to :attr:`review`; the workbench writes their results into the scene. Nodes are made when a run is
    complete, and the user's own segments are never touched.

    Args:
        scene: the ``vtkMRMLScene``.
        launcher: starts the classifier's process; that of :mod:`CAMLocalizerLib.jobs` if not given.
        confirm: asks the reviewer a question before something is lost or mixed up; says no if not given.
        new_job: makes the job that runs the model on a volume, from volume, request and launcher.
        fit_views: called after the slice views were switched to another volume.
    """

    def __init__(
        self,
        scene: Any,
        *,
        launcher: Launcher | None = None,
        confirm: Callable[[str], bool] = refuse,
        new_job: NewJob = LocalizationJob,
        fit_views: Callable[[], None] = lambda: None,
    ) -> None:
        self.scene = scene
        self.fit_views = fit_views
        self.launcher = launcher
        self.confirm = confirm
        self.new_job = new_job
        self._observers: list[Callable[[], None]] = []
        self.device = "auto"
        self.view = "auto"
        self.show_surface = True
        self.review: Review | None = None
        self._model = ""
        self._cards: dict[str, ModelCard] | None = None
        self._agreed: tuple[NDArray[np.uint8] | None, ReviewState | None] = (None, None)
        self._reviewed_model = ""
        self._stored: tuple[str, ...] | None = None  # the accepted segments that the scene holds with the review
        self._histories: dict[str, History[ReviewState]] = {}
        self._volume_node: Any = None
        self._output_node: Any = None
        self._layers: ReviewLayers | None = None
        self._watch: VolumeWatch | None = None
        self._run: Run | None = None
        self._status = RunStatus()
        events = {scene.StartCloseEvent: self._on_scene_closing, scene.StartSaveEvent: self.store}
        self._stop_observing = observe(scene, events)

    def close(self) -> None:
        """Cancel a run and let go of the scene, which stays as it is."""
        self._let_go("Cancelled")
        self._stop_observing()

    # Choices

    @property
    def volume_node(self) -> Any:
        """The chosen volume; None if none is chosen or it was removed."""
        return self._volume_node if self._alive(self._volume_node) else None

    def choose_volume(self, node: Any) -> None:
        """Choose the volume, switch the slice views to it and show its review, if the scene holds one.

        What belongs to other volumes is hidden. Accepted segments go where those of the chosen volume went before, or
        to a new segmentation.

        Raises:
            SettingsError: a run is under way.
        """
        if node is self._volume_node:
            return
        if self.running:
            raise SettingsError("the classifier is running; cancel it before choosing another volume")
        self._leave_review()
        chosen = self._volume_node is not None
        self._volume_node, self._output_node, self._status = node, None, RunStatus()
        if node is not None:
            if show_volume(self.scene, node, alone=chosen):
                self.fit_views()
            self.restore()

    @property
    def model(self) -> str:
        """Name or folder of the model; that which suits the volume until one is chosen; empty if there is none."""
        if self._model:
            return self._model
        if self._cards is None:
            self.models()
        return suggested_model(self._cards or {}, unit_of(self.volume_node))

    def choose_model(self, name: str) -> None:
        """Choose a model by name or folder.

        Raises:
            ModelError: there is no such model.
        """
        find_bundle(name)
        self._model = name

    def models(self) -> dict[str, ModelCard]:
        """Look for the installed models; returns them by name, with their descriptions."""
        self._cards = model_cards()
        return self._cards

    @property
    def output_node(self) -> Any:
        """The segmentation that accepted segments go to; None as long as nothing was accepted and none chosen."""
        node = self._output_node if self._layers is None else self._layers.output_node
        return node if self._alive(node) else None

    def choose_output(self, node: Any) -> bool:
        """Let accepted segments go to a segmentation node, the user's own too; None for a new one.

        Returns:
            Whether that was done; not if the node belongs to another volume and the reviewer, asked, does not want it.
        """
        if node is not None and node is not self.output_node and not self._may_go_to(node):
            return False
        self._output_node = node
        if self._layers is not None:
            self._layers.choose_output(node)
        self._show_output()
        return True

    def _show_output(self) -> None:
        """Show where accepted segments go, also if it belongs to another volume."""
        if (node := self.output_node) is not None:
            show_again(node)

    def place_of(self, segment: AcceptedSegment) -> tuple[Any, str] | None:
        """Return the node that holds an accepted segment of the review, and its id there; None if it was deleted."""
        return None if self._layers is None else self._layers.place_of(segment)

    @property
    def activation_node(self) -> Any:
        """The volume node that shows the activation; None without a review."""
        return None if self.layer is None else self.layer.node

    @property
    def preview_node(self) -> Any:
        """The segmentation node that shows the label map; None without a review."""
        return self._layers.preview.node if self._layers is not None and self._layers.preview.alive else None

    @property
    def layer(self) -> Any:
        """The activation over the volume: opacity, colour legend; None without a review."""
        return self._layers.layer if self._layers is not None and self._layers.layer.alive else None

    # Run

    @property
    def running(self) -> bool:
        """Whether the classifier is at work."""
        return self._run is not None

    @property
    def status(self) -> RunStatus:
        """How far the last run is, as :meth:`poll` found it."""
        return self._status

    def run(self) -> bool:
        """Start the classifier in another process; call :meth:`poll` from then on.

        Returns:
            Whether it was started; not if the reviewer, asked, keeps what was drawn by hand or set.

        Raises:
            SettingsError: :meth:`Availability.run_blocker` tells why not.
            InputError: the model cannot run on the volume.
        """
        if reason := Availability(self).run_blocker():
            raise SettingsError(reason)
        if self._loses_edits() and not self.confirm(EDITED_PREVIEW.format(change="A new run")):
            return False
        if (question := self.run_question()) and not self.confirm(question):
            return False
        self._agreed = (self.edited_mask(), self.review.state if question and self.review is not None else None)
        request = RunOptions(model=self.model, device=self.device, view=self.view)
        self._run = Run(self.volume_node, request, launcher=self.launcher, new_job=self.new_job)
        self._status = self._run.status
        return True

    def show(self, review: Review) -> None:
        """Show a review of the chosen volume whose model ran elsewhere.

        Args:
            review: made with this workbench as its host.

        Raises:
            SettingsError: a run is under way.
            GridError: the review is of a volume on another grid.
        """
        if self.running:
            raise SettingsError("the classifier is running; cancel it before showing another review")
        if not grid_from_node(self.volume_node).matches(review.found.volume.grid):
            raise GridError(f"the review is not of {self.volume_node.GetName()}: their grids differ")
        self._show(review)
        self._status = status.done(len(review.found.image_labels), self._summary())
        self.store()

    def poll(self) -> RunStatus:
        """Look how far the run is; when it is complete, show what was found. Never waits."""
        run = self._run
        if run is not None:
            self._status = run.poll()
            if not self._status.running:
                self._run = None
                self._take(run)
        return self._status

    def cancel(self) -> None:
        """End the run; neither a process nor a node of it is left."""
        run, self._run = self._run, None
        if run is not None:
            run.cancel()
            self._status = run.status

    def _take(self, run: Run) -> None:
        """Show what a run found, if anything."""
        if run.found is None:
            return
        edits, state = self._agreed
        if self._loses_edits(edits) and not self.confirm(EDITED_PREVIEW.format(change="The new run")):
            self._status = status.cancelled("The edits of the preview were kept, and the new run was left")
            return
        before = self.review
        if before is not None and before.state is not state and not self._may_replace(before, run.found):
            self._status = status.cancelled("The review was kept, and the new run was left")
            return
        try:
            if before is not None:
                before.commit()
            review = continued(before, run.found, self)
            kept = {segment.key for segment in review.accepted}
            placed = {} if self._layers is None else self._layers.placed
            self._show(review, {key: segment for key, segment in placed.items() if key in kept})
            self._reviewed_model = run.model
            self._status = replace(self._status, sentence=self._summary())
            self.store()
        except CAMLocalizerError as error:
            self._status = status.failed(str(error))

    def _summary(self) -> str:
        assert self.review is not None
        return summary(self.review.found, bool(self.review.components))

    def _show(self, review: Review, placed: dict[str, str] | None = None, *, keep_preview: bool = False) -> None:
        output = self.output_node
        if self._layers is not None:
            self._layers.close()
        self._layers = ReviewLayers(self.scene, self.volume_node, review, placed, keep_preview=keep_preview)
        if self._layers.output_node is None and output is not None:
            self._layers.choose_output(output)
        self._watch = VolumeWatch(self.volume_node)
        self._show_output()
        self._exchange(review)
        review.subscribe(self._keep_accepted)

    def _keep_accepted(self, changes: frozenset[Change]) -> None:
        """Store at once what was accepted, which a scene saved in the same moment must not lose."""
        if Change.ACCEPTED in changes:
            self.store()

    def _leave_review(self) -> None:
        """Keep the review for when its volume is chosen again, and show it no longer."""
        if self.review is not None and self.volume_node is not None:
            self.review.commit()
            self.store()
            self._histories[self.volume_node.GetID()] = self.review.history
        if self._layers is not None:
            self._layers.hide()
            self._exchange(None)

    def _let_go(self, sentence: str) -> None:
        if self.running:
            self.cancel()
            self._status = status.cancelled(sentence)
        if self._layers is not None:
            self._layers.close()
            self._exchange(None)

    def _exchange(self, review: Review | None) -> None:
        self.review, self._stored = review, None
        if review is None:
            self._layers, self._watch = None, None
        for observer in tuple(self._observers):
            observer()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` whenever :attr:`review` is another one, or none; the function returned ends that."""
        self._observers.append(callback)
        return lambda: self._observers.remove(callback) if callback in self._observers else None

    def notice(self) -> str:
        """Say that the volume was removed, moved or changed since the run; empty if it was not."""
        return "" if self._watch is None else self._watch.notice()

    # Pauses

    def on_pause(self) -> None:
        """Do what is too slow while a control moves; user interfaces call it 150 ms after the last change.

        That is the surface in 3D views, unless :attr:`show_surface` is False, and keeping the review in the scene.
        """
        if self._layers is None:
            return
        if self._layers.preview.alive:
            self._layers.preview.surface(self.show_surface)
        self.store()

    # Scene

    def store(self) -> None:
        """Keep the review in the scene, so that it is saved with it."""
        if self.review is None or self._layers is None or self.volume_node is None:
            return
        payload, arrays = review_to_state(self.review)
        payload["workbench"] = {
            "model": self.model,
            "reviewed_model": self._reviewed_model,
            "device": self.device,
            "view": self.view,
            "placed": self._layers.placed,
        }
        accepted = tuple(segment.key for segment in self.review.accepted)
        if accepted != self._stored or not update_review(self.scene, self.volume_node, payload):
            store_review(self.scene, self.volume_node, payload, arrays)
            self._stored = accepted

    def restore(self) -> bool:
        """Show the review that the scene holds of the chosen volume, or of the first reviewed one if none is chosen.

        Returns:
            Whether there is one. :attr:`status` tells why one could not be used.
        """
        if self.volume_node is None:
            self._volume_node = next(iter(reviewed_nodes(self.scene)), None)
        try:
            stored = None if self.volume_node is None else load_review(self.scene, self.volume_node)
            if stored is None:
                return False
            payload, arrays = stored
            history = self._histories.pop(self.volume_node.GetID(), None)
            volume = volume_from_node(self.volume_node)
            review = review_from_state(payload, arrays, volume, history=history, host=self)
        except CAMLocalizerError as error:
            self._status = status.failed(str(error))
            return False
        known = payload.get("workbench", {})
        self.device, self.view = known.get("device", "auto"), known.get("view", "auto")
        try:
            self.choose_model(known.get("model", ""))
        except ModelError:
            self._model = ""  # reviewed with a model that is not installed here
        self._reviewed_model = known.get("reviewed_model", self._model)
        self._show(review, known.get("placed"), keep_preview=True)
        self._stored = tuple(segment.key for segment in review.accepted)
        self._status = status.done(len(review.found.image_labels), self._summary())
        return True

    def _alive(self, node: Any) -> bool:
        return node is not None and node.GetScene() is self.scene

    def _on_scene_closing(self) -> None:
        was_running = self.running
        self._let_go("Cancelled: the scene was closed")
        self._volume_node = self._output_node = None
        self._histories.clear()
        if not was_running:
            self._status = RunStatus()
