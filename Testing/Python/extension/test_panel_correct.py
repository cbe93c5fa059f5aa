"""From the accepted tumour to Slicer's Segment Editor and back."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest


class Editor:
    """Remembers what it was told to show."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda value: self.calls.append((name, value))


@pytest.fixture
def editor(reviewing: Any, monkeypatch: pytest.MonkeyPatch) -> Editor:
    """The Segment Editor of the desktop."""
    import slicer

    made = Editor()
    modules = SimpleNamespace(SegmentEditorWidget=SimpleNamespace(editor=made))
    monkeypatch.setattr(slicer, "modules", modules, raising=False)
    monkeypatch.setattr(slicer.util, "selectModule", lambda name: made.calls.append(("module", name)), raising=False)
    return made


def shown(panel: Any) -> bool:
    return bool(panel.workbench.preview_node.GetDisplayNode().GetVisibility())


def test_before_a_run_nothing_can_be_corrected(widget: Any) -> None:
    assert not widget.ui.correctButton.enabled
    assert widget.ui.correctButton.toolTip == "Find tumours first."


def test_the_tumour_is_accepted_and_opened_on_its_own_volume(reviewing: Any, editor: Editor) -> None:
    reviewing.ui.correctButton.click()
    output = reviewing.parameter_node.outputSegmentation
    assert output.GetSegmentation().GetNumberOfSegments() == 1
    assert editor.calls == [
        ("module", "SegmentEditor"),
        ("setSegmentationNode", output),
        ("setSourceVolumeNode", reviewing.parameter_node.inputVolume),
        ("setCurrentSegmentID", output.GetSegmentation().GetNthSegmentID(0)),
    ]


def test_an_accepted_tumour_is_not_accepted_again(reviewing: Any, editor: Editor) -> None:
    reviewing.ui.acceptButton.click()
    reviewing.ui.correctButton.click()
    assert len(reviewing.review.accepted) == 1
    assert [name for name, _value in editor.calls][-1] == "setCurrentSegmentID"


def test_a_changed_tumour_is_accepted_anew(reviewing: Any, editor: Editor) -> None:
    reviewing.ui.acceptButton.click()
    reviewing.ui.thresholdSlider.value = 20.0
    reviewing.controls.interactions.update_timer.fire()
    reviewing.ui.correctButton.click()
    output = reviewing.parameter_node.outputSegmentation.GetSegmentation()
    assert output.GetNumberOfSegments() == 2
    assert editor.calls[-1] == ("setCurrentSegmentID", output.GetNthSegmentID(1))


def test_preview_and_map_make_way_and_come_back(
    reviewing: Any, editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer: list[dict[str, Any]] = []
    monkeypatch.setattr(reviewing.workbench.layer, "show", lambda **given: layer.append(given))
    reviewing.ui.correctButton.click()
    assert not shown(reviewing)
    assert layer[-1] == {"opacity": 0.0, "legend": False}
    reviewing.exit()
    reviewing.enter()
    assert shown(reviewing)
    assert layer[-1] == {"opacity": 0.4, "legend": True}


def segment_of(panel: Any) -> tuple[Any, str]:
    output = panel.parameter_node.outputSegmentation
    return output, output.GetSegmentation().GetNthSegmentID(0)


def draw_everywhere(panel: Any, grid: Any) -> None:
    """Let the reviewer paint the whole volume in the Segment Editor."""
    import slicer

    from CAMLocalizerLib.core import LabelMap
    from CAMLocalizerLib.mrml.segmentations import oriented_image

    node, segment_id = segment_of(panel)
    image = oriented_image(LabelMap(np.ones(grid.shape_kji, np.uint8), grid, ("all",)))
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(image, node, segment_id)


def test_a_corrected_segment_is_opened_again_and_exported_as_corrected(
    reviewing: Any, editor: Editor, tmp_path: Path
) -> None:
    from CAMLocalizerLib.io import read_label_map

    reviewing.ui.correctButton.click()
    draw_everywhere(reviewing, reviewing.review.found.volume.grid)
    reviewing.ui.correctButton.click()
    assert editor.calls[-1] == ("setCurrentSegmentID", segment_of(reviewing)[1])
    assert len(reviewing.review.accepted) == 1
    reviewing.ui.exportFolderButton.directory = str(tmp_path)
    reviewing.ui.exportButton.click()
    (case,) = tmp_path.iterdir()
    assert read_label_map(case / "labelmap.nii.gz").array_kji.all()
    (told,) = json.loads((case / "report.json").read_text())["settings"]["review"]["accepted"]
    assert told["edited_by_hand"]


def test_a_segment_that_was_deleted_is_accepted_anew_and_not_exported(reviewing: Any, editor: Editor) -> None:
    reviewing.ui.acceptButton.click()
    node, segment_id = segment_of(reviewing)
    node.GetSegmentation().RemoveSegment(segment_id)
    assert reviewing.review.accepted
    assert reviewing.workbench.corrected(reviewing.review.accepted[0]) is None
    reviewing.ui.correctButton.click()
    assert len(reviewing.review.accepted) == 2
    assert editor.calls[-1] == ("setCurrentSegmentID", segment_of(reviewing)[1])


def test_own_nodes_do_not_stand_in_the_data_module(reviewing: Any) -> None:
    workbench = reviewing.workbench
    for node in (workbench.preview_node, workbench.activation_node):
        assert node.GetAttribute("SubjectHierarchy.ExcludeFromTree") == "1"


def test_accepted_tumours_differ_in_colour_from_each_other_and_from_the_users_own(
    reviewing: Any, application: Any
) -> None:
    from CAMLocalizerLib.io.segmentation_writer import COLOURS
    from CAMLocalizerLib.mrml.preview import PREVIEW_COLOUR

    own = application.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine").GetSegmentation()
    own.GetSegment(own.AddEmptySegment("bone", "Bone")).SetColor(*COLOURS[0])
    reviewing.ui.outputSelector.setCurrentNode(application.scene.GetFirstNodeByName("mine"))
    reviewing.ui.acceptButton.click()
    reviewing.ui.thresholdSlider.value = 20.0
    reviewing.controls.interactions.update_timer.fire()
    reviewing.ui.acceptButton.click()
    colours = [tuple(own.GetNthSegment(index).GetColor()) for index in range(3)]
    assert len({*colours, PREVIEW_COLOUR}) == 4


def test_preview_and_map_go_with_their_volume_and_accepted_segments_stay(
    reviewing: Any, application: Any, node: Any
) -> None:
    reviewing.ui.acceptButton.click()
    output, scene = reviewing.parameter_node.outputSegmentation, application.scene
    own = [reviewing.workbench.preview_node, reviewing.workbench.activation_node]
    scene.RemoveNode(node)
    reviewing.ui.inputSelector.setCurrentNode(None)
    reviewing.clean_timer.fire()
    assert [each.GetScene() for each in own] == [None, None]
    assert output.GetScene() is scene


def test_nodes_of_a_volume_that_is_there_stay(reviewing: Any, application: Any) -> None:
    other = application.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "other")
    application.scene.RemoveNode(other)
    reviewing.clean_timer.fire()
    assert reviewing.workbench.preview_node is not None
    assert reviewing.workbench.activation_node is not None
