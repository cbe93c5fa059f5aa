"""The command radiomics."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest

from CAMLocalizerLib import measure
from CAMLocalizerLib.cli import main
from CAMLocalizerLib.core import Grid, LabelMap
from CAMLocalizerLib.io import write_label_map, write_nifti, write_segmentation
from CAMLocalizerLib.measure import radiomics
from CAMLocalizerLib.version import VERSION


@pytest.fixture
def files(oblique_volume, tmp_path):
    labels = np.zeros(oblique_volume.grid.shape_kji, np.uint8)
    labels[2:5, 3:12, 4:9] = 1
    labels[6:8, 3:12, 4:9] = 2
    write_nifti(oblique_volume.array_kji, oblique_volume.grid, tmp_path / "image.nii.gz")
    write_segmentation(LabelMap(labels, oblique_volume.grid, ("A", "B")), tmp_path / "labels.seg.nrrd")
    return [str(tmp_path / "image.nii.gz"), str(tmp_path / "labels.seg.nrrd"), "--output", str(tmp_path / "out.csv")]


def test_every_segment_gets_a_row(files, capsys):
    assert main(["radiomics", *files]) == 0
    assert capsys.readouterr().out.startswith("2 segments, ")
    with open(files[-1], newline="", encoding="utf-8") as stream:  # noqa: PTH123
        rows = list(csv.DictReader(stream))
    assert [(row["Image"], row["Mask"], row["Segment"]) for row in rows] == [
        ("image", "labels.seg.nrrd", "A"),
        ("image", "labels.seg.nrrd", "B"),
    ]


def test_a_table_is_not_replaced_unasked(files, capsys):
    assert main(["radiomics", *files]) == 0
    assert main(["radiomics", *files]) == 2
    assert "out.csv: already exists" in capsys.readouterr().err
    assert main(["radiomics", *files, "--overwrite"]) == 0


def test_a_table_that_appeared_meanwhile_is_not_replaced(files, tmp_path, monkeypatch, capsys):
    def meanwhile(*arguments, **options):
        (tmp_path / "out.csv").write_text("theirs")
        return radiomics(*arguments, **options)

    monkeypatch.setattr(measure, "radiomics", meanwhile)
    assert main(["radiomics", *files]) == 2
    assert "out.csv: already exists" in capsys.readouterr().err
    assert (tmp_path / "out.csv").read_text() == "theirs"
    assert not list(tmp_path.glob("*.partial"))


def test_an_empty_label_map_is_refused_and_nothing_is_written(files, oblique_grid, tmp_path, capsys):
    empty = tmp_path / "empty.nii.gz"
    write_label_map(LabelMap(np.zeros(oblique_grid.shape_kji, np.uint8), oblique_grid), empty)
    assert main(["radiomics", files[0], str(empty), *files[2:]]) == 2
    assert "empty.nii.gz: the label map is empty" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(("name", "complaint"), [("out.txt", "must be named .csv"), ("no/out.csv", "does not exist")])
def test_a_place_that_cannot_be_written_is_refused_first(files, tmp_path, capsys, name, complaint):
    assert main(["radiomics", *files[:-1], str(tmp_path / name)]) == 2
    assert complaint in capsys.readouterr().err


def test_a_table_says_where_it_comes_from(files):
    assert main(["radiomics", *files]) == 0
    with Path(files[-1]).open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            assert row["CAMLocalizer_camlocalizer"] == VERSION
            assert row["CAMLocalizer_source_sha256"] == hashlib.sha256(Path(files[0]).read_bytes()).hexdigest()
            assert row["CAMLocalizer_label_map_sha256"] == hashlib.sha256(Path(files[1]).read_bytes()).hexdigest()


def test_a_label_map_of_another_grid_is_named_with_both(files, oblique_grid, tmp_path, capsys):
    grid = Grid((6, 6, 6), (3.0, 3.0, 3.0), tuple(oblique_grid.to_lps((4, 4, 2))), oblique_grid.direction)
    write_label_map(LabelMap(np.ones((6, 6, 6), np.uint8), grid), tmp_path / "other.nii.gz")
    assert main(["radiomics", files[0], str(tmp_path / "other.nii.gz"), *files[2:]]) == 2
    told = capsys.readouterr().err
    assert "other.nii.gz: the label map lies on another grid than the image: 6 x 6 x 6 voxels" in told
    assert "--resample" in told
    assert main(["radiomics", files[0], str(tmp_path / "other.nii.gz"), *files[2:], "--resample"]) == 0
    assert "note: the label map was brought onto the image's grid: 5.83 ml became" in capsys.readouterr().out
