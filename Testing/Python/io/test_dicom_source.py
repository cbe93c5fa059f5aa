"""Tests of the source attributes that a DICOM result repeats, and of its grid."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dicom_series import pet_tags, referable, write_multi_frame, write_series
from pydicom.dataset import Dataset

from CAMLocalizerLib.core import Grid, GridError, InputError, LabelMap, SeriesError
from CAMLocalizerLib.io import check_source, read_dicom_source, read_volume, write_label_map
from CAMLocalizerLib.io.grid_copy import copy_to_grid, same_voxels

FEW = {"PatientName", "PatientID", "PatientBirthDate", "PatientSex"}


def turned(grid: Grid, array_kji: np.ndarray) -> tuple[Grid, np.ndarray]:
    """Store the same voxels with axes k, -i, j instead of i, j, k."""
    matrix, size = grid.ijk_to_lps.copy(), grid.size
    origin = grid.to_lps((size[0] - 1, 0, 0))
    matrix[:3, :3] = matrix[:3, [2, 0, 1]] * (1, -1, 1)
    matrix[:3, 3] = origin
    array_ijk = array_kji.T[::-1].transpose(2, 0, 1)
    return Grid.from_matrix(matrix, (size[2], size[0], size[1])), np.ascontiguousarray(array_ijk.T)


def test_the_source_lies_on_the_grid_of_the_volume(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_series(tmp_path / "s", stored, oblique_grid, patch=referable)
    source = read_dicom_source(tmp_path / "s")
    assert source is not None
    assert source.grid == read_volume(tmp_path / "s").grid
    assert (source.modality, source.unit, source.notes) == ("MR", "", ())
    np.testing.assert_array_equal(source.stored_frames(stored, oblique_grid), stored)
    assert [header.ImagePositionPatient[2] for header in source.headers] == pytest.approx(
        [oblique_grid.to_lps((0, 0, k))[2] for k in range(9)], abs=1e-5
    )


@pytest.mark.parametrize("shared", [True, False])
def test_frames_of_one_file_keep_their_stored_order(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, shared: bool
) -> None:
    order = [4, 0, 8, 2, 6, 1, 3, 7, 5]
    write_multi_frame(tmp_path / "s", stored, oblique_grid, order, shared=shared)
    source = read_dicom_source(tmp_path / "s")
    assert source is not None
    assert len(source.headers) == 1
    assert source.grid.matches(oblique_grid)
    np.testing.assert_array_equal(source.stored_frames(stored, oblique_grid), stored[order])


def test_four_patient_attributes_are_kept(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def tell(header: Dataset, k: int) -> None:
        referable(header, k)
        header.PatientWeight, header.PatientAge, header.PatientAddress = 70, "074Y", "Secret Street"
        header.OtherPatientIDs, header.InstitutionName, header.StudyDescription = "Other", "Clinic", "Secret study"
        header.add_new((0x0009, 0x0010), "LO", "SECRET MAKER")

    write_series(tmp_path / "s", stored, oblique_grid, patch=tell)
    source = read_dicom_source(tmp_path / "s")
    assert source is not None
    kept = {element.keyword for header in source.headers for element in header}
    assert {keyword for keyword in kept if "Patient" in keyword} == FEW | {
        "ImagePositionPatient",
        "ImageOrientationPatient",
    }
    assert not kept & {"InstitutionName", "StudyDescription", ""}


def test_pet_is_in_suv_like_its_volume(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def both(header: Dataset, k: int) -> None:
        pet_tags(header, k)
        referable(header, k)

    write_series(tmp_path / "s", stored, oblique_grid, modality="PT", patch=both)
    source = read_dicom_source(tmp_path / "s")
    assert source is not None
    assert source.unit == read_volume(tmp_path / "s").unit == "SUVbw"


def test_a_file_of_another_format_is_not_a_source(tmp_path: Path, oblique_grid: Grid) -> None:
    write_label_map(LabelMap(np.zeros(oblique_grid.shape_kji, np.uint8), oblique_grid), tmp_path / "a.nii.gz")
    assert read_dicom_source(tmp_path / "a.nii.gz") is None


@pytest.mark.parametrize(
    ("keyword", "tag"), [("FrameOfReferenceUID", "0020,0052"), ("StudyInstanceUID", "0020,000D"), ("PixelSpacing", "")]
)
def test_a_missing_attribute_is_named_with_its_file(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, keyword: str, tag: str
) -> None:
    def forget(header: Dataset, k: int) -> None:
        referable(header, k)
        if k == 4:
            header[keyword].value = None

    write_series(tmp_path / "s", stored[:, :4, :4], Grid((4, 4, 9), (1, 1, 4), (0, 0, 0), np.eye(3)), patch=forget)
    with pytest.raises(InputError, match=rf"_4.dcm: {keyword} \(.*{tag}\) is missing"):
        read_dicom_source(tmp_path / "s")


def test_an_invalid_uid_is_refused(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def break_uid(header: Dataset, k: int) -> None:
        referable(header, k)
        header.add_new("FrameOfReferenceUID", "LO", "not a uid")

    write_series(tmp_path / "s", stored, oblique_grid, patch=break_uid)
    with pytest.raises(InputError, match=r"dcm: FrameOfReferenceUID \(0020,0052\) is not a valid UID"):
        read_dicom_source(tmp_path / "s")


def test_a_uid_with_leading_zeros_is_repeated_unchanged(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    """PS3.5 9.1 forbids them, but archives contain them, and a changed UID would put the result into another study."""

    def lead(header: Dataset, k: int) -> None:
        referable(header, k)
        header.add_new("StudyInstanceUID", "LO", "1.2.03.4")

    write_series(tmp_path / "s", stored, oblique_grid, patch=lead)
    source = read_dicom_source(tmp_path / "s")
    assert source is not None
    assert source.study_uid == "1.2.03.4"


def test_files_of_two_patients_are_refused(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def swap(header: Dataset, k: int) -> None:
        referable(header, k)
        header.PatientID = f"SecretID{k // 5}"

    write_series(tmp_path / "s", stored, oblique_grid, patch=swap)
    with pytest.raises(SeriesError, match=r"PatientID \(0010,0020\) differs between .* \(2 values\)") as got:
        read_dicom_source(tmp_path / "s")
    assert "Secret" not in str(got.value)


def test_missing_optional_attributes_stay_empty_with_a_note(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid
) -> None:
    def spoil(header: Dataset, k: int) -> None:
        referable(header, k)
        del header.PatientID
        header.PatientSex, header.AccessionNumber = "SECRET", ""
        header.add_new("StudyDate", "LO", "Secret day")

    write_series(tmp_path / "s", stored, oblique_grid, patch=spoil)
    source = read_dicom_source(tmp_path / "s")
    assert source is not None
    assert [note.partition(" in ")[0] for note in source.notes] == [
        "PatientID (0010,0020) is missing",
        "StudyDate (0008,0020)",
        "PatientSex (0010,0040)",
    ]
    assert "Secret" not in "".join(source.notes)
    assert {source.headers[0].PatientID, source.headers[0].StudyDate, source.headers[0].PatientSex} == {""}


def test_an_error_names_both_grids(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_series(tmp_path / "s", stored, oblique_grid, patch=referable)
    source = read_dicom_source(tmp_path / "s")
    assert source is not None
    check_source(source, oblique_grid)
    smaller = Grid((20, 24, 8), oblique_grid.spacing_mm, oblique_grid.origin_mm, oblique_grid.direction)
    shifted = Grid(oblique_grid.size, oblique_grid.spacing_mm, (-29.5, 12.5, 101.0), oblique_grid.direction)
    for other in (smaller, shifted):
        with pytest.raises(GridError, match=r"lies on 20 x 24 x [89] voxels .* series on 20 x 24 x 9 voxels"):
            check_source(source, other)


def test_axes_in_another_order_are_the_same_voxels(stored: np.ndarray, oblique_grid: Grid) -> None:
    grid, array = turned(oblique_grid, stored)
    assert array.shape == grid.shape_kji
    assert same_voxels(grid, oblique_grid)
    np.testing.assert_array_equal(copy_to_grid(array, grid, oblique_grid), stored)
    np.testing.assert_array_equal(copy_to_grid(stored, oblique_grid, grid), array)


def test_a_part_is_placed_at_its_original_position(stored: np.ndarray, oblique_grid: Grid) -> None:
    origin = tuple(oblique_grid.to_lps((3, 2, 5)))
    part = Grid((10, 8, 4), oblique_grid.spacing_mm, origin, oblique_grid.direction)
    expected = np.zeros_like(stored)
    expected[5:9, 2:10, 3:13] = stored[5:9, 2:10, 3:13]
    np.testing.assert_array_equal(copy_to_grid(stored[5:9, 2:10, 3:13], part, oblique_grid), expected)
    assert not same_voxels(part, oblique_grid)
    with pytest.raises(GridError, match="reaches beyond"):
        copy_to_grid(stored, oblique_grid, part)
    apart = Grid((2, 2, 2), oblique_grid.spacing_mm, tuple(oblique_grid.to_lps((50, 0, 0))), oblique_grid.direction)
    assert not copy_to_grid(np.zeros((2, 2, 2)), apart, oblique_grid).any()


def test_files_are_read_without_highdicom() -> None:
    code = "import sys, CAMLocalizerLib.io; sys.exit('highdicom' in sys.modules or 'pydicom' in sys.modules)"
    package = Path(__file__).parents[3] / "CAMLocalizer"
    assert subprocess.run([sys.executable, "-c", code], cwd=package, check=False).returncode == 0
