"""Reviews that are stored, restored and exported."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_stand_ins import Bench, draw, run_to_end

from CAMLocalizerLib.case_files import CASE_FILES
from CAMLocalizerLib.core import InputError, OutputError, Volume
from CAMLocalizerLib.io import read_label_map, read_volume
from CAMLocalizerLib.workbench import Review
from CAMLocalizerLib.workbench.review.saving import review_from_state, review_to_state


@pytest.fixture
def reviewed(review: Review) -> Review:
    """A review with something of everything."""
    review.set_scales((1, 3))
    review.set_weight(2, 0.25)
    review.set_threshold("0.25")
    review.accept("First")
    review.set_min_volume_ml(0.1)
    review.reject_component(2)
    return review


def stored(review: Review) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """As a scene keeps it: JSON and copies of arrays."""
    payload, arrays = review_to_state(review)
    return json.loads(json.dumps(payload)), {name: array.copy() for name, array in arrays.items()}


def test_a_stored_review_comes_back_with_everything(reviewed: Review) -> None:
    back = review_from_state(*stored(reviewed), reviewed.found.volume)
    np.testing.assert_array_equal(back.mask, reviewed.mask)
    np.testing.assert_array_equal(back.activation, reviewed.activation)
    assert back.settings == reviewed.settings
    assert back.components == reviewed.components
    assert [segment.provenance() for segment in back.accepted] == [each.provenance() for each in reviewed.accepted]
    np.testing.assert_array_equal(back.accepted[0].mask, reviewed.accepted[0].mask)
    assert not back.can_undo
    back.set_threshold("0.4")
    reviewed.set_threshold("0.4")
    np.testing.assert_array_equal(back.mask, reviewed.mask)


def test_a_stored_review_of_projections_comes_back(projected: Any) -> None:
    review = Review(projected)
    review.set_uptake_border("60%")
    back = review_from_state(*stored(review), projected.volume)
    np.testing.assert_array_equal(back.mask, review.mask)
    assert back.settings == review.settings


def test_a_review_is_not_restored_on_another_volume(reviewed: Review) -> None:
    volume = reviewed.found.volume
    other = Volume(volume.array_kji + 1, volume.grid, name="other")
    with pytest.raises(InputError, match="other is not as it was when it was reviewed; run the classifier again"):
        review_from_state(*stored(reviewed), other)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda payload, arrays: payload.update(version=99), "not a stored review of this release"),
        (lambda payload, arrays: payload.pop("settings"), "is damaged"),
        (lambda payload, arrays: payload.update(rejected_kji=[[1, 2]]), "is damaged"),
        (lambda payload, arrays: arrays.pop("accepted-0"), "is damaged"),
        (lambda payload, arrays: arrays.update({"accepted-0": np.zeros(3, np.uint8)}), "does not fill its volume"),
        (lambda payload, arrays: arrays.pop("findings-map-1"), "incomplete"),
    ],
)
def test_a_damaged_review_is_told_in_a_sentence(reviewed: Review, damage: Any, message: str) -> None:
    payload, arrays = stored(reviewed)
    damage(payload, arrays)
    with pytest.raises(InputError, match=message):
        review_from_state(payload, arrays, reviewed.found.volume)


def test_an_export_writes_what_the_command_line_writes(reviewed: Review, tmp_path: Path) -> None:
    reviewed.withdraw(0)
    folder = reviewed.export(tmp_path / "out")
    assert folder == tmp_path / "out" / "oblique"
    assert {path.name for path in folder.iterdir()} == set(CASE_FILES.values())
    np.testing.assert_array_equal(read_label_map(folder / CASE_FILES["label map"]).array_kji, reviewed.mask)
    activation = read_volume(folder / CASE_FILES["activation"]).array_kji
    np.testing.assert_array_equal(activation, reviewed.activation)
    report = json.loads((folder / CASE_FILES["report"]).read_text())
    assert report["label_settings"] == reviewed.settings.to_json()
    assert report["settings"]["review"] == {"accepted": [], "edited_by_hand": False, "rejected_components": 1}
    assert report["label_map"]["corrected"]
    assert report["model"] == {"name": "tiny", "version": "1.2", "sha256": "ab" * 32}


def test_an_export_takes_what_was_accepted(reviewed: Review, tmp_path: Path) -> None:
    reviewed.accept("Second")
    reviewed.set_threshold("0.9")
    folder = reviewed.export(tmp_path, "a case: with/odd name")
    assert folder.name == "a_case_with_odd_name"
    written = read_label_map(folder / CASE_FILES["segmentation"])
    first, second = (segment.mask != 0 for segment in reviewed.accepted)
    np.testing.assert_array_equal(written.array_kji, np.where(second, 2, first.astype(np.uint8)))
    assert written.segments == ("First", "Second")
    report = json.loads((folder / CASE_FILES["report"]).read_text())
    assert [entry["name"] for entry in report["settings"]["review"]["accepted"]] == ["First", "Second"]


def test_an_export_replaces_an_earlier_one_only_when_told(review: Review, tmp_path: Path) -> None:
    review.export(tmp_path)
    with pytest.raises(OutputError, match="already exists"):
        review.export(tmp_path)
    assert review.export(tmp_path, overwrite=True).is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["oblique"]


def test_a_saved_scene_goes_on_where_it_was(bench: Bench, workbench: Any, tmp_path: Path) -> None:
    from CAMLocalizerLib.mrml import HeadlessApplication, load_scene, save_scene, segment_names

    review = workbench.review
    review.accept()
    review.set_scales((1, 3))
    review.reject_component(1)
    workbench.device = "cpu"
    workbench.on_pause()
    path = save_scene(workbench.scene, tmp_path / "case.mrb")
    with HeadlessApplication() as other:
        load_scene(other.scene, path)
        back = replace(bench, scene=other.scene).workbench()
        before = other.scene.GetNumberOfNodes()
        assert back.restore()
        assert other.scene.GetNumberOfNodes() == before
        assert (back.volume_node.GetName(), back.device) == ("oblique", "cpu")
        np.testing.assert_array_equal(back.review.mask, review.mask)
        assert back.review.settings == review.settings
        assert not back.review.components[0].kept
        assert not back.review.edited
        assert segment_names(back.output_node) == ("Tumour 1",)
        back.review.withdraw(0)
        assert back.output_node is None or segment_names(back.output_node) == ()
        back.review.undo()
        assert segment_names(back.output_node) == ("Tumour 1",)
        back.close()


def test_what_was_accepted_is_not_lost_by_saving_at_once(bench: Bench, workbench: Any, tmp_path: Path) -> None:
    from CAMLocalizerLib.mrml import HeadlessApplication, load_scene, save_scene

    workbench.review.accept("Left")
    path = save_scene(workbench.scene, tmp_path / "case.mrb")
    with HeadlessApplication() as other:
        load_scene(other.scene, path)
        back = replace(bench, scene=other.scene).workbench()
        back.restore()
        assert [segment.name for segment in back.review.accepted] == ["Left"]
        back.close()


def test_edits_made_before_saving_are_still_asked_about(bench: Bench, workbench: Any, tmp_path: Path) -> None:
    from CAMLocalizerLib.mrml import HeadlessApplication, load_scene, save_scene

    draw(workbench.preview_node, "CAMLocalizerPreview", (8, 20, 18))
    workbench.store()
    path = save_scene(workbench.scene, tmp_path / "case.mrb")
    with HeadlessApplication() as other:
        load_scene(other.scene, path)
        back = replace(bench, scene=other.scene).workbench()
        back.restore()
        assert back.review.edited
        assert back.review.corrected_label_map.array_kji[8, 20, 18] == 1
        assert not back.review.set_threshold("0.3")
        back.close()


def test_a_review_of_a_changed_volume_is_not_restored_and_says_so(bench: Bench, workbench: Any) -> None:
    from CAMLocalizerLib.mrml import volume_to_node

    node, volume = workbench.volume_node, workbench.review.found.volume
    workbench.close()
    volume_to_node(workbench.scene, Volume(volume.array_kji * 2, volume.grid), node=node)
    again = bench.workbench()
    again.choose_volume(node)
    assert again.review is None
    assert again.status.sentence == "oblique is not as it was when it was reviewed; run the classifier again."
    run_to_end(again)
    assert again.review is not None


def test_nothing_is_restored_in_an_empty_scene(bench: Bench) -> None:
    assert not bench.workbench().restore()


def test_an_export_brings_further_files(review: Review, tmp_path: Path) -> None:
    folder = review.export(tmp_path, exports=("html",))
    assert (folder / "report.html").is_file()


def test_dicom_exports_of_a_review_need_a_reference(review: Review, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the volume: is not DICOM"):
        review.export(tmp_path / "out", exports=("dicom-seg",))
    assert not (tmp_path / "out").exists()
