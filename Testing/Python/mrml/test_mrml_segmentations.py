"""Label maps to and from segmentation nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer

from CAMLocalizerLib.core import Grid, GridError, InputError, LabelMap, SettingsError, Volume
from CAMLocalizerLib.io import terminology_entry, write_segmentation
from CAMLocalizerLib.mrml import (
    HeadlessApplication,
    load_segmentation_node,
    segmentation_from_node,
    segmentation_to_node,
    volume_from_node,
    volume_to_node,
)
from CAMLocalizerLib.mrml.geometry import matrix_to_vtk

TURN = np.array([[0, -1, 0, 11.0], [1, 0, 0, -7.0], [0, 0, 1, 3.0], [0, 0, 0, 1]])


def put_under_turn(scene: Any, node: Any) -> None:
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "turn")
    transform.SetMatrixTransformToParent(matrix_to_vtk(TURN))
    node.SetAndObserveTransformNodeID(transform.GetID())


def assert_same(back: LabelMap, expected: LabelMap) -> None:
    assert back.grid.matches(expected.grid)
    np.testing.assert_array_equal(back.array_kji, expected.array_kji)
    assert back.segments == expected.segments


def test_a_label_map_comes_back_voxel_by_voxel(scene: Any, label_map: LabelMap) -> None:
    assert_same(segmentation_from_node(segmentation_to_node(scene, label_map)), label_map)


def test_it_comes_back_with_a_reference_volume(scene: Any, label_map: LabelMap, oblique_volume: Volume) -> None:
    reference = volume_to_node(scene, oblique_volume)
    node = segmentation_to_node(scene, label_map, reference=reference)
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is reference
    assert_same(segmentation_from_node(node), label_map)


def test_an_empty_segment_stays_and_stays_empty(scene: Any, oblique_grid: Grid) -> None:
    empty = LabelMap(np.zeros(oblique_grid.shape_kji, np.uint8), oblique_grid)
    assert_same(segmentation_from_node(segmentation_to_node(scene, empty)), empty)


def test_slicer_extracts_each_segment_alone(label_map: LabelMap, oblique_volume: Volume) -> None:
    with HeadlessApplication(publish=True) as application:  # slicer.util wants the global scene
        reference = volume_to_node(application.scene, oblique_volume)
        node = segmentation_to_node(application.scene, label_map, reference=reference)
        second = node.GetSegmentation().GetNthSegmentID(1)
        array = slicer.util.arrayFromSegmentBinaryLabelmap(node, second, reference)
    np.testing.assert_array_equal(array, label_map.array_kji == 2)


def test_segments_share_one_layer(scene: Any, label_map: LabelMap) -> None:
    assert segmentation_to_node(scene, label_map).GetSegmentation().GetNumberOfLayers() == 1


def test_name_colour_and_terminology_are_set(scene: Any, label_map: LabelMap) -> None:
    kinds = ["Mass", "Nodule"]
    node = segmentation_to_node(scene, label_map, colours=[(1, 0, 0), (0, 0.5, 1)], terminology=kinds)
    segment = node.GetSegmentation().GetNthSegment(1)
    assert segment.GetName() == "Necrosis"
    assert segment.GetColor() == pytest.approx((0, 0.5, 1))
    assert segment.GetTerminology() == terminology_entry("Nodule")


def test_a_reference_elsewhere_is_refused(scene: Any, label_map: LabelMap, oblique_volume: Volume) -> None:
    reference = volume_to_node(scene, oblique_volume)
    put_under_turn(scene, reference)
    with pytest.raises(GridError, match="does not lie on the grid of oblique"):
        segmentation_to_node(scene, label_map, reference=reference)


def test_a_reference_under_a_transform_serves_its_own_label_map(
    scene: Any, label_map: LabelMap, oblique_volume: Volume
) -> None:
    reference = volume_to_node(scene, oblique_volume)
    put_under_turn(scene, reference)
    moved = LabelMap(label_map.array_kji, volume_from_node(reference).grid, segments=label_map.segments)
    node = segmentation_to_node(scene, moved, reference=reference)
    assert_same(segmentation_from_node(node), moved)


def test_a_segmentation_under_a_transform_lands_where_it_is_seen(scene: Any, label_map: LabelMap) -> None:
    node = segmentation_to_node(scene, label_map)
    put_under_turn(scene, node)
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    grid = Grid.from_matrix(flip @ TURN @ flip @ label_map.grid.ijk_to_lps, label_map.grid.size)
    moved = LabelMap(label_map.array_kji, grid, segments=label_map.segments)
    assert_same(segmentation_from_node(node), moved)
    assert_same(segmentation_from_node(node, grid=grid), moved)


def test_another_grid_takes_the_nearest_voxel(scene: Any, label_map: LabelMap) -> None:
    grid = label_map.grid
    coarse = Grid.from_matrix(grid.ijk_to_lps @ np.diag([2.0, 2.0, 1.0, 1.0]), (10, 12, 9))
    back = segmentation_from_node(segmentation_to_node(scene, label_map), grid=coarse)
    np.testing.assert_array_equal(back.array_kji, label_map.array_kji[:, ::2, ::2])


def test_a_given_node_is_emptied_and_filled(scene: Any, label_map: LabelMap) -> None:
    node = segmentation_to_node(scene, label_map)
    one = LabelMap(label_map.array_kji == 1, label_map.grid)
    assert segmentation_to_node(scene, one, node=node) is node
    assert_same(segmentation_from_node(node), one)


def test_a_segmentation_without_segments_is_refused(scene: Any) -> None:
    with pytest.raises(InputError, match="blank has 0 segments, expected 1 to 255"):
        segmentation_from_node(scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "blank"))


def test_a_missing_terminology_is_refused(scene: Any, label_map: LabelMap) -> None:
    with pytest.raises(SettingsError, match="1 tumour types given for 2 segments"):
        segmentation_to_node(scene, label_map, terminology=["Mass"])


def test_slicer_reads_the_file_of_the_command_line_as_our_node(
    scene: Any, label_map: LabelMap, oblique_volume: Volume, tmp_path: Path
) -> None:
    write_segmentation(label_map, tmp_path / "case.seg.nrrd", colours=[(1, 0, 0), (0, 0.5, 1)], terminology="Neoplasm")
    node = load_segmentation_node(scene, tmp_path / "case.seg.nrrd")
    assert_same(segmentation_from_node(node, grid=label_map.grid), label_map)
    segment = node.GetSegmentation().GetNthSegment(1)
    assert (segment.GetName(), segment.GetTerminology()) == ("Necrosis", terminology_entry("Neoplasm"))
    assert segment.GetColor() == pytest.approx((0, 0.5, 1))


def test_an_empty_segment_comes_back_from_the_file(scene: Any, oblique_grid: Grid, tmp_path: Path) -> None:
    empty = LabelMap(np.zeros(oblique_grid.shape_kji, np.uint8), oblique_grid)
    write_segmentation(empty, tmp_path / "empty.seg.nrrd")
    node = load_segmentation_node(scene, tmp_path / "empty.seg.nrrd")
    assert_same(segmentation_from_node(node, grid=oblique_grid), empty)
