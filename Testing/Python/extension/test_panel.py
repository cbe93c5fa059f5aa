"""The panel's interactions, on stand-ins for its widgets and on the real scene."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from CAMLocalizerLib.core import SuvMeasures
from CAMLocalizerLib.workbench.presenter import volume_text

RESIZE, RELEASE, MOVE = 14, 3, 5


def follow(widget: Any) -> None:
    """Let the panel apply the user's last interaction."""
    widget.controls.interactions.update_timer.fire()


def pause(widget: Any) -> None:
    """Let the user pause."""
    widget.controls.interactions.pause_timer.fire()


def shown_mask(widget: Any) -> np.ndarray:
    from CAMLocalizerLib.mrml import segmentation_from_node

    return segmentation_from_node(widget.workbench.preview_node).array_kji


def test_before_a_run_only_run_can_be_pressed(widget: Any) -> None:
    ui = widget.ui
    assert ui.runButton.enabled
    assert not ui.reviewSection.enabled
    for button in (ui.undoButton, ui.redoButton, ui.resetButton, ui.acceptButton, ui.exportButton):
        assert not button.enabled
        assert button.toolTip == "Find tumours first."


def test_without_a_volume_run_tells_what_is_missing(widget: Any) -> None:
    widget.ui.inputSelector.setCurrentNode(None)
    assert not widget.ui.runButton.enabled
    assert widget.ui.runButton.toolTip == "Choose a volume first."
    assert widget.ui.statusLabel.text == "Choose a volume first."


def test_run_turns_into_cancel_and_tells_how_far_it_is(widget: Any) -> None:
    ui = widget.ui
    ui.runButton.click()
    assert (ui.runButton.text, ui.progressBar.visible, ui.inputSelector.enabled) == ("Cancel", True, False)
    widget.controls.run.poll_timer.fire()
    assert (ui.progressBar.value, ui.progressBar.maximum) == (2, 5)
    assert ui.progressBar.format == "2 of 5 slices, about 4 s left"
    widget.controls.run.poll_timer.fire()
    assert (ui.runButton.text, ui.progressBar.visible, ui.inputSelector.enabled) == ("Find tumours", False, True)
    assert "5 axial slices" in ui.statusLabel.text
    assert not widget.controls.run.poll_timer.active


def test_after_a_run_the_views_go_to_the_largest_component(widget: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    jumps: list[int] = []
    monkeypatch.setattr(widget.workbench, "jump_to_component", jumps.append)
    widget.ui.runButton.click()
    widget.controls.run.poll_timer.fire()
    assert jumps == []
    widget.controls.run.poll_timer.fire()
    assert jumps == [1]


def test_cancel_leaves_nothing_and_another_run_is_possible(widget: Any, job: Any, application: Any) -> None:
    before = application.scene.GetNumberOfNodes()
    widget.ui.runButton.click()
    widget.controls.run.poll_timer.fire()
    widget.ui.runButton.click()
    assert job.last.cancelled
    assert application.scene.GetNumberOfNodes() == before
    assert widget.ui.statusLabel.text == "Cancelled"
    assert widget.ui.runButton.enabled
    assert widget.ui.runButton.text == "Find tumours"


def test_the_job_gets_what_was_chosen(widget: Any, job: Any) -> None:
    ui = widget.ui
    ui.viewSelector.currentIndex, ui.deviceSelector.currentIndex = 2, 1
    ui.runButton.click()
    request = job.last.request
    assert (request.model, request.view, request.device) == ("brain-t1ce", "coronal", "cpu")


def test_a_model_of_projections_has_no_choice_of_view(widget: Any) -> None:
    widget.ui.modelSelector.choose("pet-fdg")
    assert not widget.ui.viewSelector.enabled
    assert widget.logic.getParameterNode().model == "pet-fdg"


def test_projections_have_an_uptake_border_and_no_refinement(widget: Any) -> None:
    ui = widget.ui
    ui.modelSelector.choose("pet-fdg")
    ui.runButton.click()
    widget.controls.run.poll_timer.fire()
    widget.controls.run.poll_timer.fire()
    assert ui.probabilityLabel.text == "Tumour probability of each projection:"
    assert ui.borderSelector.visible
    assert ui.borderLabel.visible
    assert not ui.refinementSelector.visible
    assert (ui.scalePicture0.visible, ui.scaleCheckBox0.visible) == (True, False)  # one map: nothing to choose
    ui.borderSelector.choose("suv4")
    follow(widget)
    assert widget.review.settings.uptake_border == "suv4"
    ui.probabilityPicture.press(10)
    follow(widget)


def test_the_threshold_follows_the_hand_and_becomes_one_step(reviewing: Any) -> None:
    ui, before = reviewing.ui, shown_mask(reviewing)
    for value in (60.0, 55.0, 40.0):
        ui.thresholdSlider.value = value
    follow(reviewing)
    assert ui.thresholdSpinBox.value == 40.0
    assert shown_mask(reviewing).sum() > before.sum()
    follow_steps = reviewing.review.can_undo
    pause(reviewing)
    assert follow_steps
    assert ui.undoButton.toolTip == "Take back: threshold 0.4 (Ctrl+Z)."
    ui.undoButton.click()
    np.testing.assert_array_equal(shown_mask(reviewing), before)
    assert ui.thresholdSlider.value == 50.0
    assert not ui.undoButton.enabled
    assert ui.redoButton.enabled


def test_an_interaction_does_not_end_while_a_button_is_held(reviewing: Any) -> None:
    import qt

    reviewing.ui.thresholdSlider.value = 30.0
    follow(reviewing)
    qt.QApplication.mouseButtons = lambda: 1
    pause(reviewing)
    assert reviewing.controls.interactions.pause_timer.active
    assert reviewing.review.undo_text == "threshold 0.3"
    qt.QApplication.mouseButtons = lambda: 0
    pause(reviewing)
    assert not reviewing.controls.interactions.pause_timer.active


@pytest.mark.parametrize("method", ["percentile", "otsu"])
def test_the_threshold_can_be_chosen_in_other_ways(reviewing: Any, method: str) -> None:
    reviewing.ui.thresholdMethod.choose(method)
    follow(reviewing)
    assert reviewing.review.settings.threshold.startswith({"percentile": "q9", "otsu": "otsu"}[method])
    assert reviewing.ui.thresholdMethod.itemData(reviewing.ui.thresholdMethod.currentIndex) == method
    assert reviewing.ui.thresholdSlider.enabled == (method != "otsu")


def test_back_from_otsu_the_threshold_stays_where_it_is(reviewing: Any) -> None:
    reviewing.ui.thresholdMethod.choose("otsu")
    follow(reviewing)
    before = reviewing.review.threshold_value
    reviewing.ui.thresholdMethod.choose("fixed")
    follow(reviewing)
    assert float(reviewing.review.settings.threshold) == pytest.approx(before, abs=1e-3)


def test_the_histogram_is_dragged(reviewing: Any) -> None:
    picture = reviewing.ui.histogramPicture
    picture.press(picture.width // 4)
    follow(reviewing)
    assert reviewing.review.settings.threshold == "0.25"
    picture.press(picture.width, RELEASE)
    assert not reviewing.controls.interactions.pending


def test_scales_are_chosen_by_box_and_by_picture(reviewing: Any) -> None:
    ui = reviewing.ui
    assert [ui.scaleCheckBox0.checked, ui.scaleCheckBox1.checked] == [True, True]
    assert not ui.scaleCheckBox2.visible
    ui.scalePicture1.press(5)
    ui.scalePicture1.press(9, MOVE)
    follow(reviewing)
    assert reviewing.review.settings.scales == (1,)
    ui.scaleCheckBox1.click()
    follow(reviewing)
    assert reviewing.review.settings.scales == (1, 2)


def test_the_last_scale_stays_and_the_panel_says_so(reviewing: Any) -> None:
    ui = reviewing.ui
    ui.scaleCheckBox0.click()
    ui.scaleCheckBox1.click()
    follow(reviewing)
    assert ui.acceptMessage.text == "no scale is selected; keep at least one"
    assert (ui.scaleCheckBox0.checked, ui.scaleCheckBox1.checked) == (True, True)


def test_a_weight_changes_the_map(reviewing: Any) -> None:
    reviewing.ui.scaleWeight0.value = 0.0
    follow(reviewing)
    pause(reviewing)
    assert dict(reviewing.review.settings.weights)[1] == 0.0
    assert reviewing.review.activation[3, 16, 20] == 0


def test_the_table_lists_components_and_leaves_one_out(reviewing: Any) -> None:
    ui, table = reviewing.ui, reviewing.ui.componentsTable
    ui.thresholdSlider.value = 20.0
    follow(reviewing)
    assert table.rowCount == 2
    assert table.item(0, 1).text() == f"{reviewing.review.components[0].volume_ml:.2f}"
    table.tick(1, 0, False)
    follow(reviewing)
    assert [component.kept for component in reviewing.review.components] == [True, False]
    assert shown_mask(reviewing)[3, 16, 20] == 0
    assert reviewing.ui.volumeLabel.text == volume_text(reviewing.review.components[0].volume_ml)


def test_the_table_of_a_pet_has_its_measures(reviewing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ui, table = reviewing.ui, reviewing.ui.componentsTable
    assert table.titles == ["Keep", "Volume (ml)", "Centre (mm)", "Peak"]
    assert not ui.suvLabel.visible
    measured = SuvMeasures(7.25, 4.0, 6.5, 2.0, 8.0)
    listed = tuple(replace(component, suv=measured) for component in reviewing.review.components)
    monkeypatch.setattr(type(reviewing.review), "components", listed)
    monkeypatch.setattr(type(reviewing.review), "suv_total", measured)
    reviewing.controls.components.show(reviewing.review)
    assert table.titles[4:] == ["SUVmax (g/ml)", "SUVmean (g/ml)", "SUVpeak (g/ml)", "MTV (ml)", "TLG (g)"]
    assert [table.item(0, column).text() for column in range(4, 9)] == ["7.25", "4.00", "6.50", "2.00", "8.0"]
    assert ui.suvLabel.visible
    assert ui.suvLabel.text.startswith("All kept: SUVmax 7.25 g/ml, ")


def test_a_click_on_a_component_moves_the_slices(reviewing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    jumps: list[int] = []
    monkeypatch.setattr(reviewing.workbench, "jump_to_component", jumps.append)
    reviewing.ui.componentsTable.emit("cellClicked(int,int)", 0, 2)
    follow(reviewing)
    assert jumps == [1]


def test_a_click_on_the_probabilities_moves_the_slices(reviewing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    jumps: list[int] = []
    monkeypatch.setattr(reviewing.workbench, "jump_to_image", jumps.append)
    picture = reviewing.ui.probabilityPicture
    picture.press(picture.width // 2)
    follow(reviewing)
    picture.press(picture.width)
    follow(reviewing)
    assert jumps == [2, 4]


@pytest.mark.parametrize(
    ("name", "value", "setting", "expected"),
    [
        ("minVolumeSpinBox", 0.5, "min_volume_ml", 0.5),
        ("probabilityLimitSlider", 0.7, "probability_limit", 0.7),
        ("keepLargestSpinBox", 1, "keep_largest", 1),
    ],
)
def test_more_settings_reach_the_review(reviewing: Any, name: str, value: float, setting: str, expected: float) -> None:
    getattr(reviewing.ui, name).value = value
    follow(reviewing)
    assert getattr(reviewing.review.settings, setting) == expected


def test_refinement_and_normalisation_are_chosen_from_lists(reviewing: Any) -> None:
    reviewing.ui.refinementSelector.choose("geodesic")
    reviewing.ui.normalisationSelector.choose("slice")
    follow(reviewing)
    assert reviewing.review.settings.refinement == "geodesic"
    assert reviewing.review.settings.normalisation == "slice"
    assert not reviewing.ui.borderSelector.visible
    assert not reviewing.ui.borderLabel.visible


def test_reset_goes_back_to_the_models_settings(reviewing: Any) -> None:
    reviewing.ui.thresholdSlider.value = 20.0
    follow(reviewing)
    reviewing.ui.resetButton.click()
    assert reviewing.ui.thresholdSlider.value == 50.0


def test_accept_makes_a_segment_and_undo_takes_it_back(reviewing: Any) -> None:
    reviewing.ui.acceptButton.click()
    output = reviewing.parameter_node.outputSegmentation
    assert output.GetSegmentation().GetNthSegment(0).GetName() == "Tumour 1"
    assert reviewing.ui.acceptMessage.text.startswith("Tumour 1 was accepted")
    reviewing.ui.undoButton.click()
    assert reviewing.parameter_node.outputSegmentation is None


def test_the_users_own_segmentation_keeps_its_segments(reviewing: Any, application: Any) -> None:
    own = application.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    own.GetSegmentation().AddEmptySegment("a", "Bone")
    reviewing.ui.outputSelector.setCurrentNode(own)
    reviewing.ui.acceptButton.click()
    names = [own.GetSegmentation().GetNthSegment(index).GetName() for index in range(2)]
    assert names == ["Bone", "Tumour 1"]
    reviewing.ui.undoButton.click()
    assert own.GetSegmentation().GetNumberOfSegments() == 1


def test_edits_by_hand_are_kept_if_the_reviewer_says_so(reviewing: Any) -> None:
    import slicer

    preview = reviewing.workbench.preview_node
    image = preview.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
    from vtkmodules.util.numpy_support import vtk_to_numpy

    vtk_to_numpy(image.GetPointData().GetScalars())[:40] = 1
    image.Modified()
    slicer.app.answer = False
    reviewing.ui.thresholdSlider.value = 20.0
    follow(reviewing)
    assert "edited by hand" in slicer.app.questions[0]
    assert reviewing.review.settings.threshold == "0.5"
    assert reviewing.ui.thresholdSlider.value == 50.0
    assert shown_mask(reviewing).ravel()[:40].all()


def test_export_writes_the_case_and_asks_before_it_replaces(reviewing: Any, tmp_path: Path) -> None:
    import slicer

    reviewing.ui.exportFolderButton.directory = str(tmp_path)
    reviewing.ui.exportButton.click()
    (case,) = tmp_path.iterdir()
    assert reviewing.ui.exportMessage.text == f"Written to {case}."
    assert slicer.app.questions == []
    slicer.app.answer = False
    reviewing.ui.exportButton.click()
    assert str(case) in slicer.app.questions[0]


def test_the_pictures_are_drawn_anew_in_another_size(reviewing: Any) -> None:
    picture = reviewing.ui.histogramPicture
    assert picture.picture.size == (400, 60)
    picture.width = 300
    picture.press(0, RESIZE)
    follow(reviewing)
    assert picture.picture.size == (300, 60)


def test_the_overlay_follows_opacity_and_legend(reviewing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict] = []
    monkeypatch.setattr(reviewing.workbench.layer, "show", lambda **given: shown.append(given))
    reviewing.ui.opacitySlider.value = 0.25
    reviewing.ui.legendCheckBox.checked = False
    assert shown[0]["opacity"] == 0.25
    assert shown[-1] == {"opacity": 0.25, "legend": False}


def test_own_nodes_are_not_offered(reviewing: Any, application: Any) -> None:
    from CAMLocalizerLib.mrml import first_scan

    ui, workbench = reviewing.ui, reviewing.workbench
    assert ui.inputSelector.proxy.hiddenNodeIDs == [workbench.activation_node.GetID()]
    assert ui.outputSelector.proxy.hiddenNodeIDs == [workbench.preview_node.GetID()]
    reviewing.ui.inputSelector.setCurrentNode(None)
    assert first_scan(application.scene).GetName() == "blob"


def test_a_closed_scene_ends_run_and_review(reviewing: Any, job: Any, application: Any) -> None:
    reviewing.ui.runButton.click()
    application.scene.Clear(0)
    assert job.last.cancelled
    assert reviewing.review is None
    assert not reviewing.ui.reviewSection.enabled
    assert not reviewing.ui.runButton.enabled
    assert not reviewing.controls.run.poll_timer.active


def test_a_saved_review_comes_back(reviewing: Any, application: Any, tmp_path: Path) -> None:
    from CAMLocalizerLib.mrml import load_scene, save_scene

    reviewing.ui.thresholdSlider.value = 20.0
    follow(reviewing)
    reviewing.ui.acceptButton.click()
    pause(reviewing)
    mask = shown_mask(reviewing)
    path = save_scene(application.scene, tmp_path / "saved.mrb")
    load_scene(application.scene, path)
    assert reviewing.ui.thresholdSlider.value == 20.0
    assert reviewing.ui.reviewSection.enabled, reviewing.ui.statusLabel.text
    np.testing.assert_array_equal(shown_mask(reviewing), mask)
    assert len(reviewing.review.accepted) == 1


def test_every_volume_has_its_own_review(reviewing: Any, application: Any, node: Any) -> None:
    from CAMLocalizerLib.mrml import volume_from_node, volume_to_node

    other = volume_to_node(application.scene, volume_from_node(node), name="other")
    reviewing.ui.thresholdSlider.value = 20.0
    follow(reviewing)
    pause(reviewing)
    reviewing.ui.inputSelector.setCurrentNode(other)
    assert reviewing.review is None
    assert not reviewing.ui.reviewSection.enabled
    assert reviewing.ui.statusLabel.text == "Press Find tumours to begin."
    reviewing.ui.inputSelector.setCurrentNode(node)
    assert reviewing.ui.reviewSection.enabled
    assert reviewing.ui.thresholdSlider.value == 20.0


def test_reloading_reads_the_library_anew(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "CAMLocalizerLib", sys.modules["CAMLocalizerLib"])
    kept = {name: entry for name, entry in sys.modules.items() if name.startswith("CAMLocalizerLib")}
    try:
        module.CAMLocalizerWidget.onReload(module.CAMLocalizerWidget())
        assert not [name for name in sys.modules if name.startswith("CAMLocalizerLib")]
    finally:
        sys.modules.update(kept)


def test_closing_the_application_ends_a_run(widget: Any, job: Any) -> None:
    widget.ui.runButton.click()
    widget.close()
    assert job.last.cancelled
    assert not widget.controls.run.poll_timer.active


def test_a_volume_that_is_moved_after_the_run_cannot_be_accepted(reviewing: Any, application: Any) -> None:
    transform = application.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
    matrix = transform.GetMatrixTransformToParent()
    matrix.SetElement(0, 3, 25.0)
    transform.SetMatrixTransformToParent(matrix)
    reviewing.parameter_node.inputVolume.SetAndObserveTransformNodeID(transform.GetID())
    follow(reviewing)
    assert "moved after the run" in reviewing.ui.statusLabel.text
    assert "moved after the run" in reviewing.ui.acceptButton.toolTip
    transform.SetMatrixTransformToParent(type(matrix)())
    follow(reviewing)
    assert "moved" not in reviewing.ui.statusLabel.text
    assert reviewing.ui.acceptButton.enabled
