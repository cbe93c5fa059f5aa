"""PET in a scene: inverted grey, SUV 0 to 7; and its projections with the lesions on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from uptake_phantoms import hot_balls, judged_volume
from vtkmodules.util.numpy_support import vtk_to_numpy

from CAMLocalizerLib.mrml import volume_to_node
from CAMLocalizerLib.mrml.pet import INVERTED_GREY, shown_as_pet
from CAMLocalizerLib.workbench import Review

TUMOUR, ORGAN = (12, 20, 12), (34, 18, 30)
BALLS = [(TUMOUR, 3.0, 9.0), (ORGAN, 4.0, 5.0)]
BLUE, HOLLOW = (0, 80, 255), (138, 143, 152)


def test_only_a_pet_in_suv_is_shown_in_inverted_grey(scene: Any) -> None:
    pet = hot_balls(BALLS)
    shown, other = volume_to_node(scene, pet), volume_to_node(scene, replace(pet, unit=""))
    display = shown.GetDisplayNode()
    assert display.GetColorNodeID() == INVERTED_GREY
    assert display.GetColorNode() is not None
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0.0, 7.0)
    assert not display.GetAutoWindowLevel()
    assert (shown_as_pet(shown), shown_as_pet(other)) == (True, False)
    assert other.GetDisplayNode().GetColorNodeID() != INVERTED_GREY


def walls(scene: Any) -> dict[str, np.ndarray]:
    """Pictures on the walls, rows from the top, by plane; the last wall of each, which lies behind or on the left."""
    pictures: dict[str, np.ndarray] = {}
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLModelNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLModelNode")
        producer = node.GetDisplayNode().GetTextureImageDataConnection().GetProducer()
        image = producer.GetOutputDataObject(0)
        width, height, _ = image.GetDimensions()
        pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 3)
        pictures[node.GetName().split()[-1]] = pixels[::-1]
    return pictures


def has(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (picture == colour).all(axis=2)


@pytest.fixture
def box(scene: Any) -> Any:
    box_of = pytest.importorskip("CAMLocalizerLib.review.projection_box").ProjectionBox
    return box_of(scene, hot_balls(BALLS))


def test_the_walls_show_the_highest_uptake_dark(scene: Any, box: Any) -> None:
    pictures = walls(scene)
    assert set(pictures) == {"coronal", "sagittal"}
    height, width = round(48 * 4 / 1.5), round(44 * 4 / 1.5)
    assert pictures["coronal"].shape == (height, width, 3)
    row, column = int((48 - 12) / 48 * height), int(12.5 / 44 * width)  # superior is at the top, right on the left
    assert pictures["coronal"][row, column].max() < 60
    assert pictures["coronal"][0, 0].min() > 240


def test_lesions_are_outlined_and_numbered_and_what_is_left_out_is_hollow(scene: Any, box: Any) -> None:
    review = Review(judged_volume(hot_balls(BALLS), [0.9, 0.2]))
    box.draw(review)
    before = walls(scene)
    assert all(has(picture, BLUE).any() and has(picture, HOLLOW).any() for picture in before.values())
    review.restore_component(2)
    box.draw(review)
    after = walls(scene)
    assert not any(has(picture, HOLLOW).any() for picture in after.values())
    assert all(has(after[plane], BLUE).sum() > has(before[plane], BLUE).sum() for plane in after)
    box.remove()
    assert scene.GetNumberOfNodesByClass("vtkMRMLModelNode") == 0


def test_every_wall_looks_inwards(scene: Any, box: Any) -> None:
    middle = np.array([-1, -1, 1]) * 2.0 * (np.array([44, 40, 48]) - 1)  # RAS of the volume's middle
    for index in range(4):
        points = scene.GetNthNodeByClass(index, "vtkMRMLModelNode").GetPolyData().GetPoints()
        origin, first, second = (np.array(points.GetPoint(number)) for number in (0, 1, 2))
        assert np.cross(first - origin, second - origin) @ (middle - origin) > 0
