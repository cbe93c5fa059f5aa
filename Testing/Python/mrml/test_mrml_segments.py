"""Single segments beside the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import reference as text_reference
from vtkmodules.vtkFiltersSources import vtkSphereSource

from CAMLocalizerLib.core import Grid, GridError, InputError, LabelMap, SettingsError
from CAMLocalizerLib.io import terminology_entry
from CAMLocalizerLib.mrml import (
    HeadlessApplication,
    add_segment,
    load_scene,
    remove_segment,
    save_scene,
    segment_ids,
    segment_mask,
    segment_names,
    segmentation_from_node,
    segmentation_to_node,
    unique_name,
)
from CAMLocalizerLib.mrml.geometry import matrix_to_vtk

TURN = np.array([[0, -1, 0, 11.0], [1, 0, 0, -7.0], [0, 0, 1, 3.0], [0, 0, 0, 1]])


@pytest.fixture
def node(scene: Any, label_map: LabelMap) -> Any:
    """A user's segmentation: two segments in one layer."""
    return segmentation_to_node(scene, label_map, name="mine")


@pytest.fixture
def ours(label_map: LabelMap) -> LabelMap:
    """A box that overlaps both segments of the user."""
    array = np.zeros_like(label_map.array_kji)
    array[3:7, 2:18, 5:14] = 1
    return LabelMap(array, label_map.grid)


def tag(node: Any, segment_id: str, key: str) -> str:
    text = text_reference("")
    assert node.GetSegmentation().GetSegment(segment_id).GetTag(key, text)
    return str(text)


def assert_users_segments(node: Any, label_map: LabelMap) -> None:
    for label in (1, 2):
        back = segment_mask(node, f"Segment_{label}", label_map.grid)
        np.testing.assert_array_equal(back.array_kji, label_map.array_kji == label)
        assert back.segments == (label_map.segments[label - 1],)


def test_a_segment_is_added_over_others_which_stay(node: Any, label_map: LabelMap, ours: LabelMap) -> None:
    added = add_segment(node, ours, name="Tumour")
    np.testing.assert_array_equal(segment_mask(node, added, ours.grid).array_kji, ours.array_kji)
    assert_users_segments(node, label_map)


def test_names_and_ids_are_new_each_time(node: Any, ours: LabelMap) -> None:
    ids = [add_segment(node, ours, name="Tumour") for _ in range(3)]
    assert segment_names(node) == ("Tumour", "Necrosis", "Tumour 2", "Tumour 3", "Tumour 4")
    assert segment_ids(node) == ("Segment_1", "Segment_2", *ids)
    assert len(set(segment_ids(node))) == 5


def test_a_free_name_stays_as_it_is() -> None:
    assert unique_name("Tumour", ("Tumour 2",)) == "Tumour"
    assert unique_name("Tumour", ("Tumour", "Tumour 2")) == "Tumour 3"


def test_look_and_meaning_are_set(node: Any, ours: LabelMap) -> None:
    added = add_segment(node, ours, colour=(1, 0, 0.5), terminology="Nodule")
    segment = node.GetSegmentation().GetSegment(added)
    assert segment.GetColor() == pytest.approx((1, 0, 0.5))
    assert segment.GetTerminology() == terminology_entry("Nodule")


def test_its_image_holds_no_more_than_it_fills(node: Any, ours: LabelMap) -> None:
    added = add_segment(node, ours)
    image = node.GetSegmentation().GetSegment(added).GetRepresentation("Binary labelmap")
    assert image.GetExtent() == (5, 13, 2, 17, 3, 6)


def test_an_empty_segment_is_added(node: Any, ours: LabelMap) -> None:
    added = add_segment(node, LabelMap(np.zeros_like(ours.array_kji), ours.grid))
    assert not segment_mask(node, added, ours.grid).array_kji.any()


def test_a_blank_node_takes_the_grid_of_its_first_segment(scene: Any, ours: LabelMap) -> None:
    blank = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "blank")
    add_segment(blank, ours)
    back = segmentation_from_node(blank)
    assert back.grid.matches(ours.grid)
    np.testing.assert_array_equal(back.array_kji, ours.array_kji)


def test_it_lands_in_the_world_also_in_a_node_under_a_transform(scene: Any, node: Any, ours: LabelMap) -> None:
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "turn")
    transform.SetMatrixTransformToParent(matrix_to_vtk(TURN))
    node.SetAndObserveTransformNodeID(transform.GetID())
    added = add_segment(node, ours)
    np.testing.assert_array_equal(segment_mask(node, added, ours.grid).array_kji, ours.array_kji)


def test_slicer_is_told_of_later_edits_of_an_added_segment(node: Any, ours: LabelMap) -> None:
    added = add_segment(node, ours)
    heard = []
    segmentation = node.GetSegmentation()
    segmentation.AddObserver(slicer.vtkSegmentation.SourceRepresentationModified, lambda *_: heard.append(1))
    segmentation.GetSegment(added).GetRepresentation("Binary labelmap").Modified()
    assert heard


@pytest.mark.parametrize("collapse", [False, True])
def test_a_removed_segment_leaves_the_others_and_no_voxel(node: Any, ours: LabelMap, collapse: bool) -> None:
    free = np.zeros_like(ours.array_kji)
    free[8, 20:, 17:] = 1
    added = add_segment(node, LabelMap(free, ours.grid))
    if collapse:
        node.GetSegmentation().CollapseBinaryLabelmaps(False)
        assert node.GetSegmentation().GetNumberOfLayers() == 1
    before = segmentation_from_node(node).array_kji
    remove_segment(node, added)
    after = segmentation_from_node(node).array_kji
    np.testing.assert_array_equal(after, np.where(before == 3, 0, before))
    image = node.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
    assert set(np.unique(vtk_to_numpy(image.GetPointData().GetScalars()))) <= {0, 1, 2}


def test_removing_twice_is_no_error(node: Any, label_map: LabelMap, ours: LabelMap) -> None:
    added = add_segment(node, ours)
    remove_segment(node, added)
    remove_segment(node, added)
    assert_users_segments(node, label_map)


def test_reading_a_removed_segment_says_so(node: Any, ours: LabelMap) -> None:
    with pytest.raises(InputError, match="mine has no segment gone; it was removed"):
        segment_mask(node, "gone", ours.grid)


def test_tags_and_voxels_survive_the_bundle(scene: Any, node: Any, ours: LabelMap, tmp_path: Path) -> None:
    provenance = '{"model": "brain-t1ce", "threshold": 0.4, "made": "2026-01-02T03:04:05", "scales": [1, 2]}'
    added = add_segment(node, ours, tags={"CAMLocalizer.Provenance": provenance})
    path = save_scene(scene, tmp_path / "case.mrb")
    with HeadlessApplication() as other:
        load_scene(other.scene, path)
        back = other.scene.GetFirstNodeByName("mine")
        assert tag(back, added, "CAMLocalizer.Provenance") == provenance
        np.testing.assert_array_equal(segment_mask(back, added, ours.grid).array_kji, ours.array_kji)


@pytest.mark.parametrize("tags", [{"a": "one|two"}, {"a:b": "one"}, {"a|b": "one"}])
def test_a_tag_that_files_would_break_is_refused_and_nothing_added(
    node: Any, ours: LabelMap, tags: dict[str, str]
) -> None:
    with pytest.raises(InputError, match="cannot be stored"):
        add_segment(node, ours, tags=tags)
    assert len(segment_ids(node)) == 2


def test_a_segmentation_of_surfaces_is_refused(scene: Any, ours: LabelMap) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "printed")
    node.SetSourceRepresentationToClosedSurface()
    sphere = vtkSphereSource()
    sphere.Update()
    node.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "ball", [1, 0, 0])
    with pytest.raises(InputError, match="the segments of printed are surfaces, not voxels"):
        add_segment(node, ours)


def test_an_unknown_kind_or_colour_is_refused_and_nothing_added(node: Any, ours: LabelMap) -> None:
    with pytest.raises(SettingsError, match="tumour type 'Wart' is unknown"):
        add_segment(node, ours, terminology="Wart")
    with pytest.raises(SettingsError, match="red, green and blue"):
        add_segment(node, ours, colour=(255, 0, 0))
    assert len(segment_ids(node)) == 2


def test_a_bending_transform_is_refused(scene: Any, node: Any, ours: LabelMap) -> None:
    bend = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "bend")
    bend.SetAndObserveTransformToParent(slicer.vtkOrientedBSplineTransform())
    node.SetAndObserveTransformNodeID(bend.GetID())
    with pytest.raises(GridError, match="mine lies under the transform bend, which is not linear"):
        add_segment(node, ours)


def test_another_grid_is_read_by_nearest_voxel(node: Any, ours: LabelMap) -> None:
    added = add_segment(node, ours)
    coarse = Grid.from_matrix(ours.grid.ijk_to_lps @ np.diag([2.0, 2.0, 1.0, 1.0]), (10, 12, 9))
    np.testing.assert_array_equal(segment_mask(node, added, coarse).array_kji, ours.array_kji[:, ::2, ::2])
