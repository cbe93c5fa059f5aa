"""Tests of DICOM image types that are refused, and of objects that span several files."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series import write_multi_frame, write_series
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from CAMLocalizerLib.core import Grid, InputError, SeriesError
from CAMLocalizerLib.io import list_series, read_dicom_source, read_volume


def mosaic(header: Dataset) -> None:
    header.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]


def mosaic_without_type(header: Dataset) -> None:
    header.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", 36)


def united_grid(header: Dataset) -> None:
    header.private_block(0x0065, "Image Private Header", create=True).add_new(0x50, "DS", "16")


def tiles(header: Dataset) -> None:
    header.DimensionOrganizationType = "TILED_FULL"


@pytest.mark.parametrize("patch", [mosaic, mosaic_without_type, united_grid, tiles])
@pytest.mark.parametrize("single", [True, False])
def test_mosaics_and_tilings_are_refused(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, patch: Callable[[Dataset], None], single: bool
) -> None:
    write_series(tmp_path / "s", stored[:1] if single else stored, oblique_grid, patch=lambda header, k: patch(header))
    path = next((tmp_path / "s").iterdir()) if single else tmp_path / "s"
    with pytest.raises(InputError, match=r"s.*: contains .*\(\w{4},\w{4}\)?.*, not slices"):
        read_volume(path)


def test_secondary_captures_are_not_a_volume(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def capture(header: Dataset, k: int) -> None:
        header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"

    write_series(tmp_path / "s", stored, oblique_grid, patch=capture)
    with pytest.raises(InputError, match="9 secondary captures"):
        read_volume(tmp_path / "s")
    alone = read_volume(next((tmp_path / "s").iterdir()))
    assert alone.grid.size[2] == 1
    assert alone.notes == ("the image is a secondary capture, whose position and values are not reliable",)


@pytest.mark.parametrize(("kind", "unit"), [("HU", "HU"), ("US", "HU"), (None, "HU"), ("Z_EFF", ""), ("MGML", "")])
def test_ct_is_in_hounsfield_units_unless_the_rescale_type_differs(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, kind: str | None, unit: str
) -> None:
    """Spectral CT writes effective atomic numbers and densities as CT images too (PS3.3 C.11.1.1.2)."""

    def patch(header: Dataset, k: int) -> None:
        header.Modality, header.RescaleType = "CT", kind

    write_series(tmp_path / "s", stored, oblique_grid, patch=patch)
    volume = read_volume(tmp_path / "s")
    assert volume.unit == unit
    assert len(volume.notes) == (not unit)


def write_parts(folder: Path, stored: np.ndarray, grid: Grid, sizes: list[int], *, total: bool = True) -> None:
    """Write the frames of a multi-frame image as a concatenation of files of ``sizes`` frames."""
    write_multi_frame(folder, stored, grid, list(range(len(stored))))
    (path,) = folder.iterdir()
    whole = pydicom.dcmread(path)
    path.unlink()
    begin, uid = 0, generate_uid()
    for number, size in enumerate(sizes, start=1):
        part = copy.deepcopy(whole)
        part.SOPInstanceUID = part.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        part.ConcatenationUID, part.InConcatenationNumber = uid, number
        if total:
            part.InConcatenationTotalNumber = len(sizes)
        part.ConcatenationFrameOffsetNumber, part.NumberOfFrames = begin, size
        frames = whole.PerFrameFunctionalGroupsSequence[begin : begin + size]
        part.PerFrameFunctionalGroupsSequence = list(frames)
        part.PixelData = stored[begin : begin + size].tobytes()
        part.save_as(folder / f"{9 - number}.dcm")
        begin += size


def test_a_concatenation_is_joined(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_parts(tmp_path / "s", stored, oblique_grid, [4, 3, 2])
    volume = read_volume(tmp_path / "s")
    np.testing.assert_array_equal(volume.array_kji, stored)
    assert volume.grid.matches(oblique_grid)
    assert volume.notes == ("the parts of a concatenation were joined: 3 files of 9 frames",)
    with pytest.raises(InputError, match="multi-frame image in several files"):
        read_dicom_source(tmp_path / "s")


@pytest.mark.parametrize("gone", [1, 2, 3])
def test_an_incomplete_concatenation_is_refused(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, gone: int
) -> None:
    write_parts(tmp_path / "s", stored, oblique_grid, [4, 3, 2])
    (tmp_path / "s" / f"{9 - gone}.dcm").unlink()
    with pytest.raises(SeriesError, match="of 3 of a concatenation"):
        read_volume(tmp_path / "s")
    for path in (tmp_path / "s").iterdir():
        with pytest.raises(SeriesError, match="of 3 of a concatenation"):
            read_volume(path)


@pytest.mark.parametrize("gone", [1, 2])
def test_a_gap_is_found_without_the_total_number(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, gone: int
) -> None:
    write_parts(tmp_path / "s", stored, oblique_grid, [4, 3, 2], total=False)
    assert "so that more may exist" in read_volume(tmp_path / "s").notes[0]
    (tmp_path / "s" / f"{9 - gone}.dcm").unlink()
    for path in (tmp_path / "s", *(tmp_path / "s").iterdir()):
        with pytest.raises(SeriesError, match="of a concatenation"):
            read_volume(path)


def test_enhanced_files_of_one_frame_are_a_series(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    for k in range(len(stored)):
        write_multi_frame(tmp_path / "s" / str(k), stored, oblique_grid, [k])
        (path,) = (tmp_path / "s" / str(k)).iterdir()
        header = pydicom.dcmread(path)
        header.SeriesInstanceUID, header.InstanceNumber = "1.2.9", k + 1
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = f"1.2.9.{k + 1}"
        header.save_as(path)
    volume = read_volume(tmp_path / "s")
    np.testing.assert_array_equal(volume.array_kji, stored)
    assert volume.grid.matches(oblique_grid)
    assert [info.slices for info in list_series(tmp_path / "s")] == [9]


def test_frames_without_positions_are_refused(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_multi_frame(tmp_path / "s", stored, oblique_grid, list(range(9)))
    (path,) = (tmp_path / "s").iterdir()
    header = pydicom.dcmread(path)
    header.PerFrameFunctionalGroupsSequence = header.PerFrameFunctionalGroupsSequence[:8]
    header.save_as(path)
    with pytest.raises(InputError, match="has 9 frames but the positions of 8"):
        read_volume(path)


def test_each_frame_has_its_own_scale(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_multi_frame(tmp_path / "s", stored, oblique_grid, [3, 0, 1, 2, 4, 5, 6, 7, 8])
    (path,) = (tmp_path / "s").iterdir()
    header = pydicom.dcmread(path)
    for number, frame in enumerate(header.PerFrameFunctionalGroupsSequence):
        scale = Dataset()
        scale.RescaleSlope, scale.RescaleIntercept, scale.RescaleType = 0.5 * (number + 1), number, "US"
        frame.PixelValueTransformationSequence = [scale]
    header.save_as(path)
    numbers = np.array([1, 2, 3, 0, 4, 5, 6, 7, 8])[:, None, None]  # of the stored frame of each slice
    expected = stored * 0.5 * (numbers + 1) + numbers
    np.testing.assert_allclose(read_volume(path).array_kji, expected, rtol=1e-6)
