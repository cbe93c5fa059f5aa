"""Scenes saved and read back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer

from CAMLocalizerLib.core import InputError, LabelMap, OutputError, Volume
from CAMLocalizerLib.io.segmentation_writer import COLOURS
from CAMLocalizerLib.mrml import (
    HeadlessApplication,
    activation_color_node,
    activation_to_node,
    label_map_from_node,
    label_map_to_node,
    load_scene,
    load_segmentation_node,
    load_volume_node,
    save_scene,
    segmentation_from_node,
    segmentation_to_node,
    volume_from_node,
    volume_to_node,
)


@pytest.fixture
def activation(oblique_volume: Volume) -> np.ndarray:
    array = oblique_volume.array_kji - oblique_volume.array_kji.min()
    return array / array.max()


@pytest.fixture
def saved(scene: Any, oblique_volume: Volume, label_map: LabelMap, activation: np.ndarray, tmp_path: Any) -> Any:
    """A scene with everything the main job shows."""
    reference = volume_to_node(scene, oblique_volume)
    activation_to_node(scene, activation, oblique_volume.grid, name="map")
    label_map_to_node(scene, label_map, name="labels")
    segmentation_to_node(scene, label_map, reference=reference, name="segments")
    return save_scene(scene, tmp_path / "case.mrb")


def test_the_whole_scene_comes_back_voxel_by_voxel(
    saved: Any, oblique_volume: Volume, label_map: LabelMap, activation: np.ndarray
) -> None:
    with HeadlessApplication() as other:
        load_scene(other.scene, saved)
        volume = volume_from_node(other.scene.GetFirstNodeByName("oblique"))
        over = volume_from_node(other.scene.GetFirstNodeByName("map"))
        labels = label_map_from_node(other.scene.GetFirstNodeByName("labels"))
        segments = segmentation_from_node(other.scene.GetFirstNodeByName("segments"))
    np.testing.assert_array_equal(volume.array_kji, oblique_volume.array_kji)
    np.testing.assert_array_equal(over.array_kji, activation)
    for back in (labels, segments):
        np.testing.assert_array_equal(back.array_kji, label_map.array_kji)
        assert back.segments == label_map.segments
    assert all(back.grid.matches(oblique_volume.grid) for back in (volume, over, labels, segments))


def test_colours_come_back_transparent_at_zero_and_only_once(saved: Any) -> None:
    with HeadlessApplication() as other:
        before = activation_color_node(other.scene)
        load_scene(other.scene, saved, clear=False)
        shown = other.scene.GetFirstNodeByName("map").GetDisplayNode().GetColorNode()
        colour = [1.0] * 4
        shown.GetColor(0, colour)
        assert shown is before
        assert colour[3] == 0.0


def test_colours_survive_loading_into_an_empty_scene(saved: Any) -> None:
    with HeadlessApplication() as other:
        load_scene(other.scene, saved)
        display = other.scene.GetFirstNodeByName("map").GetDisplayNode()
        low, half = [1.0] * 4, [1.0] * 4
        display.GetColorNode().GetColor(0, low)
        display.GetColorNode().GetColor(64, half)
        assert (low[3], half[3]) == pytest.approx((0.0, 0.5), abs=0.01)
        assert display.GetWindowLevelMax() == pytest.approx(1.0)


def test_terminology_and_colour_survive_the_bundle(saved: Any) -> None:
    with HeadlessApplication() as other:
        load_scene(other.scene, saved)
        segment = other.scene.GetFirstNodeByName("segments").GetSegmentation().GetNthSegment(0)
        assert "Morphologically Altered Structure" in segment.GetTerminology()
        assert segment.GetColor() == pytest.approx(COLOURS[0], abs=1e-4)


def test_saving_leaves_nothing_beside_the_bundle(saved: Any) -> None:
    assert list(saved.parent.iterdir()) == [saved]


def test_an_existing_bundle_is_kept_unless_told_otherwise(saved: Any, scene: Any) -> None:
    with pytest.raises(OutputError, match="already exists"):
        save_scene(scene, saved)
    assert save_scene(scene, saved, overwrite=True) == saved


@pytest.mark.parametrize(("name", "message"), [("case.mrml", "saved as .mrb"), ("missing/case.mrb", "does not exist")])
def test_a_wrong_target_is_refused(scene: Any, tmp_path: Any, name: str, message: str) -> None:
    with pytest.raises(OutputError, match=message):
        save_scene(scene, tmp_path / name)


def test_a_file_that_is_no_bundle_is_refused(scene: Any, tmp_path: Any) -> None:
    (tmp_path / "text.mrb").write_text("not a scene")
    with pytest.raises(InputError, match="not a scene bundle"):
        load_scene(scene, tmp_path / "text.mrb")


@pytest.mark.parametrize("load", [load_scene, load_volume_node, load_segmentation_node])
def test_a_missing_file_is_refused(scene: Any, tmp_path: Any, load: Any) -> None:
    with pytest.raises(InputError, match="does not exist"):
        load(scene, tmp_path / "missing")


def test_a_broken_file_leaves_no_node(scene: Any, tmp_path: Any) -> None:
    (tmp_path / "broken.nrrd").write_text("NRRD0004\n")
    with pytest.raises(InputError, match=r"broken\.nrrd could not be read by Slicer as ScalarVolumeNode"):
        load_volume_node(scene, tmp_path / "broken.nrrd")
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0


def test_publishing_sets_the_global_scene_and_takes_it_back() -> None:
    before = getattr(slicer, "mrmlScene", None)
    with HeadlessApplication(publish=True) as application:
        assert slicer.mrmlScene is application.scene
        assert slicer.app.applicationLogic().GetMRMLScene() is application.scene
    assert getattr(slicer, "mrmlScene", None) is before
