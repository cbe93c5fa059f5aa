"""Three slice views and a 3D view of the scene, each a picture in the page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import slicer
from trame_slicer.core import SlicerApp
from trame_slicer.rca_view import RemoteSliceViewFactory, RemoteThreeDViewFactory
from trame_slicer.views import SliceView, ThreeDView, ViewLayoutDefinition

from ..mrml.navigation import Place, jump_slices, offset_of, place_at, ras_from_lps, sides_of, slice_number
from .held_drawing import HeldDrawing, not_drawing
from .page_state import SliceState

SLICE_VIEWS = {"Red": "Axial", "Green": "Coronal", "Yellow": "Sagittal"}  # as in Slicer's desktop
THREE_D = "ThreeD"
QUALITY = 90  # of JPEG; the same while something moves, or each picture would be drawn twice
PICTURES_PER_S = 30.0
BACKGROUND_3D = ("#0b0e12", "#1b2430")
SliceObserver = Callable[[str, SliceState], None]
FIRST = 10.0  # priority of our observers of the mouse
CLOSER = 1.1
VIEW_FROM = (-25.0, 12.0)  # degrees around and above the front


class Views:
    """The four views.

    Args:
        server: trame's.
        app: trame-slicer's application, which holds the scene.
    """

    def __init__(self, server: Any, app: SlicerApp) -> None:
        self._app = app
        self._observers: list[SliceObserver] = []
        self._dragged = ""
        settings = {"interactive_quality": QUALITY, "target_fps": PICTURES_PER_S}
        self._factories = (RemoteSliceViewFactory(server, **settings), RemoteThreeDViewFactory(server, **settings))
        for factory in self._factories:
            app.view_manager.register_factory(factory)
        self._drawings: dict[str, HeldDrawing] = {}
        self.slices: dict[str, SliceView] = {
            name: self._add_slice(name, orientation) for name, orientation in SLICE_VIEWS.items()
        }
        self.three_d: ThreeDView = self._add(
            ViewLayoutDefinition.threed_view(name=THREE_D, background_color=BACKGROUND_3D)
        )
        self.three_d.renderer().UseDepthPeelingOff()  # takes most of the time without a graphics card
        self.three_d.get_view_node().SetUseDepthPeeling(False)
        axes = slicer.vtkMRMLAbstractViewNode
        self.three_d.set_orientation_marker(axes.OrientationMarkerTypeAxes, axes.OrientationMarkerSizeSmall)
        self._crosshair = app.scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
        self._crosshair.SetCrosshairThickness(slicer.vtkMRMLCrosshairNode.Fine)

    def show_volume(self, node: Any) -> None:
        """Show a volume in all slice views, each in its middle; do so before a segmentation is made."""
        for view in self.slices.values():
            view.set_background_volume_id(node.GetID())
            view.reset_view()
        self._crosshair.SetCrosshairMode(slicer.vtkMRMLCrosshairNode.NoCrosshair)

    def show_no_volume(self) -> None:
        """Show empty slice views."""
        for view in self.slices.values():
            view.set_background_volume_id(None)
            view.set_foreground_volume_id(None)
        self._crosshair.SetCrosshairMode(slicer.vtkMRMLCrosshairNode.NoCrosshair)

    def show_overlay(self, node: Any, opacity: float) -> None:
        """Show an activation map over the volume; None takes it away."""
        for view in self.slices.values():
            composite = view._logic.GetSliceCompositeNode()
            if composite.GetForegroundVolumeID() != (node and node.GetID()):
                view.set_foreground_volume_id(node and node.GetID())
            if composite.GetForegroundOpacity() != opacity:
                view.set_foreground_opacity(opacity)

    def fit(self) -> None:
        """Fit all views to what they show."""
        for view in self.slices.values():
            offset = view.get_slice_value()
            view.fit_view_to_content()
            view.set_slice_value(offset)
        self.fit_three_d()

    def fit_three_d(self) -> None:
        """Show the whole 3D view from the front, a little from above."""
        self.three_d.reset_view()
        camera = self.three_d.get_camera_node().GetCamera()
        camera.Azimuth(VIEW_FROM[0])
        camera.Elevation(VIEW_FROM[1])
        camera.OrthogonalizeViewUp()
        camera.Dolly(CLOSER)
        self.three_d.renderer().ResetCameraClippingRange()
        self.three_d.schedule_render()

    def set_offset(self, name: str, offset_mm: float) -> None:
        """Move a slice view along its normal."""
        self.slices[name].set_slice_value(float(offset_mm))

    def step(self, name: str, steps: int) -> None:
        """Move a slice view by whole slices."""
        view = self.slices[name]
        low, high = slice_range(view)
        self.set_offset(name, min(max(view.get_slice_value() + steps * view.get_slice_step(), low), high))

    def place_at(self, name: str, across: float, down: float) -> Place:
        """Return the place under a point of a slice view, LPS in mm.

        Args:
            name: of the view.
            across: 0 at the left border of the picture, 1 at the right one.
            down: 0 at its top, 1 at its bottom.
        """
        width, height = self.slices[name].render_window().GetSize()
        return place_at(self.slices[name].get_view_node(), across * width, (1 - down) * height)

    def number_at(self, name: str, lps_mm: Place) -> int:
        """Return the number, from 1, of the slice of a view that holds a place."""
        view = self.slices[name]
        low, high = slice_range(view)
        return slice_number(offset_of(view.get_view_node(), lps_mm), low, high, view.get_slice_step())

    def jump_to(self, lps_mm: Place, *, but: str = "", cross: bool = True) -> None:
        """Show a place in all slice views.

        Args:
            lps_mm: LPS, mm.
            but: a view that stays as it is.
            cross: also mark the place.
        """
        nodes = [view.get_view_node() for name, view in self.slices.items() if name != but]
        jump_slices(self._app.scene, lps_mm, nodes=nodes)
        modes = slicer.vtkMRMLCrosshairNode
        self._crosshair.SetCrosshairMode(modes.ShowIntersection if cross else modes.NoCrosshair)
        self._crosshair.SetCrosshairRAS(*ras_from_lps(lps_mm))

    @property
    def drawn_at(self) -> float:
        """When a slice view drew last, as ``time.monotonic`` counts."""
        return max(self._drawings[name].drawn_at for name in self.slices)

    def hold_three_d(self) -> None:
        """Stop drawing the 3D view while a control moves: nothing new can be shown before the surface is made."""
        self._drawings[THREE_D].hold()

    def let_three_d_go(self) -> None:
        """Let the 3D view draw what is new."""
        self._drawings[THREE_D].let_go()

    def only_three_d(self) -> AbstractContextManager[None]:
        """Change what the slice views do not show."""
        return not_drawing([self._drawings[name] for name in self.slices])

    def on_slice(self, observer: SliceObserver) -> None:
        """Call an observer with a view's name and where it stands: now for each, and then whenever that changes."""
        self._observers.append(observer)
        for name, view in self.slices.items():
            observer(name, slice_state(view))

    def _add(self, definition: ViewLayoutDefinition) -> Any:
        view = self._app.view_manager.create_view(definition)
        view.render_window().SetMultiSamples(0)  # the default of 8 doubles the time of drawing
        tag = definition.singleton_tag
        made = next(factory.get_factory_view(tag) for factory in self._factories if factory.has_view(tag))
        self._drawings[tag] = HeldDrawing(view, made.view_adapter)
        return view

    def _add_slice(self, name: str, orientation: Any) -> SliceView:
        view = self._add(ViewLayoutDefinition.slice_view(orientation, label=name))
        view.modified.connect(lambda *_: self._tell(name))
        for event in ("LeftButtonPressEvent", "MouseMoveEvent", "LeftButtonReleaseEvent"):
            view.interactor().AddObserver(event, self._mouse_observer(name), FIRST)
        return view

    def _tell(self, name: str) -> None:
        if self._observers:
            state = slice_state(self.slices[name])
            for observer in self._observers:
                observer(name, state)

    def _mouse_observer(self, name: str) -> Callable[[Any, str], None]:
        def observe(interactor: Any, event: str) -> None:
            if event == "LeftButtonReleaseEvent":
                self._dragged = ""
                return
            if event == "LeftButtonPressEvent":
                self._dragged = name
            if self._dragged == name and not interactor.GetShiftKey() and not interactor.GetControlKey():
                node = self.slices[name].get_view_node()
                self.jump_to(place_at(node, *interactor.GetEventPosition()), but=name)

        return observe


def slice_range(view: SliceView) -> tuple[float, float]:
    """Return the offsets of the first and the last slice, at their middles; Slicer's own range adds to a single one."""
    bounds = [0.0] * 6
    view._logic.GetLowestVolumeSliceBounds(bounds)
    half = view.get_slice_step() / 2
    low, high = bounds[4] + half, bounds[5] - half
    return (low, high) if low <= high else ((low + high) / 2, (low + high) / 2)


def slice_state(view: SliceView) -> SliceState:
    """Return where a slice view stands and which side of the patient lies at which border."""
    low, high = slice_range(view)
    step = view.get_slice_step()
    count = round((high - low) / step) + 1
    offset = view.get_slice_value()
    number = slice_number(offset, low, high, step)
    offset, low, high, step = (round(value, 3) for value in (offset, low, high, step))
    return SliceState(offset, low, high, step, number, count, *sides_of(view.get_view_node()))
