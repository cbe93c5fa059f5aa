"""The preview segment: written by us, edited by others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer

from CAMLocalizerLib.core import Grid, GridError, InputError, LabelMap, Volume
from CAMLocalizerLib.mrml import (
    HeadlessApplication,
    PreviewSegment,
    add_segment,
    grid_from_node,
    load_scene,
    save_scene,
    segment_mask,
    segment_names,
    volume_to_node,
)
from CAMLocalizerLib.mrml.geometry import matrix_to_vtk
from CAMLocalizerLib.mrml.segmentations import oriented_image
from CAMLocalizerLib.mrml.segments import shares_image

TURN = np.array([[0, -1, 0, 11.0], [1, 0, 0, -7.0], [0, 0, 1, 3.0], [0, 0, 0, 1]])
CLOSED_SURFACE = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()


def put_under_turn(scene: Any, node: Any) -> None:
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "turn")
    transform.SetMatrixTransformToParent(matrix_to_vtk(TURN))
    node.SetAndObserveTransformNodeID(transform.GetID())


def seen(preview: PreviewSegment) -> np.ndarray:
    """The preview's voxels as Slicer places them in the world, on the volume's grid there."""
    return segment_mask(preview.node, preview.segment_id, grid_from_node(preview.reference)).array_kji


def paint(preview: PreviewSegment, mask: np.ndarray, grid: Grid) -> None:
    """Replace the segment's voxels by the call that Segment Editor's effects end in."""
    image = oriented_image(LabelMap(mask, grid))
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(image, preview.node, preview.segment_id)


@pytest.fixture
def reference(scene: Any, oblique_volume: Volume) -> Any:
    return volume_to_node(scene, oblique_volume)


@pytest.fixture
def preview(scene: Any, reference: Any) -> PreviewSegment:
    return PreviewSegment(scene, reference, "Preview")


@pytest.fixture
def mask(label_map: LabelMap) -> np.ndarray:
    return (label_map.array_kji == 1).astype(np.uint8)


@pytest.fixture
def other(label_map: LabelMap) -> np.ndarray:
    return (label_map.array_kji == 2).astype(np.uint8)


def test_it_starts_empty_and_unedited(preview: PreviewSegment) -> None:
    assert not preview.mask().any()
    assert not preview.edited


def test_what_is_written_is_held_and_seen_in_the_world(preview: PreviewSegment, mask: np.ndarray) -> None:
    preview.write(mask)
    np.testing.assert_array_equal(preview.mask(), mask)
    np.testing.assert_array_equal(seen(preview), mask)
    assert not preview.edited


def test_any_value_above_zero_belongs_to_the_segment(preview: PreviewSegment, mask: np.ndarray) -> None:
    preview.write(mask * 200)
    np.testing.assert_array_equal(preview.mask(), mask)
    preview.write(mask.astype(bool))
    np.testing.assert_array_equal(preview.mask(), mask)


def test_the_mask_is_a_copy(preview: PreviewSegment, mask: np.ndarray) -> None:
    preview.write(mask)
    preview.mask()[:] = 0
    np.testing.assert_array_equal(preview.mask(), mask)


def test_slicer_hears_of_every_write(preview: PreviewSegment, mask: np.ndarray) -> None:
    heard = []
    event = slicer.vtkSegmentation.SourceRepresentationModified
    preview.node.GetSegmentation().AddObserver(event, lambda *_: heard.append(1))
    preview.write(mask)
    preview.write(mask)
    assert len(heard) == 2


def test_a_mask_of_another_shape_is_refused(preview: PreviewSegment) -> None:
    with pytest.raises(GridError, match=r"Preview has shape \(2, 3, 4\), its volume expects \(9, 24, 20\)"):
        preview.write(np.zeros((2, 3, 4), np.uint8))


def test_a_volume_without_voxels_is_refused(scene: Any) -> None:
    with pytest.raises(InputError, match="blank holds no voxels"):
        PreviewSegment(scene, scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "blank"))
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_an_edit_that_crops_the_image_is_noticed_and_read(
    preview: PreviewSegment, mask: np.ndarray, oblique_grid: Grid
) -> None:
    preview.write(mask)
    painted = mask.copy()
    painted[3, 6, 5] = 0
    paint(preview, painted, oblique_grid)
    assert preview.node.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap").GetDimensions()[0] < 20
    assert preview.edited
    np.testing.assert_array_equal(preview.mask(), painted)


def test_an_edit_through_slicers_python_is_noticed_and_read(oblique_volume: Volume, mask: np.ndarray) -> None:
    with HeadlessApplication(publish=True) as application:  # slicer.util wants the global scene
        reference = volume_to_node(application.scene, oblique_volume)
        preview = PreviewSegment(application.scene, reference)
        preview.write(mask)
        update = slicer.util.updateSegmentBinaryLabelmapFromArray
        update(mask, preview.node, preview.segment_id, reference)
        assert not preview.edited
        update(1 - mask, preview.node, preview.segment_id, reference)
        assert preview.edited
        np.testing.assert_array_equal(preview.mask(), 1 - mask)


def test_writing_after_an_edit_takes_over_again(preview: PreviewSegment, mask: np.ndarray, oblique_grid: Grid) -> None:
    paint(preview, mask, oblique_grid)
    preview.write(1 - mask)
    assert not preview.edited
    np.testing.assert_array_equal(seen(preview), 1 - mask)
    preview.write(mask)
    np.testing.assert_array_equal(seen(preview), mask)


def test_an_edit_taken_back_is_none(preview: PreviewSegment, mask: np.ndarray, oblique_grid: Grid) -> None:
    preview.write(mask)
    paint(preview, 1 - mask, oblique_grid)
    paint(preview, mask, oblique_grid)
    assert not preview.edited


def test_looks_names_and_surfaces_are_no_edits(preview: PreviewSegment, mask: np.ndarray) -> None:
    preview.write(mask)
    display = preview.node.GetDisplayNode()
    display.SetSegmentOpacity3D(preview.segment_id, 0.2)
    display.SetVisibility(False)
    segment = preview.node.GetSegmentation().GetSegment(preview.segment_id)
    segment.SetColor(1, 0, 0)
    segment.SetName("renamed")
    preview.surface(True)
    preview.surface(False)
    assert not preview.edited


def test_a_removed_segment_counts_as_emptied_and_comes_back(preview: PreviewSegment, mask: np.ndarray) -> None:
    preview.write(mask)
    preview.node.GetSegmentation().RemoveSegment(preview.segment_id)
    assert preview.edited
    assert not preview.mask().any()
    preview.write(mask)
    assert segment_names(preview.node) == ("Preview",)
    np.testing.assert_array_equal(seen(preview), mask)


def test_a_users_segment_in_the_same_layer_survives_every_write(
    preview: PreviewSegment, mask: np.ndarray, other: np.ndarray, oblique_grid: Grid
) -> None:
    preview.write(mask)
    users = add_segment(preview.node, LabelMap(other, oblique_grid), name="mine")
    preview.node.GetSegmentation().CollapseBinaryLabelmaps(False)
    assert shares_image(preview.node, users)
    assert not preview.edited
    np.testing.assert_array_equal(preview.mask(), mask)
    preview.write(1 - mask)
    np.testing.assert_array_equal(segment_mask(preview.node, users, oblique_grid).array_kji, other)
    np.testing.assert_array_equal(preview.mask(), 1 - mask)


def test_the_surface_is_made_on_demand_and_stays_while_writing(preview: PreviewSegment, mask: np.ndarray) -> None:
    segment = preview.node.GetSegmentation().GetSegment(preview.segment_id)
    preview.write(mask)
    assert segment.GetRepresentation(CLOSED_SURFACE) is None
    preview.surface(True)
    before = segment.GetRepresentation(CLOSED_SURFACE)
    assert before.GetNumberOfPoints() > 0
    preview.write(1 - mask)
    assert segment.GetRepresentation(CLOSED_SURFACE) is before
    preview.surface(True)
    assert segment.GetRepresentation(CLOSED_SURFACE).GetNumberOfPoints() > before.GetNumberOfPoints()
    preview.surface(False)
    assert segment.GetRepresentation(CLOSED_SURFACE) is None


def test_a_surface_is_not_made_again_of_the_same_voxels(preview: PreviewSegment, mask: np.ndarray) -> None:
    segment = preview.node.GetSegmentation().GetSegment(preview.segment_id)
    preview.write(mask)
    preview.surface(True)
    before = segment.GetRepresentation(CLOSED_SURFACE)
    preview.surface(True)
    assert segment.GetRepresentation(CLOSED_SURFACE) is before
    preview.write(mask)
    preview.surface(True)
    assert segment.GetRepresentation(CLOSED_SURFACE) is not before


def test_an_empty_preview_has_an_empty_surface(preview: PreviewSegment, mask: np.ndarray) -> None:
    preview.write(mask)
    preview.surface(True)
    preview.write(np.zeros_like(mask))
    preview.surface(True)
    segment = preview.node.GetSegmentation().GetSegment(preview.segment_id)
    assert segment.GetRepresentation(CLOSED_SURFACE).GetNumberOfPoints() == 0


def test_a_users_surface_stays_through_every_write(
    preview: PreviewSegment, mask: np.ndarray, other: np.ndarray, oblique_grid: Grid
) -> None:
    users = add_segment(preview.node, LabelMap(other, oblique_grid))
    preview.node.CreateClosedSurfaceRepresentation()
    before = preview.node.GetSegmentation().GetSegment(users).GetRepresentation(CLOSED_SURFACE)
    preview.write(mask)
    preview.surface(True)
    preview.surface(False)
    assert before.GetNumberOfPoints() > 0
    assert preview.node.GetSegmentation().GetSegment(users).GetRepresentation(CLOSED_SURFACE) is before


def test_the_surface_lies_around_the_voxels(preview: PreviewSegment, mask: np.ndarray, oblique_grid: Grid) -> None:
    preview.write(mask)
    preview.surface(True)
    surface = preview.node.GetSegmentation().GetSegment(preview.segment_id).GetRepresentation(CLOSED_SURFACE)
    lps = np.array([surface.GetPoint(index) for index in range(surface.GetNumberOfPoints())]) * (-1, -1, 1)
    ijk = oblique_grid.to_ijk(lps)
    np.testing.assert_allclose((ijk.min(axis=0) + ijk.max(axis=0)) / 2, (5.5, 7.0, 3.0), atol=0.05)
    assert np.all(np.abs(ijk.min(axis=0) - (2.75, 3.75, 1.75)) < 0.3)  # between the outer voxels' centres and borders


def test_a_volume_under_a_transform_is_covered_where_it_is_seen(scene: Any, reference: Any, mask: np.ndarray) -> None:
    put_under_turn(scene, reference)
    preview = PreviewSegment(scene, reference)
    preview.write(mask)
    np.testing.assert_array_equal(seen(preview), mask)
    np.testing.assert_array_equal(preview.mask(), mask)


def test_a_volume_whose_image_does_not_start_at_zero_is_covered_where_it_is_seen(
    scene: Any, reference: Any, mask: np.ndarray
) -> None:
    width, height, depth = mask.shape[::-1]
    reference.GetImageData().SetExtent(2, width + 1, -3, height - 4, 5, depth + 4)
    preview = PreviewSegment(scene, reference)
    preview.write(mask)
    np.testing.assert_array_equal(seen(preview), mask)
    preview.surface(True)
    surface = preview.node.GetSegmentation().GetSegment(preview.segment_id).GetRepresentation(CLOSED_SURFACE)
    lps = np.array(surface.GetCenter()) * (-1, -1, 1)
    labelled = np.argwhere(mask)[:, ::-1]
    middle = (labelled.min(axis=0) + labelled.max(axis=0)) / 2
    np.testing.assert_allclose(lps, grid_from_node(reference).to_lps(middle), atol=0.5)


def test_it_moves_with_a_transform_that_changes_later(scene: Any, reference: Any, mask: np.ndarray) -> None:
    put_under_turn(scene, reference)
    preview = PreviewSegment(scene, reference)
    preview.write(mask)
    reference.GetParentTransformNode().SetMatrixTransformToParent(matrix_to_vtk(TURN @ TURN))
    np.testing.assert_array_equal(seen(preview), mask)


@pytest.mark.parametrize("harden", [False, True])
def test_it_follows_a_transform_put_on_later_and_hardened(
    scene: Any, preview: PreviewSegment, mask: np.ndarray, other: np.ndarray, oblique_grid: Grid, harden: bool
) -> None:
    preview.write(mask)
    users = add_segment(preview.node, LabelMap(other, oblique_grid))
    put_under_turn(scene, preview.reference)
    if harden:
        preview.reference.HardenTransform()
    preview.follow()
    np.testing.assert_array_equal(seen(preview), mask)
    moved = segment_mask(preview.node, users, grid_from_node(preview.reference))
    np.testing.assert_array_equal(moved.array_kji, other)
    assert not preview.edited


def test_a_restored_node_is_taken_over(
    scene: Any, preview: PreviewSegment, mask: np.ndarray, oblique_grid: Grid, tmp_path: Path
) -> None:
    preview.write(mask)
    painted = mask.copy()
    painted[3, 6, 5] = 0
    paint(preview, painted, oblique_grid)
    path = save_scene(scene, tmp_path / "case.mrb")
    with HeadlessApplication() as application:
        load_scene(application.scene, path)
        node, reference = (application.scene.GetFirstNodeByName(name) for name in ("Preview", "oblique"))
        assert PreviewSegment(application.scene, reference, node=node, written=mask).edited
        again = PreviewSegment(application.scene, reference, node=node)
        assert not again.edited
        np.testing.assert_array_equal(again.mask(), painted)
        again.write(mask)
        np.testing.assert_array_equal(seen(again), mask)


def test_removed_or_closed_it_is_no_longer_alive(scene: Any, reference: Any, preview: PreviewSegment) -> None:
    assert preview.alive
    scene.Clear(0)
    assert not preview.alive
    again = PreviewSegment(scene, reference)
    again.remove()
    again.remove()
    assert not again.alive
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationDisplayNode") == 0
