"""Two volumes in one scene: views, output and history follow the chosen one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_stand_ins import Bench, run_to_end

from CAMLocalizerLib.core import Grid, Volume


def composites(scene: Any) -> list[Any]:
    kind = "vtkMRMLSliceCompositeNode"
    return [scene.GetNthNodeByClass(index, kind) for index in range(scene.GetNumberOfNodesByClass(kind))]


def visible(node: Any) -> bool:
    return bool(node.GetDisplayNode().GetVisibility())


@pytest.fixture
def views(scene: Any) -> list[Any]:
    for name in ("Red", "Green", "Yellow"):
        scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode", name)
    return composites(scene)


@pytest.fixture
def fitted() -> list[str]:
    return []


@pytest.fixture
def reviewed(bench: Bench, views: list[Any], volume_node: Any, fitted: list[str]) -> Any:
    """A workbench with a complete run on the first volume and one accepted segment."""
    made = bench.workbench()
    made.fit_views = lambda: fitted.append(made.volume_node.GetName())
    made.choose_volume(volume_node)
    run_to_end(made).accept()
    yield made
    made.close()


@pytest.fixture
def second(scene: Any) -> Any:
    """A volume of another geometry, elsewhere."""
    from CAMLocalizerLib.mrml import volume_to_node

    array = np.random.default_rng(1).normal(80, 9, (12, 30, 26)).astype(np.float32)
    grid = Grid((26, 30, 12), (0.8, 0.8, 3.0), (300.0, -200.0, 500.0), np.eye(3))
    return volume_to_node(scene, Volume(array, grid, name="second"))


def test_all_slice_views_show_the_chosen_volume_alone(
    reviewed: Any, views: list[Any], second: Any, fitted: list[str]
) -> None:
    first, activation = reviewed.volume_node, reviewed.activation_node
    assert [view.GetForegroundVolumeID() for view in views] == [activation.GetID()] * 3
    fitted.clear()
    reviewed.choose_volume(second)
    assert [view.GetBackgroundVolumeID() for view in views] == [second.GetID()] * 3
    assert [view.GetForegroundVolumeID() for view in views] == [None] * 3
    assert fitted == ["second"]
    reviewed.choose_volume(first)
    assert [view.GetBackgroundVolumeID() for view in views] == [first.GetID()] * 3
    assert [view.GetForegroundVolumeID() for view in views] == [activation.GetID()] * 3
    assert fitted == ["second", "oblique"]


def test_a_volume_that_is_shown_already_is_left_as_it_is_shown(
    bench: Bench, views: list[Any], volume_node: Any, second: Any, fitted: list[str]
) -> None:
    for view in views:
        view.SetBackgroundVolumeID(volume_node.GetID())
    other = bench.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "of the second")
    other.CreateDefaultDisplayNodes()
    other.SetReferenceImageGeometryParameterFromVolumeNode(second)
    workbench = bench.workbench()
    workbench.fit_views = lambda: fitted.append("fitted")
    workbench.choose_volume(volume_node)
    assert fitted == []
    assert visible(other)
    for view in views:
        view.SetBackgroundVolumeID(second.GetID())
    workbench.choose_volume(second)
    assert fitted == []
    workbench.choose_volume(volume_node)
    assert fitted == ["fitted"]
    assert not visible(other)


def test_what_belongs_to_another_volume_is_hidden_until_that_volume_is_chosen_again(
    reviewed: Any, second: Any, scene: Any
) -> None:
    first, preview, accepted = reviewed.volume_node, reviewed.preview_node, reviewed.output_node
    own, free, hidden = (scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name) for name in ("own", "free", "hidden"))
    for node in (own, free, hidden):
        node.CreateDefaultDisplayNodes()
    for node in (own, hidden):
        node.SetReferenceImageGeometryParameterFromVolumeNode(first)
    hidden.GetDisplayNode().SetVisibility(False)
    reviewed.choose_volume(second)
    assert [visible(node) for node in (preview, accepted, own, free, hidden)] == [False, False, False, True, False]
    reviewed.choose_volume(first)
    assert [visible(node) for node in (preview, accepted, own, free, hidden)] == [True, True, True, True, False]


def test_the_output_follows_the_volume(reviewed: Any, second: Any) -> None:
    first, output = reviewed.volume_node, reviewed.output_node
    reviewed.choose_volume(second)
    assert reviewed.output_node is None
    run_to_end(reviewed).accept()
    assert reviewed.output_node is not output
    assert output.GetSegmentation().GetNumberOfSegments() == 1
    reviewed.choose_volume(first)
    assert reviewed.output_node is output


def test_the_output_chosen_for_one_volume_is_not_that_of_the_next(bench: Bench, volume_node: Any, second: Any) -> None:
    own = bench.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    workbench = bench.workbench()
    workbench.choose_volume(volume_node)
    assert workbench.choose_output(own)
    workbench.choose_volume(second)
    assert workbench.output_node is None


def test_a_segmentation_of_another_volume_asks_when_it_is_chosen(bench: Bench, reviewed: Any, second: Any) -> None:
    output = reviewed.output_node
    reviewed.choose_volume(second)
    assert not reviewed.choose_output(output)
    assert reviewed.output_node is None
    assert bench.questions == [
        "oblique tumours belongs to oblique, not to second. Put what is accepted of second into it all the same?"
    ]
    assert not visible(output)
    bench.answer = True
    assert reviewed.choose_output(output)
    assert reviewed.output_node is output
    assert visible(output)


def test_an_output_that_belongs_to_another_volume_is_shown_with_both(bench: Bench, reviewed: Any, second: Any) -> None:
    first, output = reviewed.volume_node, reviewed.output_node
    bench.answer = True
    reviewed.choose_volume(second)
    reviewed.choose_output(output)
    run_to_end(reviewed).accept()
    reviewed.choose_volume(first)
    assert visible(output)
    reviewed.choose_volume(second)
    assert reviewed.output_node is output
    assert visible(output)


def test_a_renamed_segmentation_of_a_removed_volume_asks_too(bench: Bench, reviewed: Any, second: Any) -> None:
    output = reviewed.output_node
    output.SetName("anything")
    reviewed.choose_volume(second)
    bench.scene.RemoveNode(bench.scene.GetFirstNodeByName("oblique"))
    assert not reviewed.choose_output(output)
    assert "anything belongs to a volume that is no longer in the scene, not to second" in bench.questions[0]


def test_a_segmentation_without_a_volume_becomes_that_of_the_first_accepted_segment(
    bench: Bench, reviewed: Any, second: Any
) -> None:
    own = bench.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    own.GetSegmentation().AddEmptySegment("bone", "Bone")
    assert reviewed.choose_output(own)
    reviewed.review.set_threshold("0.3")
    reviewed.review.accept()
    reviewed.choose_volume(second)
    assert not reviewed.choose_output(own)
    first = bench.scene.GetFirstNodeByName("oblique")
    reviewed.choose_volume(first)
    reviewed.review.undo()
    reviewed.choose_volume(second)
    assert reviewed.choose_output(own)  # nothing of the first volume is in it any more


def test_undo_survives_a_change_of_volume(reviewed: Any, second: Any) -> None:
    first, review = reviewed.volume_node, reviewed.review
    review.set_threshold("0.3")
    review.set_threshold("0.4")
    review.undo()
    review.set_threshold("0.25", preview=True)  # still moving
    reviewed.choose_volume(second)
    reviewed.choose_volume(first)
    again = reviewed.review
    assert again.settings.threshold == "0.25"
    assert again.undo()
    assert again.settings.threshold == "0.3"
    assert again.undo()
    assert again.settings.threshold == "0.2"
    assert again.undo()
    assert reviewed.output_node is None
    assert again.redo()
    assert [segment.name for segment in again.accepted] == ["Tumour 1"]
    assert reviewed.output_node.GetSegmentation().GetNumberOfSegments() == 1


def test_a_closed_scene_leaves_no_history_to_another_one(reviewed: Any, second: Any, scene: Any) -> None:
    from CAMLocalizerLib.mrml import volume_to_node

    volume = reviewed.review.found.volume
    reviewed.review.set_threshold("0.3")
    reviewed.choose_volume(second)
    scene.Clear(0)
    reviewed.choose_volume(volume_to_node(scene, volume))
    assert reviewed.review is None
    assert not run_to_end(reviewed).can_undo


def test_a_saved_scene_remembers_which_segmentation_belongs_to_which_volume(
    bench: Bench, reviewed: Any, second: Any, tmp_path: Path
) -> None:
    from CAMLocalizerLib.mrml import HeadlessApplication, load_scene, save_scene

    reviewed.choose_volume(second)
    run_to_end(reviewed).accept()
    path = save_scene(bench.scene, tmp_path / "two.mrb")
    with HeadlessApplication() as application:
        other = Bench(application.scene, bench.card)
        loaded = other.workbench()
        load_scene(application.scene, path)
        node = {name: application.scene.GetFirstNodeByName(name) for name in ("oblique", "second")}
        loaded.choose_volume(node["second"])
        assert loaded.output_node.GetName() == "second tumours"
        first = application.scene.GetFirstNodeByName("oblique tumours")
        assert not visible(first)
        assert not loaded.choose_output(first)
        loaded.choose_volume(node["oblique"])
        assert loaded.output_node is first
        assert visible(first)
        assert not visible(application.scene.GetFirstNodeByName("second tumours"))
        loaded.close()


def test_a_volume_that_is_removed_takes_its_map_out_of_the_views(reviewed: Any, views: list[Any], scene: Any) -> None:
    preview = reviewed.preview_node
    scene.RemoveNode(reviewed.volume_node)
    reviewed.choose_volume(None)
    assert [view.GetForegroundVolumeID() for view in views] == [None] * 3
    assert not visible(preview)


def test_a_preview_is_no_output(reviewed: Any) -> None:
    from CAMLocalizerLib.core import SettingsError

    preview = reviewed.preview_node
    reviewed.choose_output(preview)
    reviewed.review.set_threshold("0.3")
    with pytest.raises(SettingsError, match="is the preview of a review"):
        reviewed.review.accept()


def test_a_jump_to_a_component_moves_the_crosshair(reviewed: Any, scene: Any) -> None:
    import slicer

    crosshair = scene.AddNode(slicer.vtkMRMLCrosshairNode())
    reviewed.jump_to_component(2)
    x, y, z = reviewed.review.found.volume.grid.to_lps(reviewed.review.components[1].peak_kji[::-1])
    np.testing.assert_allclose(crosshair.GetCrosshairRAS(), (-x, -y, z))
