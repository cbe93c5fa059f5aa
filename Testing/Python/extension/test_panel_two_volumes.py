"""The panel with two patients in one scene."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


def run(widget: Any, job: Any) -> None:
    widget.ui.runButton.click()
    for _ in job.states:
        widget.controls.run.poll_timer.fire()


def composites(scene: Any) -> list[Any]:
    kind = "vtkMRMLSliceCompositeNode"
    return [scene.GetNthNodeByClass(index, kind) for index in range(scene.GetNumberOfNodesByClass(kind))]


@pytest.fixture
def views(application: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Two slice views; whether they were fitted is remembered beside them."""
    for name in ("Red", "Green"):
        application.scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode", name)
    return composites(application.scene)


@pytest.fixture
def other(application: Any) -> Any:
    """Another patient."""
    from CAMLocalizerLib.core import Grid, Volume
    from CAMLocalizerLib.mrml import volume_to_node

    array = np.random.default_rng(4).normal(50.0, 5.0, (5, 20, 24)).astype(np.float32)
    grid = Grid((24, 20, 5), (1.0, 1.0, 3.0), (400.0, 15.0, 900.0), np.eye(3))
    return volume_to_node(application.scene, Volume(array, grid, name="other patient"))


def test_a_second_patient_gets_a_segmentation_of_its_own(reviewing: Any, other: Any, node: Any, job: Any) -> None:
    ui = reviewing.ui
    ui.acceptButton.click()
    first = reviewing.parameter_node.outputSegmentation
    ui.inputSelector.setCurrentNode(other)
    assert reviewing.parameter_node.outputSegmentation is None
    assert ui.outputSelector.node is None
    run(reviewing, job)
    ui.acceptButton.click()
    second = reviewing.parameter_node.outputSegmentation
    assert second is not first
    assert (first.GetSegmentation().GetNumberOfSegments(), second.GetSegmentation().GetNumberOfSegments()) == (1, 1)
    ui.inputSelector.setCurrentNode(node)
    assert reviewing.parameter_node.outputSegmentation is first
    ui.inputSelector.setCurrentNode(other)
    assert reviewing.parameter_node.outputSegmentation is second


def test_a_segmentation_of_another_patient_is_taken_only_after_a_question(reviewing: Any, other: Any, job: Any) -> None:
    import slicer

    ui = reviewing.ui
    ui.acceptButton.click()
    first = reviewing.parameter_node.outputSegmentation
    ui.inputSelector.setCurrentNode(other)
    run(reviewing, job)
    slicer.app.answer = False
    ui.outputSelector.setCurrentNode(first)
    assert "belongs to blob, not to other patient" in slicer.app.questions[0]
    assert ui.outputSelector.node is None
    assert reviewing.workbench.output_node is None
    slicer.app.answer = True
    ui.outputSelector.setCurrentNode(first)
    assert reviewing.workbench.output_node is first


def test_the_views_follow_the_chosen_volume(
    views: list[Any], widget: Any, other: Any, job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer

    fitted: list[int] = []
    monkeypatch.setattr("CAMLocalizerLib.panel.panel.fit_slices", lambda logic: fitted.append(1))
    run(widget, job)
    activation = widget.workbench.activation_node.GetID()
    assert [view.GetForegroundVolumeID() for view in views] == [activation] * 2
    widget.ui.inputSelector.setCurrentNode(other)
    assert [view.GetBackgroundVolumeID() for view in views] == [other.GetID()] * 2
    assert [view.GetForegroundVolumeID() for view in views] == [None] * 2
    assert fitted == [1]
    assert slicer.app.questions == []


def test_the_volume_that_the_views_show_is_chosen_first(views: list[Any], module: Any, node: Any, other: Any) -> None:
    for view in views:
        view.SetBackgroundVolumeID(other.GetID())
    made = module.CAMLocalizerWidget()
    made.setup()
    try:
        assert made.panel.parameter_node.inputVolume is other
    finally:
        made.cleanup()


def test_undo_survives_a_look_at_another_patient(reviewing: Any, other: Any, node: Any) -> None:
    ui = reviewing.ui
    ui.thresholdSlider.value = 30.0
    reviewing.controls.interactions.update_timer.fire()
    reviewing.controls.interactions.pause_timer.fire()
    ui.inputSelector.setCurrentNode(other)
    assert not ui.undoButton.enabled
    ui.inputSelector.setCurrentNode(node)
    assert ui.undoButton.enabled
    ui.undoButton.click()
    assert ui.thresholdSlider.value == 50.0


def test_running_again_keeps_threshold_and_what_was_accepted(reviewing: Any, job: Any) -> None:
    ui = reviewing.ui
    ui.thresholdSlider.value = 30.0
    reviewing.controls.interactions.update_timer.fire()
    ui.acceptButton.click()
    run(reviewing, job)
    assert ui.thresholdSlider.value == 30.0
    assert ui.undoButton.enabled
    assert not ui.acceptButton.enabled
    assert reviewing.parameter_node.outputSegmentation.GetSegmentation().GetNumberOfSegments() == 1
