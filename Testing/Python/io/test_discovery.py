"""What can be given to the command line, listed without reading headers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_series import write_series

from CAMLocalizerLib.io.discovery import holds_dicom, is_volume_file, list_inputs


@pytest.fixture
def stored(oblique_grid):
    return np.random.default_rng(3).integers(0, 900, oblique_grid.shape_kji).astype(np.uint16)


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def without_endings(folder: Path) -> None:
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"IM{number:06}")


def listed(root: Path, **options) -> list[str]:
    return [path.relative_to(root).as_posix() for path in list_inputs(root, **options)]


def test_volume_files_are_told_by_their_names(tmp_path):
    touch(tmp_path, "a.nii", "b.nrrd", "c.seg.nrrd", "labelmap.nii.gz", "d.png", "e.txt", "pair.hdr", "pair.img")
    assert [path.name for path in sorted(tmp_path.iterdir()) if is_volume_file(path)] == ["a.nii", "b.nrrd", "pair.hdr"]
    assert is_volume_file(tmp_path / "d.png", {"PNG"})


def test_dicom_files_need_no_ending(tmp_path, stored, oblique_grid):
    write_series(tmp_path / "series", stored, oblique_grid)
    without_endings(tmp_path / "series")
    touch(tmp_path, "notes/README", "notes/VERSION")
    assert holds_dicom(tmp_path / "series")
    assert not holds_dicom(tmp_path / "notes")
    assert listed(tmp_path) == ["series"]


def test_the_index_of_a_medium_and_results_are_not_images(tmp_path, stored, oblique_grid):
    write_series(tmp_path / "series", stored, oblique_grid)
    (tmp_path / "series").joinpath("DICOMDIR").write_bytes(next((tmp_path / "series").glob("*.dcm")).read_bytes())
    for path in (tmp_path / "series").glob("*.dcm"):
        path.unlink()
    touch(tmp_path, "case/report.json", "case/labelmap.nii.gz", "case/segmentation.dcm", "case/own.nii")
    assert listed(tmp_path, depth=3) == []


def test_files_of_an_export_may_lie_some_folders_below(tmp_path, stored, oblique_grid):
    deep = tmp_path / "PA000001" / "ST000001" / "SE000001"
    write_series(deep, stored, oblique_grid)
    without_endings(deep)
    assert listed(tmp_path) == []
    assert listed(tmp_path, dicom_depth=2) == ["PA000001"]
    assert listed(tmp_path, depth=2) == ["PA000001/ST000001/SE000001"]


def test_folders_are_searched_as_deep_as_is_asked_and_hidden_ones_are_not(tmp_path):
    touch(tmp_path, "b.nii", "a/c.nii", "a/d/e.nii", ".git/f.nii", ".g.nii")
    assert listed(tmp_path) == ["b.nii"]
    assert listed(tmp_path, depth=1) == ["a/c.nii", "b.nii"]
    assert listed(tmp_path, depth=2) == ["a/c.nii", "a/d/e.nii", "b.nii"]
