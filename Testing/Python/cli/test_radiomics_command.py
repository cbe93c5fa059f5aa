"""The command radiomics."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.core import LabelMap
from CAMLocalizerLib.io import write_label_map, write_nifti, write_segmentation


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
    assert "out.csv: exists already" in capsys.readouterr().err
    assert main(["radiomics", *files, "--overwrite"]) == 0


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
