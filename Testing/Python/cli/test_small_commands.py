"""Help, the list of models and the description of a volume."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import CAMLocalizerLib
from CAMLocalizerLib.cli import main
from CAMLocalizerLib.cli.catalogue import first_figure

HEAVY = ("torch", "numpy", "SimpleITK", "matplotlib", "scipy", "skimage", "tqdm", "pydicom")


def run_python(*arguments, stdout=subprocess.PIPE):
    environment = os.environ | {"PYTHONPATH": str(Path(CAMLocalizerLib.__file__).parents[1])}
    command = [sys.executable, *arguments]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment)


def test_help_answers_in_under_a_second_without_torch():
    begin = time.perf_counter()
    done = run_python("-m", "CAMLocalizerLib", "--help")
    assert time.perf_counter() - begin < 1.0
    assert done.returncode == 0
    assert "localize" in done.stdout


def test_reading_arguments_imports_nothing_heavy():
    code = f"import sys, CAMLocalizerLib.cli.arguments as a; a.build_parser(); print(set({HEAVY}) & set(sys.modules))"
    assert run_python("-c", code).stdout.strip() == "set()"


def test_a_batch_without_its_extra_says_how_to_get_it(tmp_path):
    code = (
        "import sys\n"
        "sys.modules['distributed'] = sys.modules['dask'] = None  # importing them fails\n"
        "from CAMLocalizerLib.cli import main\n"
        f"sys.exit(main(['batch', {str(tmp_path)!r}, '--output', {str(tmp_path / 'out')!r}]))\n"
    )
    done = run_python("-c", code)
    assert done.returncode == 2
    assert done.stderr == "camlocalizer: a batch needs Dask; install it with: pip install 'camlocalizer[batch]'\n"
    assert not (tmp_path / "out").exists()


def test_models_are_listed_with_a_measured_figure(models, capsys):
    assert main(["models"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("tiny"))
    assert "1.2" in row
    assert "axial,coronal,sagittal" in row
    assert "healthy,glioma" in row
    assert row.endswith("figshare mean iou 0.41")


def test_a_damaged_model_is_named_beside_the_others(models, capsys):
    (models / "tiny" / "weights.safetensors").write_bytes(b"")
    assert main(["models"]) == 1
    assert "were changed or damaged" in capsys.readouterr().err


def test_the_first_figure_of_nested_results_is_found():
    assert first_figure({"note": "words", "a": {"b": "x"}, "iou": {"mean": 0.12345}}) == "iou mean 0.123"
    assert first_figure({"done": True}) == ""


def test_info_says_what_is_in_a_volume(brain, capsys):
    assert main(["info", str(brain)]) == 0
    out = capsys.readouterr().out
    assert "20 x 24 x 9 voxels" in out
    assert "1.1 x 0.9 x 4 mm" in out
    assert "axial slices" in out


def test_info_on_a_missing_file_fails_with_a_sentence(tmp_path, capsys):
    assert main(["info", str(tmp_path / "none.nrrd")]) == 1
    assert "none.nrrd" in capsys.readouterr().err


def test_no_command_is_misuse(capsys):
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "COMMAND" in capsys.readouterr().err


def test_output_that_nobody_reads_ends_the_command_quietly():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run_python("-m", "CAMLocalizerLib", "models", stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
