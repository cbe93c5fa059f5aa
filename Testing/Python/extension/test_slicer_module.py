"""The module file on the real Slicer core, with stand-ins for what needs Qt."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from CAMLocalizerLib.core import SettingsError

MODULE_FOLDER = Path(__file__).resolve().parents[3] / "CAMLocalizer"


@pytest.fixture
def bundle(tmp_path: Path) -> Any:
    """A bundle with a tiny network that was never trained."""
    torch = pytest.importorskip("torch")
    from CAMLocalizerLib.models import ModelCard, save_model
    from CAMLocalizerLib.networks import build_network

    settings = {"channels": (4, 4, 4, 4)}
    card = ModelCard(
        name="tiny",
        version="0",
        network="dcfpn",
        network_settings=settings,
        modality="noise",
        spacing_mm=2.0,
        size=(32, 32),
        normalisation="foreground-zscore",
        classes=("none", "tumour"),
        tumour_classes=("tumour",),
        scales=(1, 2, 3, 4),
        threshold="0.5",
    )
    torch.manual_seed(5)
    return save_model(tmp_path / "tiny", card, build_network("dcfpn", classes=2, **settings))


def test_importing_the_module_does_not_import_torch() -> None:
    pytest.importorskip("slicer", reason="the slicer-core wheel is not installed")
    code = (
        "import sys, pytest, stand_ins\n"
        "from CAMLocalizerLib.mrml import HeadlessApplication\n"
        "with HeadlessApplication(publish=True), pytest.MonkeyPatch.context() as patch:\n"
        "    stand_ins.register(patch)\n"
        "    stand_ins.import_module_file(patch)\n"
        "    print('torch' in sys.modules)\n"
    )
    paths = f"import sys; sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(MODULE_FOLDER)!r}]\n"
    done = subprocess.run([sys.executable, "-c", paths + code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_panel_needs_nothing_that_slicer_lacks() -> None:
    pytest.importorskip("slicer", reason="the slicer-core wheel is not installed")
    code = (
        "import sys, pytest, stand_ins\n"
        "from CAMLocalizerLib.mrml import HeadlessApplication\n"
        "with HeadlessApplication(publish=True), pytest.MonkeyPatch.context() as patch:\n"
        "    stand_ins.register(patch)\n"
        "    for name in ('torch', 'skimage', 'matplotlib', 'safetensors', 'tqdm', 'CAMLocalizerLib.workbench'):\n"
        "        patch.setitem(sys.modules, name, None)  # importing it fails, as in a new Slicer\n"
        "    import CAMLocalizerLib.panel\n"
    )
    paths = f"import sys; sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(MODULE_FOLDER)!r}]\n"
    done = subprocess.run([sys.executable, "-c", paths + code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_module_describes_itself_and_waits_for_start_up(module: ModuleType) -> None:
    import slicer

    parent = SimpleNamespace()
    module.CAMLocalizer(parent)
    assert parent.categories == ["Segmentation"]
    assert slicer.app.connections["startupCompleted()"] is module.registerSampleData


def test_the_sample_is_registered_by_address_and_checksum(module: ModuleType, sample_script: ModuleType) -> None:
    import SampleData

    module.registerSampleData()
    (source,) = SampleData.SampleDataLogic.registered
    assert source["uris"].startswith("https://")
    assert source["uris"].endswith(f"/v3.0.1/data/{sample_script.IMAGE}")
    assert source["checksums"] == f"SHA256:{sample_script.SHA256[sample_script.IMAGE]}"
    assert Path(source["thumbnailFileName"]).is_file()
    assert source["loadFileTypes"] == "VolumeFile"


def segment_names(node: Any) -> list[str]:
    segmentation = node.GetSegmentation()
    return [segmentation.GetNthSegment(index).GetName() for index in range(segmentation.GetNumberOfSegments())]


def test_process_runs_a_model_in_another_process_and_shows_what_it_found(
    module: ModuleType, node: Any, bundle: Any
) -> None:
    from CAMLocalizerLib.mrml import grid_from_node, segmentation_from_node

    result = module.CAMLocalizerLogic().process(node, model=str(bundle.folder), device="cpu")
    label_map = segmentation_from_node(result.segmentation_node)
    assert label_map.grid.matches(grid_from_node(node))
    np.testing.assert_array_equal(label_map.array_kji, result.label_map.array_kji)
    assert grid_from_node(result.activation_node).matches(grid_from_node(node))


def test_process_adds_a_segment_to_the_users_own(module: ModuleType, application: Any, node: Any, job: Any) -> None:
    own = application.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    own.GetSegmentation().AddEmptySegment("a", "Bone")
    result = module.CAMLocalizerLogic().process(node, own, new_job=job, name="Lesion")
    assert result.segmentation_node is own
    assert segment_names(own) == ["Bone", "Lesion"]


def test_process_gives_the_panels_numbers(module: ModuleType, reviewing: Any, node: Any, job: Any) -> None:
    reviewing.ui.thresholdSlider.value = 40.0
    reviewing.controls.interactions.update_timer.fire()
    result = module.CAMLocalizerLogic().process(node, new_job=job, threshold=0.4)
    np.testing.assert_array_equal(result.label_map.array_kji, reviewing.review.mask)


def test_process_follows_the_volume_under_a_transform(
    module: ModuleType, application: Any, node: Any, job: Any
) -> None:
    from CAMLocalizerLib.mrml import grid_from_node
    from CAMLocalizerLib.mrml.geometry import matrix_to_vtk

    transform = application.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
    transform.SetMatrixTransformToParent(matrix_to_vtk([[1, 0, 0, 9], [0, 1, 0, -4], [0, 0, 1, 2], [0, 0, 0, 1]]))
    before = grid_from_node(node)
    node.SetAndObserveTransformNodeID(transform.GetID())
    grid = module.CAMLocalizerLogic().process(node, new_job=job).label_map.grid
    np.testing.assert_allclose(np.subtract(grid.origin_mm, before.origin_mm), (-9, 4, 2), atol=1e-9)


def test_process_keeps_the_window_alive_and_tells_how_far_it_is(module: ModuleType, node: Any, job: Any) -> None:
    import slicer

    events: list[str] = []
    slicer.app.processEvents = lambda: events.append("events")
    module.CAMLocalizerLogic().process(node, new_job=job, progress=lambda status: events.append(status.sentence))
    assert events == ["2 of 5 slices, about 4 s left", "events"]


def test_without_waiting_a_callback_gets_the_result(module: ModuleType, node: Any, job: Any) -> None:
    outcomes: list[tuple[Any, str]] = []
    running = module.CAMLocalizerLogic().process(
        node, new_job=job, blocking=False, completed=lambda *outcome: outcomes.append(outcome)
    )
    running.timer.fire()
    assert outcomes == []
    running.timer.fire()
    ((result, sentence),) = outcomes
    assert segment_names(result.segmentation_node) == ["Tumour"]
    assert "5 axial slices" in sentence
    assert not running.timer.active


def test_a_failure_is_told_to_the_callback_and_leaves_the_scene_as_it_was(
    module: ModuleType, application: Any, node: Any, job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from CAMLocalizerLib.jobs import JobProgress

    monkeypatch.setattr(job, "states", [JobProgress("failed", message="the model ran out of memory")])
    count = application.scene.GetNumberOfNodes()
    outcomes: list[tuple[Any, str]] = []
    running = module.CAMLocalizerLogic().process(
        node, new_job=job, blocking=False, completed=lambda *outcome: outcomes.append(outcome)
    )
    running.timer.fire()
    assert outcomes == [(None, "the model ran out of memory.")]
    assert application.scene.GetNumberOfNodes() == count


def test_what_progress_raises_cancels_the_run(module: ModuleType, application: Any, node: Any, job: Any) -> None:
    def stop(_status: Any) -> None:
        raise KeyboardInterrupt

    count = application.scene.GetNumberOfNodes()
    with pytest.raises(KeyboardInterrupt):
        module.CAMLocalizerLogic().process(node, new_job=job, progress=stop)
    assert job.last.cancelled
    assert application.scene.GetNumberOfNodes() == count


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [({"threshold": 2}, "out of range"), ({"colour": 1}, "no setting is called colour"), ({"scales": [9]}, "scales")],
)
def test_settings_that_cannot_be_are_told_in_a_sentence(
    module: ModuleType, application: Any, node: Any, job: Any, settings: dict[str, Any], sentence: str
) -> None:
    from CAMLocalizerLib.core import CAMLocalizerError

    count = application.scene.GetNumberOfNodes()
    with pytest.raises(CAMLocalizerError, match=sentence):
        module.CAMLocalizerLogic().process(node, new_job=job, **settings)
    assert application.scene.GetNumberOfNodes() == count


def test_no_volume_is_told_in_a_sentence(module: ModuleType) -> None:
    with pytest.raises(SettingsError, match="choose one first"):
        module.CAMLocalizerLogic().process(None)


def test_process_folder_writes_the_files_of_every_volume(
    module: ModuleType, tmp_path: Path, node: Any, job: Any
) -> None:
    from CAMLocalizerLib.io.nifti_writer import write_nifti
    from CAMLocalizerLib.mrml import volume_from_node

    (tmp_path / "in").mkdir()
    volume = volume_from_node(node)
    for name in ("one.nii.gz", "two.nii.gz"):
        write_nifti(volume.array_kji, volume.grid, tmp_path / "in" / name)
    (tmp_path / "in" / "three.nrrd").write_text("no volume")
    steps: list[tuple[int, int]] = []
    rows = module.CAMLocalizerLogic().processFolder(
        tmp_path / "in",
        tmp_path / "out",
        new_job=job,
        progress=lambda done, total, _status: steps.append((done, total)),
    )
    assert [(row.path.name, bool(row.error)) for row in rows] == [
        ("one.nii.gz", False),
        ("three.nrrd", True),
        ("two.nii.gz", False),
    ]
    assert (tmp_path / "out" / "two" / "report.json").is_file()
    assert steps[-1] == (2, 3)


def test_process_folder_takes_dicom_files_without_an_ending(
    module: ModuleType, tmp_path: Path, node: Any, job: Any
) -> None:
    from dicom_series import write_series

    from CAMLocalizerLib.mrml import volume_from_node

    volume = volume_from_node(node)
    series = tmp_path / "export" / "PA000001" / "ST000001" / "SE000001"
    write_series(series, (100 * (volume.array_kji - volume.array_kji.min())).astype("uint16"), volume.grid)
    for number, path in enumerate(sorted(series.iterdir())):
        path.rename(series / f"IM{number:06}")
    (patient,) = module.CAMLocalizerLogic().processFolder(tmp_path / "export", tmp_path / "one", new_job=job)
    (direct,) = module.CAMLocalizerLogic().processFolder(series, tmp_path / "two", new_job=job)
    assert (patient.error, patient.path.name, direct.error) == ("", "PA000001", "")
    assert (tmp_path / "one" / "PA000001" / "report.json").is_file()
    assert (tmp_path / "two" / "SE000001" / "report.json").is_file()


def test_a_folder_is_gone_through_without_waiting_too(module: ModuleType, tmp_path: Path, node: Any, job: Any) -> None:
    from CAMLocalizerLib.io.nifti_writer import write_nifti
    from CAMLocalizerLib.mrml import volume_from_node

    volume = volume_from_node(node)
    write_nifti(volume.array_kji, volume.grid, tmp_path / "in.nii.gz")
    outcomes: list[tuple[Any, str]] = []
    steps: list[tuple[int, int]] = []
    work = module.CAMLocalizerLogic().processFolder(
        tmp_path / "in.nii.gz",
        tmp_path / "out",
        new_job=job,
        exports=("html",),
        blocking=False,
        progress=lambda done, total, _status: steps.append((done, total)),
        completed=lambda *outcome: outcomes.append(outcome),
    )
    assert outcomes == []
    while work.timer.active:
        work.timer.fire()
    (((row,), sentence),) = outcomes
    assert (row.folder / "report.html").is_file()
    assert (sentence, steps) == ("1 of 1 volumes done", [(0, 1)])


def test_parameters_live_in_the_scene(module: ModuleType, node: Any) -> None:
    logic = module.CAMLocalizerLogic()
    logic.getParameterNode().inputVolume = node
    logic.getParameterNode().model = "other"
    again = module.CAMLocalizerLogic().getParameterNode()
    assert again.inputVolume is node
    assert again.model == "other"
    assert again.outputSegmentation is None


def test_what_the_module_requires_does_not_touch_slicers_own_packages() -> None:
    lines = (MODULE_FOLDER / "Resources" / "requirements.txt").read_text().splitlines()
    names = {re.split(r"[<>=]", line)[0].lower() for line in lines if line and not line.startswith("#")}
    assert not names & {"numpy", "packaging", "scipy", "simpleitk", "pydicom", "torch", "torchvision"}
