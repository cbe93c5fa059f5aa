"""The activation layer that changes in place, and its legend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from vtkmodules.util.numpy_support import vtk_to_numpy

from CAMLocalizerLib.core import Grid, GridError, Volume
from CAMLocalizerLib.mrml import (
    ActivationLayer,
    HeadlessApplication,
    activation_color_node,
    grid_from_node,
    load_scene,
    save_scene,
    show_legend,
    volume_from_node,
    volume_to_node,
)
from CAMLocalizerLib.mrml.geometry import matrix_to_vtk

TURN = np.array([[0, -1, 0, 11.0], [1, 0, 0, -7.0], [0, 0, 1, 3.0], [0, 0, 0, 1]])


@pytest.fixture
def reference(scene: Any, oblique_volume: Volume) -> Any:
    return volume_to_node(scene, oblique_volume)


@pytest.fixture
def layer(scene: Any, reference: Any) -> ActivationLayer:
    return ActivationLayer(scene, reference, "map")


@pytest.fixture
def activation(oblique_grid: Grid) -> np.ndarray:
    return np.random.default_rng(3).random(oblique_grid.shape_kji, dtype=np.float32)


def values(layer: ActivationLayer) -> np.ndarray:
    image = layer.node.GetImageData()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


def test_values_change_in_place_and_slicer_hears_of_it(layer: ActivationLayer, activation: np.ndarray) -> None:
    heard = []
    image = layer.node.GetImageData()
    layer.node.AddObserver(slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, lambda *_: heard.append(1))
    layer.write(activation)
    assert layer.node.GetImageData() is image
    assert heard
    np.testing.assert_array_equal(values(layer), activation)
    layer.write(activation * 0.5)
    np.testing.assert_array_equal(values(layer), activation * 0.5)


def test_it_has_activation_colours_from_0_to_1(scene: Any, layer: ActivationLayer) -> None:
    display = layer.node.GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == pytest.approx((0.0, 1.0))
    assert display.GetColorNodeID() == activation_color_node(scene).GetID()


def test_an_image_put_there_by_others_is_replaced(layer: ActivationLayer, activation: np.ndarray) -> None:
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(2, 2, 2)
    image.AllocateScalars(3, 1)
    layer.node.SetAndObserveImageData(image)
    layer.write(activation)
    np.testing.assert_array_equal(values(layer), activation)


def test_another_shape_is_refused(layer: ActivationLayer) -> None:
    with pytest.raises(GridError, match=r"map has shape \(1, 2, 3\), its volume expects \(9, 24, 20\)"):
        layer.write(np.zeros((1, 2, 3), np.float32))


@pytest.mark.parametrize("harden", [False, True])
def test_it_lies_over_its_volume_under_transforms(
    scene: Any, layer: ActivationLayer, activation: np.ndarray, harden: bool
) -> None:
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "turn")
    transform.SetMatrixTransformToParent(matrix_to_vtk(TURN))
    layer.reference.SetAndObserveTransformNodeID(transform.GetID())
    if harden:
        layer.reference.HardenTransform()
    layer.write(activation)
    assert volume_from_node(layer.node).grid.matches(grid_from_node(layer.reference))
    transform.SetMatrixTransformToParent(matrix_to_vtk(TURN @ TURN))
    assert grid_from_node(layer.node).matches(grid_from_node(layer.reference))


def test_it_lies_over_a_volume_whose_image_does_not_start_at_zero(
    scene: Any, reference: Any, activation: np.ndarray
) -> None:
    width, height, depth = activation.shape[::-1]
    reference.GetImageData().SetExtent(2, width + 1, -3, height - 4, 5, depth + 4)
    layer = ActivationLayer(scene, reference)
    layer.write(activation)
    assert grid_from_node(layer.node).matches(grid_from_node(reference))
    np.testing.assert_array_equal(values(layer), activation)


def test_low_activation_is_hidden_and_shown_again(layer: ActivationLayer) -> None:
    display = layer.node.GetDisplayNode()
    assert display.GetApplyThreshold()
    assert display.GetLowerThreshold() == pytest.approx(0.2)
    layer.show_from(0.4)
    assert display.GetApplyThreshold()
    assert (display.GetLowerThreshold(), display.GetUpperThreshold()) == pytest.approx((0.4, 1.0))
    layer.show_from(0.0)
    assert not display.GetApplyThreshold()


def test_it_is_shown_over_its_volume_with_one_legend(scene: Any, layer: ActivationLayer) -> None:
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    layer.show(opacity=0.3)
    layer.show(opacity=0.3)
    assert composite.GetForegroundVolumeID() == layer.node.GetID()
    assert composite.GetForegroundOpacity() == 0.3
    assert scene.GetNumberOfNodesByClass("vtkMRMLColorLegendDisplayNode") == 1
    legend = show_legend(layer.node)
    assert (legend.GetTitleText(), legend.GetVisibility()) == ("Activation", 1)
    assert layer.node.GetDisplayNode().IsA("vtkMRMLScalarVolumeDisplayNode")
    layer.show(legend=False)
    assert not legend.GetVisibility()


def test_no_legend_is_made_only_to_hide_it(scene: Any, layer: ActivationLayer) -> None:
    layer.show(legend=False)
    assert scene.GetNumberOfNodesByClass("vtkMRMLColorLegendDisplayNode") == 0


def test_it_goes_with_its_legend(scene: Any, layer: ActivationLayer) -> None:
    layer.show()
    layer.remove()
    layer.remove()
    assert not layer.alive
    assert scene.GetNumberOfNodesByClass("vtkMRMLColorLegendDisplayNode") == 0
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeDisplayNode") == 1  # the volume's own


def test_a_restored_layer_is_taken_over(
    scene: Any, layer: ActivationLayer, activation: np.ndarray, tmp_path: Path
) -> None:
    layer.write(activation)
    layer.show()
    layer.show_from(0.35)
    path = save_scene(scene, tmp_path / "case.mrb")
    with HeadlessApplication() as other:
        load_scene(other.scene, path)
        node, reference = (other.scene.GetFirstNodeByName(name) for name in ("map", "oblique"))
        again = ActivationLayer(other.scene, reference, node=node)
        np.testing.assert_array_equal(values(again), activation)
        assert again.node.GetDisplayNode().GetLowerThreshold() == pytest.approx(0.35)
        again.show()
        assert other.scene.GetNumberOfNodesByClass("vtkMRMLColorLegendDisplayNode") == 1
        again.write(activation * 0.5)
        np.testing.assert_array_equal(values(again), activation * 0.5)
