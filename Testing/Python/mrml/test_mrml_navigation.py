"""Slice views that go to places and planes, and the looks of segmentations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from CAMLocalizerLib.core import LabelMap, SettingsError, Volume
from CAMLocalizerLib.mrml import (
    align_slices,
    jump_slices,
    outline_only,
    segmentation_to_node,
    show_plane,
    slice_nodes,
    style_accepted,
    style_preview,
    volume_to_node,
)
from CAMLocalizerLib.mrml.navigation import middle_of, nodes_across, offset_of, place_at, sides_of, slice_number
from CAMLocalizerLib.views import plane_axes

PLACE = (12.0, -34.0, 56.0)
TO_RAS = np.array([-1.0, -1.0, 1.0])


def add_view(scene: Any, name: str, orientation: str) -> Any:
    node = scene.CreateNodeByClass("vtkMRMLSliceNode")
    node.UnRegister(None)
    node.SetLayoutName(name)
    node.SetName(name)
    node = scene.AddNode(node)
    node.SetOrientation(orientation)
    return node


def column(node: Any, index: int) -> np.ndarray:
    return np.array([node.GetSliceToRAS().GetElement(row, index) for row in range(3)])


@pytest.fixture
def views(scene: Any) -> list[Any]:
    return [
        add_view(scene, name, plane) for name, plane in (("Red", "Axial"), ("Green", "Coronal"), ("Yellow", "Sagittal"))
    ]


def test_all_slice_views_are_found(scene: Any, views: list[Any]) -> None:
    assert list(slice_nodes(scene)) == views


def test_every_view_scrolls_to_the_place_and_does_not_pan(scene: Any, views: list[Any]) -> None:
    jump_slices(scene, PLACE)
    for view in views:
        inside = np.array([column(view, 0), column(view, 1)])
        assert column(view, 2) @ column(view, 3) == pytest.approx(column(view, 2) @ (PLACE * TO_RAS))
        np.testing.assert_allclose(inside @ column(view, 3), 0, atol=1e-9)


def test_the_place_comes_to_the_middle_when_centred(scene: Any, views: list[Any]) -> None:
    jump_slices(scene, PLACE, centre=True)
    for view in views:
        np.testing.assert_allclose(column(view, 3), PLACE * TO_RAS)


def test_only_the_views_given_move(scene: Any, views: list[Any]) -> None:
    jump_slices(scene, PLACE, nodes=views[:1])
    assert [bool(np.any(column(view, 3))) for view in views] == [True, False, False]


@pytest.mark.parametrize("place", [(1.0, 2.0), (1.0, 2.0, float("nan")), (1.0, 2.0, float("inf"))])
def test_what_is_no_place_is_refused(scene: Any, place: tuple[float, ...]) -> None:
    with pytest.raises(SettingsError, match="a place is three finite numbers in mm"):
        jump_slices(scene, place)


@pytest.mark.parametrize(("view", "axis"), [("sagittal", 0), ("coronal", 1), ("axial", 2)])
def test_views_turn_to_a_plane(scene: Any, views: list[Any], view: str, axis: int) -> None:
    show_plane(scene, view)
    for node in views:
        assert abs(column(node, 2)[axis]) == pytest.approx(1.0)


def test_views_turn_to_the_volumes_own_slices(scene: Any, views: list[Any], oblique_volume: Volume) -> None:
    reference = volume_to_node(scene, oblique_volume)
    show_plane(scene, "coronal", reference=reference, nodes=views[:1])
    along = oblique_volume.grid.direction[:, 1] * TO_RAS
    assert abs(column(views[0], 2) @ along) == pytest.approx(1.0)
    align_slices(scene, reference)
    for view, axis in zip(views, (1, 1, 0), strict=True):
        assert abs(column(view, 2) @ (oblique_volume.grid.direction[:, axis] * TO_RAS)) == pytest.approx(1.0)


def test_the_views_of_a_plane_are_found_also_when_turned_a_little(
    scene: Any, views: list[Any], oblique_volume: Volume
) -> None:
    align_slices(scene, volume_to_node(scene, oblique_volume))
    axes = [plane_axes(oblique_volume.grid, view).axes[2] for view in ("axial", "coronal", "sagittal")]
    assert [nodes_across(scene, oblique_volume.grid, axis) for axis in axes] == [(view,) for view in views]


def test_an_offset_is_where_the_view_goes(scene: Any, views: list[Any]) -> None:
    offsets = [offset_of(view, PLACE) for view in views]
    jump_slices(scene, PLACE)
    assert offsets == pytest.approx([view.GetSliceOffset() for view in views])


def test_the_middle_of_a_centred_view_is_the_place(scene: Any, views: list[Any]) -> None:
    jump_slices(scene, PLACE, centre=True)
    for view in views:
        np.testing.assert_allclose(middle_of(view), PLACE)
        width, height, _depth = view.GetDimensions()
        np.testing.assert_allclose(place_at(view, width / 2, height / 2), PLACE, atol=1.0)


@pytest.mark.parametrize(("offset", "number"), [(-30.0, 1), (-20.0, 1), (-14.6, 2), (0.0, 5), (99.0, 9)])
def test_slices_are_counted_from_one(offset: float, number: int) -> None:
    assert slice_number(offset, -20.0, 20.0, 5.0) == number


def test_the_sides_of_the_patient_stand_at_the_borders(views: list[Any]) -> None:
    assert [sides_of(view) for view in views] == [
        ("R", "L", "A", "P"),
        ("R", "L", "S", "I"),
        ("A", "P", "S", "I"),
    ]


def test_an_unknown_plane_is_refused(scene: Any) -> None:
    with pytest.raises(SettingsError, match="view must be one of"):
        show_plane(scene, "upwards")


def test_a_preview_lets_more_of_the_picture_through_than_an_accepted_segment(scene: Any, label_map: LabelMap) -> None:
    node = segmentation_to_node(scene, label_map)
    display = node.GetDisplayNode()
    style_preview(node)
    preview = (display.GetOpacity2DFill(), display.GetOpacity3D())
    style_accepted(node)
    accepted = (display.GetOpacity2DFill(), display.GetOpacity3D())
    assert all(before < after for before, after in zip(preview, accepted, strict=True))
    assert display.GetOpacity2DOutline() == 1.0
    outline_only(node)
    assert (display.GetVisibility2DFill(), display.GetVisibility2DOutline()) == (0, 1)
    outline_only(node, False)
    assert display.GetVisibility2DFill()
