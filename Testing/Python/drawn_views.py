"""Slice views and a 3D view that are drawn without a window by Slicer's own displayable managers, as on the desktop."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter

SIZE = 160  # pixels
OUTLINE = 60  # by how much more blue than red the preview's outline is


class CountedRendering:
    """Draws a view whenever Slicer asks for it, and counts how often it does."""

    def __init__(self, view: Any) -> None:
        self.count = 0
        self._view = view
        view.set_scheduled_render(self)

    def schedule_render(self) -> None:
        self.count += 1
        self._view.render()

    def did_render(self) -> None:
        pass

    def set_abstract_view(self, view: Any) -> None:
        pass


class DrawnViews:
    """An axial view and a 3D view of a headless application; nothing is drawn unless Slicer asks for it."""

    def __init__(self, application: Any) -> None:
        import slicer
        from trame_slicer.views import SliceView, ThreeDView
        from vtkmodules.vtkCommonCore import vtkCollection

        logic, self.scene = application.logic, application.scene
        self.scene.AddNode(slicer.vtkMRMLCrosshairNode())
        self.slice_logics, self.view_logics = vtkCollection(), vtkCollection()
        logic.SetSliceLogics(self.slice_logics)
        logic.SetViewLogics(self.view_logics)
        self.axial = SliceView(self.scene, logic, "Red")
        self.axial.set_orientation("Axial")
        self.three_d = ThreeDView(self.scene, logic, "ThreeD")
        for view in (self.axial, self.three_d):
            view.render_window().SetMultiSamples(0)
            view.render_window().SetSize(SIZE, SIZE)
        self.drawings = {view.name: CountedRendering(view) for view in (self.axial, self.three_d)}

    def close(self) -> None:
        """Let go of scene and windows."""
        for view in (self.axial, self.three_d):
            view.set_scheduled_render(None)
            view.finalize()

    def show(self, volume_node: Any) -> None:
        """Show a volume, fitted."""
        self.axial.set_background_volume_id(volume_node.GetID())
        self.axial.reset_view()

    def picture(self) -> NDArray[np.int64]:
        """What the axial view shows now, without drawing it again: rows from the bottom, red, green, blue."""
        reader = vtkWindowToImageFilter()
        reader.SetInput(self.axial.render_window())
        reader.ShouldRerenderOff()
        reader.ReadFrontBufferOff()
        reader.Update()
        image = reader.GetOutput()
        width, height, _ = image.GetDimensions()
        return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1).astype(np.int64)

    def outlined(self) -> NDArray[np.bool_]:
        """Which pixels the outline of the preview covers now."""
        picture = self.picture()
        return picture[..., 2] - picture[..., 0] > OUTLINE


def skip_without_drawing() -> None:
    """Skip the test where views cannot be drawn."""
    pytest.importorskip("trame_slicer", reason="trame-slicer is not installed")
    if problem := _problem():
        pytest.skip(problem)


@cache
def _problem() -> str:
    from CAMLocalizerLib.review.opengl import OpenGLProbe

    with OpenGLProbe() as probe:
        return probe.problem()
