"""The workbench on a real scene: choose, run, review, accept, undo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_stand_ins import Bench, draw, failed, names, run_to_end

from CAMLocalizerLib.core import GridError, ModelError, SettingsError
from CAMLocalizerLib.workbench import Availability

PREVIEW = "CAMLocalizerPreview"


def preview_mask(workbench: Any) -> np.ndarray:
    from CAMLocalizerLib.mrml import segment_mask

    grid = workbench.review.found.volume.grid
    return segment_mask(workbench.preview_node, PREVIEW, grid).array_kji


def available(workbench: Any) -> Availability:
    return Availability(workbench)


def shift(*mm: float) -> Any:
    from CAMLocalizerLib.mrml.geometry import matrix_to_vtk

    matrix = np.eye(4)
    matrix[:3, 3] = mm
    return matrix_to_vtk(matrix)


def accepted_masks(workbench: Any) -> dict[str, np.ndarray]:
    from CAMLocalizerLib.mrml import segment_ids, segment_mask

    node, grid = workbench.output_node, workbench.review.found.volume.grid
    found = (segment_mask(node, each, grid) for each in ([] if node is None else segment_ids(node)))
    return {label_map.segments[0]: label_map.array_kji for label_map in found}


def test_a_run_shows_activation_and_label_map(workbench: Any) -> None:
    from CAMLocalizerLib.mrml import volume_from_node

    review = workbench.review
    np.testing.assert_array_equal(preview_mask(workbench), review.mask)
    np.testing.assert_array_equal(volume_from_node(workbench.activation_node).array_kji, review.activation)
    assert workbench.status.sentence == "Tumour in 5 of 9 axial slices (probability 0.86). Note: ran on everything."


def test_the_status_follows_the_job(bench: Bench, volume_node: Any) -> None:
    workbench = bench.workbench()
    workbench.choose_volume(volume_node)
    assert workbench.run()
    assert workbench.status.sentence == "Starting the classifier…"
    assert workbench.poll().sentence == "Starting the classifier… PyTorch is being loaded"
    assert workbench.poll().sentence == "3 of 9 slices, about 8 s left"
    assert workbench.status.fraction == pytest.approx(1 / 3)
    assert workbench.running
    assert workbench.poll().state == "done"
    assert not workbench.running


@pytest.mark.parametrize("polls", [0, 1, 2])
def test_a_cancelled_run_leaves_the_scene_as_it_was(bench: Bench, volume_node: Any, polls: int) -> None:
    workbench = bench.workbench()
    workbench.choose_volume(volume_node)
    before = names(bench.scene)
    workbench.run()
    for _ in range(polls):
        workbench.poll()
    workbench.cancel()
    assert bench.jobs[0].cancelled
    assert names(bench.scene) == before
    assert (workbench.status.state, workbench.status.sentence) == ("cancelled", "Cancelled")
    assert workbench.poll().state == "cancelled"
    assert workbench.review is None


def test_a_failed_run_tells_its_sentence_and_log(bench: Bench, volume_node: Any) -> None:
    bench.steps = failed(Path("kept.log"))
    workbench = bench.workbench()
    workbench.choose_volume(volume_node)
    before = names(bench.scene)
    run_to_end(workbench)
    assert "memory ran out. The log is kept.log" in workbench.status.sentence
    assert names(bench.scene) == before
    assert workbench.status.log == Path("kept.log")


def test_closing_the_scene_during_a_run_ends_it(bench: Bench, volume_node: Any) -> None:
    workbench = bench.workbench()
    workbench.choose_volume(volume_node)
    workbench.run()
    bench.scene.Clear(0)
    assert bench.jobs[0].cancelled
    assert workbench.poll().sentence == "Cancelled: the scene was closed"
    assert workbench.volume_node is None
    assert bench.scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_closing_the_scene_ends_the_review(workbench: Any) -> None:
    heard: list[Any] = []
    workbench.subscribe(lambda: heard.append(workbench.review))
    workbench.scene.Clear(0)
    assert heard == [None]
    assert workbench.status.sentence == ""
    assert available(workbench).accept_blocker() == "Find tumours first."
    workbench.on_pause()


def test_a_volume_removed_during_a_run_stops_it(bench: Bench, volume_node: Any) -> None:
    workbench = bench.workbench()
    workbench.choose_volume(volume_node)
    workbench.run()
    bench.scene.RemoveNode(volume_node)
    assert workbench.poll().sentence == "oblique was removed from the scene. The run was stopped."
    assert bench.jobs[0].cancelled
    assert available(workbench).run_blocker() == "Choose a volume first."


def test_a_volume_changed_during_a_run_stops_it(bench: Bench, volume_node: Any) -> None:
    workbench = bench.workbench()
    workbench.choose_volume(volume_node)
    workbench.run()
    volume_node.GetImageData().GetPointData().GetScalars().Modified()
    assert "was changed" in workbench.poll().sentence
    assert workbench.review is None


def test_a_volume_moved_after_the_run_is_said(workbench: Any) -> None:
    transform = workbench.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    transform.SetMatrixTransformToParent(shift(25.0, 0.0, 0.0))
    assert workbench.notice() == ""
    workbench.volume_node.SetAndObserveTransformNodeID(transform.GetID())
    assert available(workbench).accept_blocker() == "oblique was moved after the run; move it back or run again."
    assert available(workbench).export_blocker() == workbench.notice()
    workbench.volume_node.SetAndObserveTransformNodeID(None)
    assert available(workbench).accept_blocker() == ""


def test_a_volume_under_a_transform_is_looked_at_where_it_is(bench: Bench, volume_node: Any) -> None:
    transform = bench.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    transform.SetMatrixTransformToParent(shift(0.0, -40.0, 0.0))
    volume_node.SetAndObserveTransformNodeID(transform.GetID())
    workbench = bench.workbench()
    workbench.choose_volume(volume_node)
    review = run_to_end(workbench)
    review.accept()
    np.testing.assert_array_equal(accepted_masks(workbench)["Tumour 1"], review.mask)
    np.testing.assert_array_equal(preview_mask(workbench), review.mask)


def test_the_preview_follows_every_interaction_and_its_undo(workbench: Any) -> None:
    review = workbench.review
    first = preview_mask(workbench)
    review.set_threshold("0.3", preview=True)
    np.testing.assert_array_equal(preview_mask(workbench), review.mask)
    review.reject_component(1)
    np.testing.assert_array_equal(preview_mask(workbench), review.mask)
    review.set_scales((3,))
    np.testing.assert_array_equal(preview_mask(workbench), review.mask)
    while review.undo():
        np.testing.assert_array_equal(preview_mask(workbench), review.mask)
    np.testing.assert_array_equal(preview_mask(workbench), first)


def test_the_activation_follows_the_scales(workbench: Any) -> None:
    from CAMLocalizerLib.mrml import volume_from_node

    for interaction in (lambda: workbench.review.set_scales((2, 3)), workbench.review.undo):
        interaction()
        shown = volume_from_node(workbench.activation_node).array_kji
        np.testing.assert_array_equal(shown, workbench.review.activation)


def test_the_surface_is_built_in_a_pause(workbench: Any) -> None:
    segmentation = workbench.preview_node.GetSegmentation()
    workbench.review.set_threshold("0.3", preview=True)
    assert not segmentation.ContainsRepresentation("Closed surface")
    workbench.on_pause()
    assert segmentation.ContainsRepresentation("Closed surface")
    workbench.show_surface = False
    workbench.on_pause()
    assert not segmentation.ContainsRepresentation("Closed surface")


def test_accepted_segments_come_and_go_with_undo(workbench: Any) -> None:
    review = workbench.review
    before = names(workbench.scene)
    review.accept()
    mask = review.mask.copy()
    review.set_threshold("0.3")
    review.accept("Metastasis")
    masks = accepted_masks(workbench)
    assert list(masks) == ["Tumour 1", "Metastasis"]
    np.testing.assert_array_equal(masks["Tumour 1"], mask)
    np.testing.assert_array_equal(masks["Metastasis"], review.mask)
    review.withdraw(0)
    assert list(accepted_masks(workbench)) == ["Metastasis"]
    review.undo()
    assert set(accepted_masks(workbench)) == {"Tumour 1", "Metastasis"}
    while review.undo():
        pass
    assert accepted_masks(workbench) == {}
    assert names(workbench.scene) == before


def test_accepted_segments_tell_where_they_come_from(workbench: Any) -> None:
    from vtkmodules.vtkCommonCore import reference

    segment = workbench.review.accept()
    node = workbench.output_node
    value = reference("")
    for tag, expected in segment.tags().items():
        assert node.GetSegmentation().GetNthSegment(0).GetTag(tag, value)
        assert str(value) == expected


def test_the_users_own_segmentation_keeps_its_segments(bench: Bench, workbench: Any) -> None:
    from CAMLocalizerLib.core import LabelMap
    from CAMLocalizerLib.mrml import add_segment

    own = workbench.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    grid = workbench.review.found.volume.grid
    box = np.zeros(grid.shape_kji, np.uint8)
    box[1:4, 2:20, 2:18] = 1
    add_segment(own, LabelMap(box, grid), name="Tumour 1")
    workbench.choose_output(own)
    assert workbench.review.accept().name == "Tumour 2"
    np.testing.assert_array_equal(accepted_masks(workbench)["Tumour 1"], box)
    workbench.review.undo()
    assert list(accepted_masks(workbench)) == ["Tumour 1"]
    np.testing.assert_array_equal(accepted_masks(workbench)["Tumour 1"], box)
    assert bench.questions == []


def test_edits_of_the_preview_are_lost_only_after_asking(bench: Bench, workbench: Any) -> None:
    review = workbench.review
    draw(workbench.preview_node, PREVIEW, (8, 20, 18))
    edited = preview_mask(workbench)
    assert edited[8, 20, 18] == 1
    assert review.edited
    assert not review.set_threshold("0.3")
    assert review.settings.threshold == "0.2"
    np.testing.assert_array_equal(preview_mask(workbench), edited)
    bench.answer = True
    assert review.set_threshold("0.3")
    np.testing.assert_array_equal(preview_mask(workbench), review.mask)
    assert len(bench.questions) == 2
    assert bench.questions[0].startswith("The tumour preview was edited by hand. This change draws it anew")


def test_edits_of_the_preview_are_accepted_with_it_and_then_no_longer_asked_about(bench: Bench, workbench: Any) -> None:
    review = workbench.review
    draw(workbench.preview_node, PREVIEW, (8, 20, 18))
    segment = review.accept()
    assert segment.edited
    assert segment.mask[8, 20, 18] == 1
    assert segment.mask.sum() == review.mask.sum() + 1
    np.testing.assert_array_equal(accepted_masks(workbench)["Tumour 1"], segment.mask)
    assert review.set_threshold("0.3")
    assert bench.questions == []


def test_undoing_an_accept_asks_where_its_segment_was_edited(bench: Bench, workbench: Any) -> None:
    review = workbench.review
    review.accept()
    from CAMLocalizerLib.mrml import segment_ids

    peak = review.components[0].peak_kji
    draw(workbench.output_node, segment_ids(workbench.output_node)[0], peak, 0)
    assert not review.undo()
    assert accepted_masks(workbench)["Tumour 1"][peak] == 0
    assert bench.questions == ["Tumour 1 was edited after it was accepted. Taking it back loses the edits. Continue?"]
    bench.answer = True
    assert review.undo()
    assert workbench.output_node is None


def test_a_second_run_asks_before_edits_are_lost(bench: Bench, workbench: Any) -> None:
    draw(workbench.preview_node, PREVIEW, (8, 20, 18))
    assert not workbench.run()
    assert len(bench.jobs) == 1
    assert not workbench.running


def test_disabled_buttons_say_why(bench: Bench, scene: Any, volume_node: Any, monkeypatch: Any) -> None:
    workbench = bench.workbench()
    assert available(workbench).run_blocker() == "Choose a volume first."
    with pytest.raises(SettingsError, match="Choose a volume first"):
        workbench.run()
    assert available(workbench).accept_blocker() == available(workbench).undo_blocker() == "Find tumours first."
    workbench.choose_volume(volume_node)
    assert available(workbench).run_blocker() == ""
    assert available(workbench).cancel_blocker() == "Nothing is running."
    workbench.run()
    assert available(workbench).run_blocker() == "The classifier is running; cancel it first."
    with pytest.raises(SettingsError, match="cancel it before"):
        workbench.choose_volume(None)
    while workbench.poll().running:
        pass
    assert available(workbench).undo_blocker() == "There is nothing to undo."
    assert available(workbench).redo_blocker() == "There is nothing to redo."
    assert available(workbench).accept_blocker() == available(workbench).export_blocker() == ""
    workbench.review.set_threshold("1.0")
    workbench.review.set_min_volume_ml(100)
    assert available(workbench).accept_blocker() == "The label map is empty; lower the threshold or keep a component."
    assert available(workbench).undo_blocker() == ""


def test_the_volumes_of_a_scene_have_reviews_of_their_own(bench: Bench, workbench: Any, found: Any) -> None:
    from CAMLocalizerLib.mrml import volume_to_node

    one = workbench.volume_node
    workbench.review.set_threshold("0.3")
    workbench.review.reject_component(1)
    mask, preview = workbench.review.mask.copy(), workbench.preview_node
    other = volume_to_node(workbench.scene, found.volume, name="other")
    workbench.choose_volume(other)
    assert workbench.review is None
    assert not preview.GetDisplayNode().GetVisibility()
    run_to_end(workbench)
    assert workbench.preview_node is not preview
    workbench.choose_volume(one)
    assert workbench.preview_node is preview
    assert preview.GetDisplayNode().GetVisibility()
    np.testing.assert_array_equal(workbench.review.mask, mask)
    assert bench.questions == []


def test_slice_views_jump_to_images_and_components(workbench: Any) -> None:
    scene, review = workbench.scene, workbench.review
    for name in ("Axial", "Coronal", "Sagittal"):
        node = scene.AddNewNodeByClass("vtkMRMLSliceNode", name)
        node.SetLayoutName(name)
        node.SetOrientation(name)
    for index in (0, 3, 8):
        workbench.jump_to_image(index)
        assert workbench.image_in_view == index
    workbench.jump_to_component(2)
    k, j, i = review.components[1].peak_kji
    x, y, z = review.found.volume.grid.to_lps((i, j, k))
    for name in ("Axial", "Coronal", "Sagittal"):
        matrix = scene.GetFirstNodeByName(name).GetSliceToRAS()
        normal, origin = ([matrix.GetElement(row, column) for row in range(3)] for column in (2, 3))
        assert np.dot(normal, origin) == pytest.approx(np.dot(normal, (-x, -y, z)))
    with pytest.raises(SettingsError, match="there is no component 99"):
        workbench.jump_to_component(99)
    with pytest.raises(SettingsError, match="there is no slice 9"):
        workbench.jump_to_image(9)


def test_nodes_that_the_user_deletes_come_back_with_the_next_interaction(workbench: Any) -> None:
    scene, review = workbench.scene, workbench.review
    review.accept()
    scene.RemoveNode(workbench.preview_node)
    scene.RemoveNode(workbench.activation_node)
    assert workbench.preview_node is workbench.activation_node is workbench.layer is None
    workbench.on_pause()
    review.set_threshold("0.3")
    np.testing.assert_array_equal(preview_mask(workbench), review.mask)
    assert workbench.activation_node.GetScene() is scene
    review.undo()
    review.undo()
    assert workbench.output_node is None


def test_an_accepted_segment_that_the_user_deleted_is_no_obstacle(workbench: Any) -> None:
    from CAMLocalizerLib.core import LabelMap
    from CAMLocalizerLib.mrml import add_segment, segment_ids, segment_names

    workbench.review.accept()
    node = workbench.output_node
    node.GetSegmentation().RemoveSegment(segment_ids(node)[0])
    add_segment(node, LabelMap(workbench.review.mask, workbench.review.found.volume.grid), name="mine")
    workbench.review.undo()
    assert segment_names(node) == ("mine",)
    workbench.review.redo()
    assert segment_names(node) == ("mine", "Tumour 1")


def test_an_output_of_surfaces_is_refused_before_anything_changes(workbench: Any) -> None:
    from vtkmodules.vtkFiltersSources import vtkSphereSource

    node = workbench.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "surfaces")
    ball = vtkSphereSource()
    ball.Update()
    node.SetSourceRepresentationToClosedSurface()
    node.AddSegmentFromClosedSurfaceRepresentation(ball.GetOutput(), "ball", [1.0, 0.0, 0.0], "ball")
    workbench.choose_output(node)
    with pytest.raises(SettingsError, match="segments of surfaces are surfaces, not voxels"):
        workbench.review.accept()
    assert workbench.review.accepted == ()
    assert not workbench.review.can_undo


def test_edits_made_during_a_run_are_asked_about_at_its_end(bench: Bench, workbench: Any) -> None:
    first = workbench.review
    workbench.run()
    draw(workbench.preview_node, PREVIEW, (8, 20, 18))
    while workbench.poll().running:
        pass
    assert workbench.review is first
    assert workbench.status.sentence == "The edits of the preview were kept, and the new run was left"
    assert preview_mask(workbench)[8, 20, 18] == 1
    bench.answer = True
    run_to_end(workbench)
    assert workbench.review is not first
    assert len(bench.questions) == 2


def test_a_model_for_the_unit_of_the_voxels_is_suggested(bench: Bench, scene: Any, tmp_path: Path, monkeypatch) -> None:
    from finding_stand_ins import make_card

    from CAMLocalizerLib.core import Grid, Volume
    from CAMLocalizerLib.mrml import volume_to_node

    changes = {"views": ("coronal", "sagittal"), "projections": True, "size": (32, 32), "target": "class"}
    for card in (make_card(name="brain"), make_card(name="body", unit="SUVbw", **changes)):
        (tmp_path / card.name).mkdir()
        (tmp_path / card.name / "model.json").write_text(card.to_json())
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "model.json").write_text("{}")
    monkeypatch.setattr("CAMLocalizerLib.models.search._candidates", lambda: iter([tmp_path]))
    grid = Grid((4, 4, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))
    array = np.arange(64, dtype=np.float32).reshape(4, 4, 4)
    workbench = bench.workbench()
    assert list(workbench.models()) == ["body", "brain"]
    workbench.choose_volume(volume_to_node(scene, Volume(array, grid, unit="SUVbw")))
    assert workbench.model == "body"
    workbench.choose_volume(volume_to_node(scene, Volume(array, grid)))
    assert workbench.model == "brain"
    workbench.choose_model("body")
    assert workbench.model == "body"
    with pytest.raises(ModelError, match="unknown model 'other'"):
        workbench.choose_model("other")


def test_a_review_whose_model_ran_elsewhere_is_shown(bench: Bench, volume_node: Any, found: Any) -> None:
    from dataclasses import replace

    from finding_stand_ins import localization_of

    from CAMLocalizerLib.workbench import Review

    workbench = bench.workbench()
    workbench.choose_volume(volume_node)
    review = Review(found, host=workbench)
    workbench.show(review)
    assert workbench.review is review
    assert workbench.status.state == "done"
    np.testing.assert_array_equal(preview_mask(workbench), review.mask)
    elsewhere = replace(found.volume, grid=replace(found.volume.grid, origin_mm=(0.0, 0.0, 0.0)))
    with pytest.raises(GridError, match="the review is not of"):
        workbench.show(Review(localization_of(elsewhere, found.card), host=workbench))
    workbench.close()


def test_every_change_is_in_a_scene_saved_after_it(workbench: Any) -> None:
    from CAMLocalizerLib.mrml import load_review

    review = workbench.review

    def stored() -> tuple[str, list[int]]:
        workbench.on_pause()
        payload, arrays = load_review(workbench.scene, workbench.volume_node)
        packed = [name for name in arrays if name.startswith("accepted-")]
        return payload["settings"]["threshold"], [int(np.unpackbits(arrays[name]).sum()) for name in packed]

    for threshold in ("0.3", "0.4", "0.25"):
        review.set_threshold(threshold)
        review.accept()
        assert stored() == (threshold, [int(review.mask.sum())])
        review.undo()
        assert stored() == (threshold, [])
