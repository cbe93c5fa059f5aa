"""The preview and accepted segments under the hands of Slicer's own Segment Editor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer

from CAMLocalizerLib.core import LabelMap, Volume
from CAMLocalizerLib.mrml import PreviewSegment, add_segment, segment_mask, volume_to_node
from CAMLocalizerLib.mrml.geometry import matrix_to_vtk
from CAMLocalizerLib.mrml.images import array_from_image

TURN = np.array([[0, -1, 0, 11.0], [1, 0, 0, -7.0], [0, 0, 1, 3.0], [0, 0, 0, 1]])
Editor = slicer.vtkSlicerSegmentEditorLogic


@pytest.fixture
def reference(scene: Any, oblique_volume: Volume) -> Any:
    return volume_to_node(scene, oblique_volume)


@pytest.fixture
def preview(scene: Any, reference: Any) -> PreviewSegment:
    return PreviewSegment(scene, reference, "Preview")


@pytest.fixture
def box(label_map: LabelMap) -> np.ndarray:
    return (label_map.array_kji == 1).astype(np.uint8)


@pytest.fixture
def stroke(box: np.ndarray) -> np.ndarray:
    """A brush stroke across the box and beyond."""
    painted = np.zeros_like(box)
    painted[3, 8:14, 5] = 1
    return painted


class SegmentEditor:
    """What the desktop's editor does between a press and a release."""

    def __init__(self, scene: Any, node: Any, volume_node: Any) -> None:
        self.logic = Editor()
        self.logic.SetMRMLScene(scene)
        self.logic.SetSegmentEditorNode(scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
        self.logic.SetSegmentationNode(node)
        self.logic.SetSourceVolumeNode(volume_node)
        self.logic.UpdateReferenceGeometryImage()
        self.node = node

    def paint(self, segment_id: str, stroke: np.ndarray, mode: Any = Editor.ModificationModeAdd) -> None:
        self.logic.SaveStateForUndo()
        self.logic.SetCurrentSegmentID(segment_id)
        self.logic.ResetModifierLabelmapToDefault()
        modifier = self.logic.GetModifierLabelmap()
        array_from_image(modifier, "brush")[:] = stroke
        modifier.Modified()
        self.logic.ModifySegmentByLabelmap(self.node, segment_id, modifier, mode, False, False)


@pytest.fixture
def editor(scene: Any, preview: PreviewSegment, reference: Any) -> SegmentEditor:
    return SegmentEditor(scene, preview.node, reference)


def test_a_brush_stroke_is_an_edit_and_its_undo_is_none(
    preview: PreviewSegment, editor: SegmentEditor, box: np.ndarray, stroke: np.ndarray
) -> None:
    preview.write(box)
    editor.paint(preview.segment_id, stroke)
    assert preview.edited
    np.testing.assert_array_equal(preview.mask(), box | stroke)
    editor.logic.Undo()
    assert not preview.edited
    np.testing.assert_array_equal(preview.mask(), box)


def test_the_eraser_is_an_edit(
    preview: PreviewSegment, editor: SegmentEditor, box: np.ndarray, stroke: np.ndarray
) -> None:
    preview.write(box)
    editor.paint(preview.segment_id, stroke, Editor.ModificationModeRemove)
    assert preview.edited
    np.testing.assert_array_equal(preview.mask(), box & ~stroke)


def test_a_stroke_that_changes_nothing_is_no_edit(
    preview: PreviewSegment, editor: SegmentEditor, box: np.ndarray, stroke: np.ndarray
) -> None:
    preview.write(box)
    editor.paint(preview.segment_id, stroke & box)
    assert not preview.edited


def test_writing_after_strokes_takes_over_and_they_can_be_made_again(
    preview: PreviewSegment, editor: SegmentEditor, box: np.ndarray, stroke: np.ndarray
) -> None:
    preview.write(box)
    for _ in range(3):
        editor.paint(preview.segment_id, stroke)
        assert preview.edited
        preview.write(box)
        assert not preview.edited
        np.testing.assert_array_equal(preview.mask(), box)


def test_a_new_segment_of_the_user_beside_ours_is_kept(
    preview: PreviewSegment, editor: SegmentEditor, box: np.ndarray, stroke: np.ndarray, label_map: LabelMap
) -> None:
    preview.write(box)
    users = preview.node.GetSegmentation().AddEmptySegment("", "mine")
    assert not preview.edited
    editor.paint(users, stroke)  # the editor's default takes the voxels away from other segments
    assert preview.edited
    np.testing.assert_array_equal(preview.mask(), box & ~stroke)
    for mask in (1 - box, box):
        preview.write(mask)
        np.testing.assert_array_equal(segment_mask(preview.node, users, label_map.grid).array_kji, stroke)
        np.testing.assert_array_equal(preview.mask(), mask)


def test_strokes_go_right_under_a_transform(
    scene: Any, preview: PreviewSegment, box: np.ndarray, stroke: np.ndarray
) -> None:
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    transform.SetMatrixTransformToParent(matrix_to_vtk(TURN))
    preview.reference.SetAndObserveTransformNodeID(transform.GetID())
    preview.write(box)
    SegmentEditor(scene, preview.node, preview.reference).paint(preview.segment_id, stroke)
    np.testing.assert_array_equal(preview.mask(), box | stroke)


def test_an_accepted_segment_shows_its_edits(
    scene: Any, reference: Any, box: np.ndarray, stroke: np.ndarray, label_map: LabelMap
) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    accepted = add_segment(node, LabelMap(box, label_map.grid))
    SegmentEditor(scene, node, reference).paint(accepted, stroke)
    np.testing.assert_array_equal(segment_mask(node, accepted, label_map.grid).array_kji, box | stroke)
