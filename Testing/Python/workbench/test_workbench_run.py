"""The workbench with the classifier really at work in another process."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_stand_ins import names, run_to_end

pytest.importorskip("slicer", reason="the slicer-core wheel is not installed")

from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.localizer import Localization
from CAMLocalizerLib.models import MODELS_VARIABLE, ModelCard, save_model
from CAMLocalizerLib.mrml import volume_from_node
from CAMLocalizerLib.workbench import Workbench

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture
def model(tmp_path: Path, card: ModelCard, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tiny network that was never trained and finds a tumour everywhere."""
    torch = pytest.importorskip("torch")
    from dataclasses import replace

    from CAMLocalizerLib.networks import build_network

    torch.manual_seed(11)
    network = build_network("dcfpn", classes=2, channels=(4, 4, 4, 4))
    with torch.no_grad():
        network.head.bias.copy_(torch.tensor([-3.0, 3.0]))
    card = replace(card, network_settings={"channels": (4, 4, 4, 4)}, scales=(1, 4), map_levels={}, sha256="")
    save_model(tmp_path / "models" / card.name, card, network)
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    return card.name


def test_a_run_in_another_process_gives_the_localizers_label_map(scene: Any, volume_node: Any, model: str) -> None:
    from CAMLocalizerLib.localizer import Localizer

    workbench = Workbench(scene)
    workbench.choose_volume(volume_node)
    workbench.choose_model(model)
    workbench.device = "cpu"
    sentences: list[str] = []
    review = run_to_end(workbench, sentences.append)
    found = Localizer(model, device="cpu").run(volume_from_node(volume_node))
    np.testing.assert_array_equal(review.mask, found.label_map().array_kji)
    assert review.mask.any()
    assert sentences[0].startswith("Starting the classifier…")
    workbench.close()


def test_a_run_that_is_cancelled_leaves_no_node(scene: Any, volume_node: Any, model: str) -> None:
    workbench = Workbench(scene)
    workbench.choose_volume(volume_node)
    workbench.choose_model(model)
    before = names(scene)
    workbench.run()
    first = workbench.status
    while workbench.poll() == first:  # until the process tells what it does
        time.sleep(0.005)
    assert workbench.status.running
    workbench.cancel()
    assert names(scene) == before
    assert workbench.status.sentence == "Cancelled"


def test_a_model_that_is_gone_is_told_in_a_sentence(scene: Any, volume_node: Any, model: str, tmp_path: Path) -> None:
    workbench = Workbench(scene)
    workbench.choose_volume(volume_node)
    workbench.choose_model(model)
    (tmp_path / "models" / model / "weights.safetensors").unlink()
    before = names(scene)
    workbench.run()
    while workbench.poll().running:
        time.sleep(0.05)
    assert workbench.status.state == "failed"
    assert "weights.safetensors" in workbench.status.sentence
    assert names(scene) == before


def test_the_documented_script_makes_a_scene(
    found: Localization, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = [block for page in DOCS.rglob("*.md") for block in page.read_text().split("```python\n")[1:]]
    (script,) = (block.split("```")[0] for block in blocks if "HeadlessApplication" in block)
    write_nrrd(found.volume, tmp_path / "scan.nrrd")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(script.replace("brain-t1ce", model), names)
    assert (tmp_path / "scan.mrb").is_file()
    np.testing.assert_array_equal(names["label_map"].array_kji, names["result"].label_map.array_kji)


def write_nrrd(volume: Volume, path: Path) -> None:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(volume.array_kji)
    image.SetSpacing(volume.grid.spacing_mm)
    image.SetOrigin(volume.grid.origin_mm)
    image.SetDirection(volume.grid.direction.ravel().tolist())
    SimpleITK.WriteImage(image, str(path))
