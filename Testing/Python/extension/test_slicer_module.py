"""The module file on the real Slicer core, with stand-ins for what needs Qt."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from CAMLocalizerLib.core import GridError, ModelError

MODULE_FOLDER = Path(__file__).resolve().parents[3] / "CAMLocalizer"
SLICES = 5
SHEAR = [[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


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


def test_the_module_describes_itself_and_waits_for_start_up(module: ModuleType) -> None:
    import slicer

    parent = SimpleNamespace()
    module.CAMLocalizer(parent)
    assert parent.categories == ["Segmentation"]
    assert slicer.app.connections["startupCompleted()"] is module.registerSampleData


def test_the_sample_is_registered_from_the_disk_with_its_checksum(module: ModuleType) -> None:
    import SampleData

    module.registerSampleData()
    (source,) = SampleData.SampleDataLogic.registered
    assert source["uris"] == module.findSampleFile().as_uri()
    digest = hashlib.sha256(module.findSampleFile().read_bytes()).hexdigest()
    assert source["checksums"] == f"SHA256:{digest}"
    assert Path(source["thumbnailFileName"]).is_file()


def test_without_the_file_the_sample_comes_from_the_repository(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    import SampleData

    monkeypatch.setattr(module, "findSampleFile", lambda: None)
    module.registerSampleData()
    assert SampleData.SampleDataLogic.registered[0]["uris"] == module.SAMPLE_URL


def test_the_sample_is_found_in_an_installed_extension(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "lib" / "Slicer-5.12" / "qt-scripted-modules" / "CAMLocalizer.py"
    sample = tmp_path / "share" / "Slicer-5.12" / "CAMLocalizer" / "SampleData" / module.SAMPLE_FILE
    sample.parent.mkdir(parents=True)
    sample.touch()
    monkeypatch.setattr(module, "__file__", str(installed))
    assert module.findSampleFile() == sample


def test_process_shows_map_and_segmentation_on_the_volumes_grid(module: ModuleType, node: Any, bundle: Any) -> None:
    from CAMLocalizerLib.mrml import grid_from_node, segmentation_from_node

    result = module.CAMLocalizerLogic().process(node, bundle, device="cpu")
    label_map = segmentation_from_node(result.segmentationNode)
    assert label_map.grid.matches(grid_from_node(node))
    np.testing.assert_array_equal(label_map.array_kji, result.localization.label_map().array_kji)
    assert grid_from_node(result.activationNode).matches(grid_from_node(node))


def test_process_follows_the_volume_under_a_transform(
    module: ModuleType, application: Any, node: Any, bundle: Any
) -> None:
    from CAMLocalizerLib.mrml import grid_from_node, segmentation_from_node
    from CAMLocalizerLib.mrml.geometry import matrix_to_vtk

    transform = application.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
    transform.SetMatrixTransformToParent(matrix_to_vtk([[1, 0, 0, 9], [0, 1, 0, -4], [0, 0, 1, 2], [0, 0, 0, 1]]))
    before = grid_from_node(node)
    node.SetAndObserveTransformNodeID(transform.GetID())
    result = module.CAMLocalizerLogic().process(node, bundle, device="cpu")
    grid = segmentation_from_node(result.segmentationNode).grid
    np.testing.assert_allclose(np.subtract(grid.origin_mm, before.origin_mm), (-9, 4, 2), atol=1e-9)


def test_process_says_what_made_the_result(module: ModuleType, node: Any, bundle: Any) -> None:
    result = module.CAMLocalizerLogic().process(node, bundle, device="cpu", threshold="0.7")
    for made in (result.activationNode, result.segmentationNode):
        assert made.GetAttribute("CAMLocalizer.ModelSHA256") == bundle.card.sha256
        assert made.GetAttribute("CAMLocalizer.Threshold") == "0.7"


def test_process_fills_the_nodes_it_is_given(module: ModuleType, application: Any, node: Any, bundle: Any) -> None:
    logic = module.CAMLocalizerLogic()
    first = logic.process(node, bundle, device="cpu")
    count = application.scene.GetNumberOfNodes()
    second = logic.process(
        node, bundle, device="cpu", activationNode=first.activationNode, segmentationNode=first.segmentationNode
    )
    assert second.segmentationNode is first.segmentationNode
    assert application.scene.GetNumberOfNodes() == count


def test_process_reports_progress_to_the_last_slice(module: ModuleType, node: Any, bundle: Any) -> None:
    steps: list[tuple[int, int]] = []
    module.CAMLocalizerLogic().process(node, bundle, device="cpu", progress=lambda *step: steps.append(step))
    assert steps[-1] == (SLICES, SLICES)


@pytest.mark.parametrize("problem", ["shear", "model", "cancel"])
def test_a_failed_run_leaves_the_scene_as_it_was(
    module: ModuleType, application: Any, node: Any, bundle: Any, problem: str
) -> None:
    from CAMLocalizerLib.mrml.geometry import matrix_to_vtk

    def cancel(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    if problem == "shear":
        transform = application.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        transform.SetMatrixTransformToParent(matrix_to_vtk(SHEAR))
        node.SetAndObserveTransformNodeID(transform.GetID())
    count = application.scene.GetNumberOfNodes()
    with pytest.raises({"shear": GridError, "model": ModelError, "cancel": KeyboardInterrupt}[problem]):
        module.CAMLocalizerLogic().process(
            node,
            "no-such-model" if problem == "model" else bundle,
            device="cpu",
            progress=cancel if problem == "cancel" else None,
        )
    assert application.scene.GetNumberOfNodes() == count


def test_no_input_is_said_in_a_sentence(module: ModuleType) -> None:
    with pytest.raises(ValueError, match="choose one first"):
        module.CAMLocalizerLogic().process(None)


def test_missing_torch_is_said_in_a_sentence(module: ModuleType, node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(RuntimeError, match="PyTorch is not installed"):
        module.CAMLocalizerLogic().process(node)


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
    assert not names & {"numpy", "scipy", "simpleitk", "pydicom", "torch", "torchvision"}
