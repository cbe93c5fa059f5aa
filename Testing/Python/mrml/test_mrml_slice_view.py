"""What a slice view shows, by Slicer's own blending of layers (which needs no OpenGL)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import slicer
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from CAMLocalizerLib.core import Grid, Volume
from CAMLocalizerLib.mrml import HeadlessApplication, activation_to_node, show_in_slices, volume_to_node

WINDOW = 60  # pixels, at 1 mm


class AxialView:
    """A slice view without a window, 1 mm per pixel, through the origin."""

    def __init__(self, application: HeadlessApplication) -> None:
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(application.logic)
        self.logic.SetMRMLScene(application.scene)
        self.node = self.logic.AddSliceNode("Red")
        self.node.SetOrientation("Axial")
        self.node.SetDimensions(WINDOW, WINDOW, 1)
        self.node.SetFieldOfView(WINDOW, WINDOW, 1)

    def rgb_at(self, lps_mm: tuple[float, float, float]) -> NDArray[np.uint8]:
        """Colour of the pixel that shows a place."""
        producer = self.logic.GetImageDataConnection().GetProducer()
        producer.Update()
        image = producer.GetOutputDataObject(0)
        pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(*image.GetDimensions()[1::-1], -1)
        ras = (-lps_mm[0], -lps_mm[1], lps_mm[2], 1.0)
        to_xy = vtkMatrix4x4()
        vtkMatrix4x4.Invert(self.node.GetXYToRAS(), to_xy)
        column, row = (round(value) for value in to_xy.MultiplyPoint(ras)[:2])
        return pixels[row, column, :3]


@pytest.fixture
def view() -> Iterator[tuple[Any, AxialView]]:
    with HeadlessApplication() as application:
        yield application.scene, AxialView(application)


def test_the_map_colours_its_spot_and_leaves_the_rest_of_the_volume_grey(view: tuple[Any, AxialView]) -> None:
    scene, axial = view
    grid = Grid((21, 21, 3), (2.0, 2.0, 5.0), (-20.0, -20.0, -5.0), np.eye(3))
    grey = np.tile(np.linspace(0, 100, 21, dtype=np.float32), (3, 21, 1))
    activation = np.zeros(grid.shape_kji, np.float32)
    activation[:, 14:17, 4:7] = 1.0  # to the patient's right and posterior
    spot = tuple(grid.to_lps((5, 15, 1)))
    mirrored = tuple(grid.to_lps((15, 5, 1)))
    background = volume_to_node(scene, Volume(grey, grid))
    show_in_slices(scene, background)
    plain = axial.rgb_at(mirrored)
    show_in_slices(scene, background, activation_to_node(scene, activation, grid), opacity=1.0)
    red, green, blue = map(int, axial.rgb_at(spot))
    assert red > 200
    assert green > 200
    assert blue < 200  # the pale yellow of full activation
    np.testing.assert_array_equal(axial.rgb_at(mirrored), plain)
    assert len(set(plain.tolist())) == 1
