"""What is in a file, or why it would be refused, for people and for programs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from dicom_series import write_series

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.io import read_volume


@pytest.fixture
def two_series(tmp_path, oblique_grid):
    stored = np.random.default_rng(3).integers(0, 4000, oblique_grid.shape_kji).astype(np.uint16)
    write_series(tmp_path / "dicom" / "a", stored, oblique_grid, uid="1.2.1")
    write_series(tmp_path / "dicom" / "b", stored[:1] * 0, oblique_grid, uid="1.2.2")
    return tmp_path / "dicom"


def asked(capsys, *arguments):
    code = main(["info", *map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_json_holds_what_the_reader_reads(brain, capsys):
    code, values = asked(capsys, brain)
    volume = read_volume(brain)
    assert code == 0
    assert (values["read"], values["refusal"], values["name"], values["format"]) == (True, "", "brain", "NIfTI")
    assert values["size"] == list(volume.grid.size)
    assert values["origin_mm"] == pytest.approx(volume.grid.origin_mm)
    assert values["intensity_range"] == [float(volume.array_kji.min()), float(volume.array_kji.max())]
    assert values["percentiles"]["50"] == pytest.approx(float(np.median(volume.array_kji)))


def test_every_file_is_described_or_its_refusal_said(brain, tmp_path, capsys):
    (tmp_path / "cut.nii.gz").write_bytes(brain.read_bytes()[:500])
    (tmp_path / "notes.txt").write_text("x")
    code, values = asked(capsys, brain, tmp_path / "cut.nii.gz", tmp_path / "notes.txt", tmp_path / "none.nrrd")
    assert code == 1
    assert [each["read"] for each in values] == [True, False, False, False]
    assert "compressed data is truncated" in values[1]["refusal"]
    assert "not a supported image format" in values[2]["refusal"]
    assert "no such file" in values[3]["refusal"]


def test_each_series_of_a_folder_is_told(two_series, capsys):
    code, values = asked(capsys, two_series)
    assert code == 1
    assert "contains 2 series; choose one with --series" in values[0]["refusal"]
    assert [(each["series"], each["read"]) for each in values[1:]] == [("1.2.1", True), ("1.2.2", False)]
    assert "every voxel is 0" in values[2]["refusal"]
    code, one = asked(capsys, two_series, "--series", "1.2.1")
    assert (code, one["read"], one["modality"]) == (0, True, "MR")


def test_damaged_files_of_a_folder_are_named(two_series, tmp_path, capsys, brain):
    (two_series / "broken.dcm").write_bytes(b"x" * 500)
    (two_series / "brain.nii.gz").write_bytes(brain.read_bytes())
    code, values = asked(capsys, two_series)
    assert code == 1
    assert [each["path"].rpartition("/")[2] for each in values] == ["dicom", "brain.nii.gz", "broken.dcm"]
    assert [each["read"] for each in values] == [False, True, False]


def test_people_read_the_same(brain, tmp_path, capsys):
    assert main(["info", str(brain), str(tmp_path / "none.nrrd")]) == 1
    said = capsys.readouterr()
    assert f"path         {brain}" in said.out
    assert "20 x 24 x 9 voxels" in said.out
    assert said.err.startswith("camlocalizer: ")
    assert said.err.count("\n") == 1
