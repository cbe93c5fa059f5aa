"""What the panel says, where, and how long it stays."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

RESIZE = 14


def follow(widget: Any) -> None:
    """Let the panel apply the user's last interaction."""
    widget.controls.interactions.update_timer.fire()


def pause(widget: Any) -> None:
    """Let the user pause."""
    widget.controls.interactions.pause_timer.fire()


def constant(node: Any, value: float) -> None:
    from CAMLocalizerLib.mrml.images import array_from_image

    array_from_image(node.GetImageData(), "blob")[:] = value
    node.GetImageData().Modified()


def bend(node: Any) -> None:
    scene = node.GetScene()
    transform = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "bent")
    from vtkmodules.vtkCommonTransforms import vtkThinPlateSplineTransform

    spline = vtkThinPlateSplineTransform()
    transform.SetAndObserveTransformToParent(spline)
    node.SetAndObserveTransformNodeID(transform.GetID())


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda node: constant(node, 7.0), "every voxel is 7"),
        (lambda node: constant(node, float("nan")), "voxels are NaN"),
        (bend, "which is not linear"),
    ],
)
def test_why_a_run_cannot_start_stays_readable(widget: Any, node: Any, spoil: Any, told: str) -> None:
    spoil(node)
    widget.ui.runButton.click()
    assert told in widget.ui.statusLabel.text
    widget.ui.opacitySlider.value = 0.3  # nothing that has to do with the run
    widget.on_parameter_node_modified()
    widget.controls.show_changes()
    assert told in widget.ui.statusLabel.text
    assert widget.ui.statusLabel.visible


def test_the_next_action_takes_a_refusal_away(widget: Any, node: Any, application: Any) -> None:
    from CAMLocalizerLib.core import Grid, Volume
    from CAMLocalizerLib.mrml import volume_to_node

    constant(node, 7.0)
    widget.ui.runButton.click()
    array = np.random.default_rng(0).normal(50, 5, (5, 9, 9)).astype(np.float32)
    other = Volume(array, Grid((9, 9, 5), (2.0, 2.0, 4.0), (0.0, 0.0, 0.0), np.eye(3)), name="other")
    widget.ui.inputSelector.setCurrentNode(volume_to_node(application.scene, other))
    assert widget.ui.statusLabel.text == "Press Find tumours to begin."


def test_what_was_accepted_and_written_is_said_beside_the_buttons(reviewing: Any, tmp_path: Path) -> None:
    ui = reviewing.ui
    assert not ui.acceptMessage.visible
    ui.acceptButton.click()
    assert ui.acceptMessage.visible
    assert ui.acceptMessage.text.startswith("Tumour 1 was accepted")
    pause(reviewing)
    ui.histogramPicture.width = 300
    ui.histogramPicture.press(0, RESIZE)
    follow(reviewing)
    assert ui.acceptMessage.text.startswith("Tumour 1 was accepted")
    ui.exportFolderButton.directory = str(tmp_path)
    ui.exportButton.click()
    assert ui.exportMessage.text.startswith("Written to")
    assert (ui.acceptMessage.text, ui.acceptMessage.visible) == ("", False)
    ui.thresholdSlider.value = 30.0
    assert (ui.exportMessage.text, ui.exportMessage.visible) == ("", False)


def test_a_failed_export_says_so_beside_its_button(reviewing: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    reviewing.ui.exportFolderButton.directory = str(tmp_path / "file")
    reviewing.ui.exportButton.click()
    assert str(tmp_path) in reviewing.ui.exportMessage.text
    assert reviewing.ui.exportMessage.visible


def test_a_label_map_that_was_accepted_cannot_be_accepted_again(reviewing: Any) -> None:
    reviewing.ui.acceptButton.click()
    assert not reviewing.ui.acceptButton.enabled
    assert reviewing.ui.acceptButton.toolTip == "The label map was accepted as Tumour 1 already."


def test_a_moved_volume_is_said_beside_accept(reviewing: Any, application: Any) -> None:
    transform = application.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
    matrix = transform.GetMatrixTransformToParent()
    matrix.SetElement(0, 3, 25.0)
    transform.SetMatrixTransformToParent(matrix)
    reviewing.parameter_node.inputVolume.SetAndObserveTransformNodeID(transform.GetID())
    follow(reviewing)
    assert "moved after the run" in reviewing.ui.acceptMessage.text


def test_the_run_button_keeps_its_shortcut(reviewing: Any) -> None:
    assert reviewing.ui.runButton.text == "Find tumours"
    assert reviewing.ui.runButton.shortcut == "Ctrl+Return"


def test_a_list_that_is_cut_says_so(reviewing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ui = reviewing.ui
    assert not ui.componentsNote.visible
    review = reviewing.review
    monkeypatch.setattr(type(review), "components", review.components * 60)
    reviewing.controls.components.show(review)
    assert ui.componentsTable.rowCount == 50
    assert ui.componentsNote.text == f"The largest 50 of {len(review.components)} are listed."
    assert ui.componentsNote.visible


def test_an_automatic_threshold_that_takes_far_too_much_warns(reviewing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ui, review = reviewing.ui, reviewing.review
    usual = review.volume_ml
    monkeypatch.setattr(type(review), "volume_ml", usual)
    ui.thresholdMethod.choose("otsu")
    follow(reviewing)
    assert not ui.thresholdNote.visible
    monkeypatch.setattr(type(review), "volume_ml", 430.0)
    reviewing.controls.threshold.show_volume(review)
    assert ui.thresholdNote.text.startswith("Otsu's threshold marks 430.0 ml, ")
    assert "times as much as the model's own threshold of 0.5" in ui.thresholdNote.text
    ui.thresholdMethod.choose("fixed")
    follow(reviewing)
    assert not ui.thresholdNote.visible


def edit(widget: Any) -> None:
    """Fill the first forty voxels of the preview, as an editor does."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    image = widget.workbench.preview_node.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
    vtk_to_numpy(image.GetPointData().GetScalars())[:40] = 1
    image.Modified()


def test_after_a_hand_edit_the_panel_shows_what_accept_stores(reviewing: Any) -> None:
    from CAMLocalizerLib.workbench.presenter import volume_text

    ui, before = reviewing.ui, reviewing.ui.volumeLabel.text
    rows = ui.componentsTable.rowCount
    edit(reviewing)
    follow(reviewing)
    assert ui.volumeLabel.text != before
    assert ui.countLabel.text == f"{rows + 1} components, edited by hand"
    assert ui.componentsTable.rowCount == rows + 1
    shown = ui.volumeLabel.text
    ui.acceptButton.click()
    assert shown == volume_text(reviewing.review.accepted[0].volume_ml)
    assert f"was accepted: {shown}." in ui.acceptMessage.text


def test_a_refused_tick_is_shown_as_it_is(reviewing: Any) -> None:
    import slicer

    edit(reviewing)
    follow(reviewing)
    slicer.app.answer = False
    table = reviewing.ui.componentsTable
    table.tick(1, 0, False)  # the first was drawn
    follow(reviewing)
    assert "edited by hand" in slicer.app.questions[0]
    assert table.item(1, 0).checkState() == 2


class Layout:
    """One 3D view that remembers whether it may draw."""

    threeDViewCount = 1  # noqa: N815

    def __init__(self) -> None:
        self.paused = 0
        self.view = SimpleNamespace(
            pauseRender=lambda: self._add(1), resumeRender=lambda: self._add(-1), resetFocalPoint=lambda: None
        )

    def _add(self, step: int) -> None:
        self.paused += step

    def threeDWidget(self, _index: int) -> Any:  # noqa: N802
        return SimpleNamespace(threeDView=lambda: self.view)


@pytest.fixture
def layout(reviewing: Any) -> Layout:
    import slicer

    made = Layout()
    slicer.app.layoutManager = lambda: made
    return made


def test_3d_views_are_drawn_only_in_a_pause(reviewing: Any, layout: Layout) -> None:
    for value in (40.0, 35.0, 30.0):
        reviewing.ui.thresholdSlider.value = value
        follow(reviewing)
        assert layout.paused == 1
    pause(reviewing)
    assert layout.paused == 0


@pytest.mark.parametrize("end", ["close", "scene", "volume", "error"])
def test_3d_views_are_let_go_however_an_interaction_ends(
    reviewing: Any, layout: Layout, application: Any, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    reviewing.ui.thresholdSlider.value = 40.0
    follow(reviewing)
    assert layout.paused == 1
    if end == "close":
        reviewing.close()
    elif end == "scene":
        application.scene.Clear(0)
    elif end == "volume":
        reviewing.ui.inputSelector.setCurrentNode(None)
    else:
        monkeypatch.setattr(reviewing.workbench, "on_pause", lambda: 1 / 0)
        pause(reviewing)
    assert layout.paused == 0
