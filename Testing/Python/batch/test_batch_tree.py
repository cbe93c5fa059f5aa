"""What is found in a folder tree."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from dicom_series import write_series

from CAMLocalizerLib.batch.naming import name_cases
from CAMLocalizerLib.batch.source import find_sources
from CAMLocalizerLib.core import Grid, InputError

UID = "1.2.826.0.1.7"


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def found(root: Path, **options) -> list[str]:
    return [source.file for source in find_sources(root, **options)]


@pytest.fixture
def stored(oblique_grid):
    return np.random.default_rng(3).integers(0, 900, oblique_grid.shape_kji).astype(np.uint16)


def test_volumes_are_found_at_every_depth_in_the_order_of_their_paths(tmp_path):
    touch(tmp_path, "b.nii", "a/c/d.nrrd", "a/e.mha", "a/f.NII.GZ")
    assert found(tmp_path) == ["a/c/d.nrrd", "a/e.mha", "a/f.NII.GZ", "b.nii"]


def test_hidden_files_results_pictures_and_other_files_are_left_out(tmp_path):
    touch(tmp_path, "a.nii", ".b.nii", ".git/c.nii", "notes.txt", "scan.png", "old.seg.nrrd")
    touch(tmp_path, "case/labelmap.nii.gz", "case/activation.nii.gz")
    assert found(tmp_path) == ["a.nii"]


def test_the_folder_of_results_is_left_out(tmp_path):
    touch(tmp_path, "a.nii", "results/case/b.nii")
    assert found(tmp_path, skipped=tmp_path / "results") == ["a.nii"]


def test_a_pattern_chooses_files_by_name(tmp_path):
    touch(tmp_path, "P1/T1.nii.gz", "P1/mask.nii.gz")
    assert found(tmp_path, pattern="T1*") == ["P1/T1.nii.gz"]


def test_an_archive_without_a_volume_is_said_to_be_so(tmp_path):
    touch(tmp_path, "notes.txt")
    with pytest.raises(InputError, match="holds no NRRD, NIfTI, MetaImage or DICOM volume that fits T1"):
        find_sources(tmp_path, pattern="T1*")


def test_linked_folders_are_entered_once_even_in_a_circle(tmp_path):
    touch(tmp_path, "archive/a.nii", "elsewhere/b.nii")
    (tmp_path / "archive" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "archive")
    assert found(tmp_path / "archive") == ["a.nii", "link/b.nii"]


def test_each_dicom_series_is_a_case_named_after_nobody(tmp_path, stored, oblique_grid):
    for uid in (UID + ".1", UID + ".2"):
        write_series(tmp_path / "Secret^Name" / uid, stored, oblique_grid, uid=uid)
    sources = find_sources(tmp_path)
    assert [source.series for source in sources] == [UID + ".1", UID + ".2"]
    names = name_cases(sources).values()
    assert len(set(names)) == 2
    assert all(name.startswith("series-") and "Secret" not in name and UID not in name for name in names)


def test_a_series_in_parts_lies_in_the_folder_above_and_of_two_copies_the_first_is_taken(
    tmp_path, stored, oblique_grid
):
    write_series(tmp_path / "copies" / "1", stored, oblique_grid, uid=UID)
    write_series(tmp_path / "copies" / "2", stored, oblique_grid, uid=UID)
    write_series(tmp_path / "parts" / "1", stored, oblique_grid, uid=UID + ".9")
    other = tmp_path / "parts" / "2"
    other.mkdir()
    for path in sorted((tmp_path / "parts" / "1").iterdir())[::2]:
        path.rename(other / path.name)
    assert [(source.file, source.series) for source in find_sources(tmp_path)] == [
        ("copies/1", UID),
        ("parts", UID + ".9"),
    ]


def test_a_folder_of_damaged_dicom_files_is_a_case_that_will_say_so(tmp_path):
    touch(tmp_path, "a.nii", "broken/1.dcm", "broken/2.dcm")
    sources = find_sources(tmp_path)
    assert [source.file for source in sources] == ["a.nii", "broken"]
    assert sources[1].dicom


def test_a_pair_is_one_volume_and_dicom_needs_no_preamble(tmp_path):
    nibabel.Nifti1Pair(np.arange(24, dtype=np.int16).reshape(4, 3, 2), np.eye(4)).to_filename(tmp_path / "a.hdr")
    grid = Grid((4, 3, 2), (1, 1, 1), (0, 0, 0), np.eye(3))
    write_series(tmp_path / "s", np.arange(24, dtype=np.uint16).reshape(2, 3, 4), grid)
    for path in list((tmp_path / "s").iterdir()):
        plain = pydicom.Dataset({element.tag: element for element in pydicom.dcmread(path)})
        pydicom.dcmwrite(path.with_suffix(""), plain, implicit_vr=True, little_endian=True)
        path.unlink()
    assert [source.path.name for source in find_sources(tmp_path)] == ["a.hdr", "s"]
