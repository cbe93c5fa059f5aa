"""Results computed again from their reports."""

from __future__ import annotations

import gzip
import json

import nibabel
import numpy as np
import pytest
from dicom_series import write_series
from PIL import Image

from CAMLocalizerLib import read_volume
from CAMLocalizerLib.cli import main
from CAMLocalizerLib.io import source_sha256, write_nifti

SETTINGS = ["--threshold", "q80", "--scales", "1,3", "--scale-weights", "1,0.5", "--keep-largest", "2"]


@pytest.fixture
def report(localize, brain, tmp_path):
    assert localize(brain, *SETTINGS, "--refine", "geodesic") == 0
    return tmp_path / "out" / "brain" / "report.json"


def test_a_report_gives_the_same_label_map_again(report, brain, tmp_path, capsys):
    again = ["--input", str(brain.parent), "--output", str(tmp_path / "again"), "--device", "cpu"]
    assert main(["rerun", str(report), *again]) == 0
    assert "brain.nii.gz: the same label map" in capsys.readouterr().out
    first, second = (read_volume(tmp_path / folder / "brain" / "labelmap.nii.gz") for folder in ("out", "again"))
    np.testing.assert_array_equal(first.array_kji, second.array_kji)


def test_the_volume_is_looked_for_in_the_current_folder(report, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["rerun", str(report), "--device", "cpu"]) == 0


def test_another_result_ends_with_one(report, brain, capsys):
    changed = json.loads(report.read_text(encoding="utf-8"))
    changed["label_settings"]["threshold"] = "q60"
    report.write_text(json.dumps(changed), encoding="utf-8")
    assert main(["rerun", str(report), "--input", str(brain), "--device", "cpu"]) == 1
    assert "ANOTHER label map" in capsys.readouterr().out


def test_another_volume_of_that_name_is_refused(report, brain, oblique_volume, capsys):
    write_nifti(oblique_volume.array_kji + 1, oblique_volume.grid, brain)
    assert main(["rerun", str(report), "--input", str(brain)]) == 2
    assert "its voxels differ" in capsys.readouterr().err


def test_a_volume_that_is_not_there_is_asked_for(report, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["rerun", str(report), "--input", str(tmp_path / "empty")]) == 2
    assert "say where it is with --input" in capsys.readouterr().err


def test_other_weights_are_refused(report, models, brain, capsys):
    changed = json.loads(report.read_text(encoding="utf-8"))
    changed["model"]["sha256"] = "0" * 64
    report.write_text(json.dumps(changed), encoding="utf-8")
    assert main(["rerun", str(report), "--input", str(brain)]) == 2
    assert "has other weights" in capsys.readouterr().err


def test_a_corrected_result_cannot_be_computed(report, brain, capsys):
    changed = json.loads(report.read_text(encoding="utf-8"))
    changed["label_map"]["corrected"] = True
    report.write_text(json.dumps(changed), encoding="utf-8")
    assert main(["rerun", str(report), "--input", str(brain)]) == 2
    assert "a reviewer corrected this label map" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "complaint"), [("{", "not JSON"), ("{}", "lacks 'input'"), ("[]", "a JSON object is expected")]
)
def test_what_is_no_report_is_refused(tmp_path, capsys, text, complaint):
    (tmp_path / "report.json").write_text(text, encoding="utf-8")
    assert main(["rerun", str(tmp_path / "report.json")]) == 2
    assert complaint in capsys.readouterr().err


def test_every_file_of_a_case_says_where_it_comes_from(report, brain):
    told = json.loads(report.read_text(encoding="utf-8"))
    model, source = told["model"]["sha256"][:12], source_sha256(brain)
    assert told["input"]["sha256"] == source
    contents = {path.name: path.read_bytes() for path in report.parent.iterdir()}
    for name in ("labelmap.nii.gz", "activation.nii.gz"):
        header = gzip.decompress(contents[name])[148:227].decode()
        assert header.startswith("camlocalizer ")
        assert model in header
        assert source[:12] in header
    assert model.encode() in contents["overview.png"]
    assert source.encode() in contents["segmentation.seg.nrrd"]


def test_a_dicom_folder_that_was_renamed_and_holds_another_series_is_found(localize, oblique_grid, tmp_path, capsys):
    stored = np.random.default_rng(5).integers(0, 900, (2, *oblique_grid.shape_kji)).astype(np.uint16)
    write_series(tmp_path / "scan", stored[0], oblique_grid)
    assert localize(tmp_path / "scan", "--threshold", "q80") == 0
    report = tmp_path / "out" / "scan" / "report.json"
    (tmp_path / "scan").rename(tmp_path / "archive")
    write_series(tmp_path / "archive" / "other", stored[1], oblique_grid)
    assert main(["rerun", str(report), "--input", str(tmp_path / "archive"), "--device", "cpu"]) == 0
    assert "archive: the same label map" in capsys.readouterr().out


def test_what_is_only_called_like_the_input_is_passed_over(report, brain, tmp_path, monkeypatch, capsys):
    (tmp_path / "a" / "brain.nii.gz").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "brain.nii.gz").write_bytes(b"damaged")
    monkeypatch.chdir(tmp_path)
    assert main(["rerun", str(report), "--device", "cpu"]) == 0


def test_nifti_and_picture_hold_the_settings_too(report):
    told = json.loads(report.read_text(encoding="utf-8"))["label_settings"]
    for name in ("labelmap.nii.gz", "activation.nii.gz"):
        (extension,) = nibabel.load(report.parent / name).header.extensions
        assert extension.get_code() == 6
        assert json.loads(extension.get_content().rstrip(b"\0"))["settings"] == told
    with Image.open(report.parent / "overview.png") as picture:
        assert json.loads(picture.text["Description"])["settings"] == told
