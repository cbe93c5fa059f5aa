"""What scripts call: the same numbers as the panel, in the scene or in folders."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_stand_ins import DONE, RUNNING, Bench, ReadyJob, failed, names, run_to_end

pytest.importorskip("slicer", reason="the slicer-core wheel is not installed")

from CAMLocalizerLib.case_files import CASE_FILES
from CAMLocalizerLib.core import InputError, LabelMap, SettingsError
from CAMLocalizerLib.io import read_label_map, write_nifti
from CAMLocalizerLib.jobs import JobError
from CAMLocalizerLib.localizer.findings import complete_settings
from CAMLocalizerLib.workbench.scripting import FolderProcessing, process_folder
from CAMLocalizerLib.workbench.scripting.folders import volume_paths

OPTIONS = {"threshold": "q97", "weights": {1: 1.0, 3: 0.5}, "min_volume_ml": 0.1, "refinement": "random-walk"}

EXPORTED = (("a.nii", "html"), ("b.nii.gz", "dicom-seg"))


@pytest.fixture
def process(bench: Bench, volume_node: Any) -> Any:
    from CAMLocalizerLib.workbench.scripting import process

    return partial(process, bench.scene, volume_node, model="tiny", new_job=bench.new_job)


def test_settings_by_name_are_the_reviews(found: Any, review: Any) -> None:
    review.set_scales((1, 3))
    review.set_weight(3, 0.5)
    review.set_threshold("q97")
    review.set_min_volume_ml(0.1)
    review.set_refinement("random-walk")
    assert complete_settings(found, changes=OPTIONS) == review.settings
    assert complete_settings(found, changes={"threshold": None, "scales": None}) == found.default_settings()


def test_a_script_gets_the_panels_label_map(bench: Bench, process: Any) -> None:
    from CAMLocalizerLib.mrml import segment_mask, volume_from_node

    result = process(**OPTIONS)
    workbench = bench.workbench()
    workbench.choose_volume(bench.scene.GetFirstNodeByName("oblique"))
    review = run_to_end(workbench)
    review.set_settings(result.settings)
    shown = segment_mask(result.segmentation_node, result.segment_id, result.label_map.grid)
    np.testing.assert_array_equal(shown.array_kji, review.mask)
    np.testing.assert_array_equal(volume_from_node(result.activation_node).array_kji, review.activation)
    assert [part.voxels for part in result.components] == [part.voxels for part in review.components]
    assert result.segmentation_node.GetAttribute("CAMLocalizer.ModelSHA256") == "ab" * 32


def test_a_given_segmentation_keeps_its_segments(bench: Bench, process: Any, found: Any) -> None:
    from CAMLocalizerLib.mrml import add_segment, segment_mask, segment_names

    own = bench.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    grid = found.volume.grid
    box = np.ones(grid.shape_kji, np.uint8)
    kept = add_segment(own, LabelMap(box, grid), name="Tumour")
    result = process(own)
    assert result.segmentation_node is own
    assert segment_names(own) == ("Tumour", "Tumour 2")
    np.testing.assert_array_equal(segment_mask(own, kept, grid).array_kji, box)
    assert own.GetAttribute("CAMLocalizer.Model") is None


def test_a_segmentation_of_another_volume_is_used_with_a_warning(
    bench: Bench, process: Any, found: Any, caplog: pytest.LogCaptureFixture
) -> None:
    from CAMLocalizerLib.mrml import volume_to_node
    from CAMLocalizerLib.workbench.scripting import process as process_volume

    first = process().segmentation_node
    process(first)
    assert caplog.records == []
    other = volume_to_node(bench.scene, found.volume, name="other")
    process_volume(bench.scene, other, first, model="tiny", new_job=bench.new_job)
    assert caplog.messages == ["oblique tumour belongs to oblique and has received a segment of other"]
    workbench = bench.workbench()
    workbench.choose_volume(other)
    assert not workbench.choose_output(first)


def test_a_callback_hears_of_the_progress_and_may_end_it(bench: Bench, process: Any) -> None:
    heard: list[str] = []
    process(progress=lambda status: heard.append(status.sentence))
    assert heard == ["Starting the classifier… PyTorch is being loaded", "3 of 9 slices, about 8 s left"]
    before = names(bench.scene)

    def stop(status: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process(progress=stop)
    assert bench.jobs[-1].cancelled
    assert names(bench.scene) == before


def test_polling_leaves_the_result_or_nothing(bench: Bench, volume_node: Any) -> None:
    from CAMLocalizerLib.workbench.scripting import Processing

    before = names(bench.scene)
    one, other = (Processing(bench.scene, volume_node, model="tiny", new_job=bench.new_job) for _ in range(2))
    other.poll()
    other.cancel()
    assert names(bench.scene) == before
    assert (other.poll().state, other.result) == ("cancelled", None)
    while one.poll().running:
        pass
    assert one.result.label_map.array_kji.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"treshold": "0.4"}, "no setting is called treshold; there are threshold, scales"),
        ({"threshold": "much"}, "not understood"),
        ({"scales": ()}, "at least one scale"),
        ({"refinement": "wishes"}, "refinement must be one of"),
    ],
)
def test_what_no_model_could_answer_is_refused_before_it_looks(
    bench: Bench, process: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        process(**options)
    assert bench.jobs == []


def test_a_scale_that_the_model_lacks_leaves_nothing(bench: Bench, process: Any) -> None:
    before = names(bench.scene)
    with pytest.raises(JobError, match=r"unknown scales \(9,\); the model provides \(1, 2, 3\)"):
        process(scales=(9,))
    with pytest.raises(JobError, match=r"unknown scales \(9,\)"):
        process(weights={1: 1.0, 9: 1.0})
    assert names(bench.scene) == before


def test_a_segmentation_of_surfaces_leaves_nothing(bench: Bench, process: Any) -> None:
    from vtkmodules.vtkFiltersSources import vtkSphereSource

    node = bench.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "surfaces")
    ball = vtkSphereSource()
    ball.Update()
    node.SetSourceRepresentationToClosedSurface()
    node.AddSegmentFromClosedSurfaceRepresentation(ball.GetOutput(), "ball", [1.0, 0.0, 0.0], "ball")
    activation_colours = process()  # a first run, so that colours are in the scene already
    assert activation_colours.label_map.array_kji.any()
    before = names(bench.scene)
    with pytest.raises(JobError, match="are surfaces, not voxels"):
        process(node)
    assert names(bench.scene) == before


@pytest.fixture
def folder(tmp_path: Path, found: Any) -> Path:
    """Two volumes, one that is none, and a file that nobody means."""
    place = tmp_path / "in"
    place.mkdir()
    for name in ("b.nii.gz", "a.nii"):
        write_nifti(found.volume.array_kji, found.volume.grid, place / name)
    (place / "broken.nrrd").write_text("not a volume")
    (place / "notes.txt").write_text("no volume either")
    return place


@pytest.fixture
def run_folder(tmp_path: Path, card: Any) -> Any:
    def new_job(volume: Any, request: Any, *, launcher: Any) -> ReadyJob:
        return ReadyJob(card, (*RUNNING, DONE), volume)

    return partial(process_folder, output=tmp_path / "out", model="tiny", new_job=new_job)


def test_a_folder_gets_a_row_per_file_and_one_failure_stops_no_other(run_folder: Any, folder: Path) -> None:
    told: list[tuple[int, int, str]] = []
    rows = run_folder(folder, progress=lambda done, total, status: told.append((done, total, status.state)))
    assert [row.path.name for row in rows] == ["a.nii", "b.nii.gz", "broken.nrrd"]
    assert [row.folder is None for row in rows] == [False, False, True]
    assert "broken.nrrd" in rows[2].error
    assert told == [(0, 3, "starting"), (0, 3, "running"), (1, 3, "starting"), (1, 3, "running")]
    assert {path.name for path in rows[0].folder.iterdir()} == set(CASE_FILES.values())
    assert not (rows[0].folder.parent / "broken").exists()


def test_a_folders_results_are_the_librarys(run_folder: Any, folder: Path, found: Any) -> None:
    (row,) = run_folder([folder / "a.nii"], **OPTIONS)
    written = read_label_map(row.folder / CASE_FILES["label map"])
    expected = found.label_map(**OPTIONS)
    np.testing.assert_array_equal(written.array_kji, expected.array_kji)
    assert row.volume_ml == pytest.approx(expected.volume_mm3 / 1000)
    report = json.loads((row.folder / CASE_FILES["report"]).read_text())
    assert not report["label_map"]["corrected"]
    assert row.components == len(report["components"])


def test_a_folders_results_bring_further_files(run_folder: Any, folder: Path) -> None:
    page, dicom = (run_folder([folder / name], exports=(kind,))[0] for name, kind in EXPORTED)
    assert (page.folder / "report.html").is_file()
    assert "b.nii.gz: is not DICOM" in dicom.error


def test_a_folders_work_ends_where_the_caller_says_so(run_folder: Any, folder: Path) -> None:
    def stop(done: int, total: int, status: Any) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_folder(folder, progress=stop)
    out = run_folder.keywords["output"]
    assert [path.name for path in out.iterdir()] == ["a"]


def test_a_folder_is_gone_through_without_waiting(tmp_path: Path, card: Any, folder: Path) -> None:
    jobs: list[ReadyJob] = []

    def new_job(volume: Any, request: Any, *, launcher: Any) -> ReadyJob:
        jobs.append(ReadyJob(card, (*RUNNING, DONE), volume))
        return jobs[-1]

    work = FolderProcessing(folder, tmp_path / "out", model="tiny", new_job=new_job)
    assert work.running
    assert work.poll().state == "starting"
    assert work.rows == []
    while not work.rows:
        work.poll()
    work.poll()
    work.cancel()
    assert (work.running, work.status.state) == (False, "cancelled")
    assert jobs[-1].cancelled
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]
    rest = FolderProcessing(folder, tmp_path / "again", model="tiny", new_job=new_job)
    while rest.poll().running:
        pass
    assert (len(rest.rows), rest.status.sentence) == (3, "2 of 3 volumes done, 1 failed")


def test_failed_jobs_are_rows(run_folder: Any, folder: Path, card: Any) -> None:
    def new_job(volume: Any, request: Any, *, launcher: Any) -> ReadyJob:
        return ReadyJob(card, failed(), volume)

    rows = run_folder([folder / "a.nii", folder / "b.nii.gz"], new_job=new_job)
    assert [row.error for row in rows] == ["memory ran out"] * 2


def test_inputs_are_volumes_and_dicom_folders(folder: Path, tmp_path: Path) -> None:
    (folder / "series").mkdir()
    (folder / "series" / "1.dcm").write_bytes(b"")
    (folder / "other").mkdir()
    assert [path.name for path in volume_paths(folder)] == ["a.nii", "b.nii.gz", "broken.nrrd", "series"]
    assert volume_paths(str(folder / "a.nii")) == [folder / "a.nii"]
    assert volume_paths(folder / "series") == [folder / "series"]
    with pytest.raises(InputError, match="holds no volume"):
        volume_paths(folder / "other")
    with pytest.raises(InputError, match="no volume is given"):
        volume_paths([])


def test_two_inputs_of_one_name_are_refused(run_folder: Any, folder: Path) -> None:
    (folder / "a.nrrd").write_text("same name")
    with pytest.raises(SettingsError, match="would both be written"):
        run_folder(folder)
