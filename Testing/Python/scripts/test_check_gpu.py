"""The checks for a CUDA card, on the CPU with tiny sizes."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
MISSING = ("SimpleITK", "monai", "lightning", "pydicom", "highdicom", "matplotlib", "skimage")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    module = importlib.import_module("_check_gpu")
    monkeypatch.setattr(module, "CPU_SIZES", module.Sizes(8, 48, 64, few=4, batch=4, rounds=1, pictures=12))
    yield module
    for name in ("_check_gpu", "_synthetic"):
        sys.modules.pop(name, None)


def test_every_check_passes_on_the_cpu(script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    assert script.main(["--device", "cpu", "--json", str(file)]) == 0
    written = json.loads(file.read_text())
    assert written["machine"]["torch"] == torch.__version__
    by_check = {finding["check"]: finding for finding in written["findings"]}
    assert by_check["encoder-network, label map against the CPU's"]["value"] == 1.0
    assert by_check["8 slices, from file to label map"]["value"] > 0
    assert {"  reading", "  preparation", "  inference", "  label map"} <= set(by_check)
    assert {f"{count} at once, 4 slices each" for count in (1, 2, 4)} <= set(by_check)
    assert "ran out of memory" in by_check["out of memory, label map against the usual one"]["note"]
    assert "MISSED" not in capsys.readouterr().out


def test_without_a_card_one_sentence_says_so(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert script.main([]) == 2
    assert "sees no CUDA card" in capsys.readouterr().out


def test_a_check_that_breaks_has_failed_and_the_next_one_runs(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_setting: object) -> Iterator[object]:
        raise RuntimeError("no kernel image")
        yield

    monkeypatch.setitem(script.CHECKS, "agreement", broken)
    assert script.main(["--device", "cpu", "--only", "agreement", "memory"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("MISSED agreement") and "no kernel image" in line for line in lines)
    assert lines[-1].startswith("met    out of memory")


def test_checks_run_from_the_checkout_without_the_other_libraries() -> None:
    code = f"import sys; sys.modules.update(dict.fromkeys({MISSING!r})); sys.path.insert(0, {str(SCRIPTS)!r}); "
    code += "import check_gpu; sys.exit(check_gpu.main(['--device', 'cpu', '--only', 'speed', 'training']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=SCRIPTS.parent)
    assert done.returncode == 0, done.stderr
    assert "without reading: SimpleITK is not installed" in done.stdout
    assert "not run: lightning not installed" in done.stdout
