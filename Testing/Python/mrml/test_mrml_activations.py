"""Activation maps and their colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, GridError, Volume
from CAMLocalizerLib.mrml import activation_color_node, activation_to_node, show_in_slices, volume_from_node
from CAMLocalizerLib.mrml.colours import activation_rgba


@pytest.fixture
def activation(oblique_grid: Grid) -> np.ndarray:
    return np.random.default_rng(3).random(oblique_grid.shape_kji, dtype=np.float32)


def test_an_activation_comes_back(scene: Any, activation: np.ndarray, oblique_grid: Grid) -> None:
    back = volume_from_node(activation_to_node(scene, activation, oblique_grid))
    np.testing.assert_array_equal(back.array_kji, activation)
    assert back.grid.matches(oblique_grid)


def test_colours_run_from_0_to_1_whatever_the_maximum(scene: Any, activation: np.ndarray, oblique_grid: Grid) -> None:
    display = activation_to_node(scene, activation * 0.3, oblique_grid).GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == pytest.approx((0.0, 1.0))
    assert display.GetColorNodeID() == activation_color_node(scene).GetID()


def test_the_colour_table_is_made_once(scene: Any) -> None:
    first = activation_color_node(scene)
    count = scene.GetNumberOfNodes()
    assert activation_color_node(scene) is first
    assert scene.GetNumberOfNodes() == count


def test_no_activation_is_transparent_and_full_activation_opaque(scene: Any) -> None:
    low, high = [0.0] * 4, [0.0] * 4
    activation_color_node(scene).GetColor(0, low)
    activation_color_node(scene).GetColor(255, high)
    assert (low[3], high[3]) == (0.0, 1.0)


def test_more_activation_is_lighter_and_less_transparent() -> None:
    rgba = activation_rgba()
    assert np.all(np.diff(rgba[:, :3] @ (0.2126, 0.7152, 0.0722)) > 0)
    assert np.all(np.diff(rgba[:, 3]) >= 0)


def test_a_map_of_another_shape_is_refused(scene: Any, oblique_grid: Grid) -> None:
    with pytest.raises(GridError, match=r"has shape \(2, 3, 4\), its grid expects \(9, 24, 20\)"):
        activation_to_node(scene, np.zeros((2, 3, 4)), oblique_grid)


def test_slice_views_show_the_map_over_the_volume(
    scene: Any, activation: np.ndarray, oblique_volume: Volume, oblique_grid: Grid
) -> None:
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    volume, over = (activation_to_node(scene, activation, oblique_grid, name=name) for name in ("volume", "map"))
    show_in_slices(scene, volume, over, opacity=0.25)
    assert composite.GetBackgroundVolumeID() == volume.GetID()
    assert composite.GetForegroundVolumeID() == over.GetID()
    assert composite.GetForegroundOpacity() == 0.25
