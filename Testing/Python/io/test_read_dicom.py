"""DICOM series are read as volumes, or the error says why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series import write_series
from pydicom.dataset import Dataset

from CAMLocalizerLib.core import Grid, GridError, InputError, SeriesError
from CAMLocalizerLib.io import describe, list_series, read_volume


def test_a_series_is_read_on_its_grid(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_series(tmp_path / "scan.v2", stored, oblique_grid)
    volume = read_volume(tmp_path / "scan.v2")
    assert volume.name == "scan.v2"
    assert volume.grid.matches(oblique_grid)
    np.testing.assert_array_equal(volume.array_kji, stored)


def test_each_slice_is_rescaled_by_its_own_slope(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def slopes(header: Dataset, k: int) -> None:
        header.RescaleSlope, header.RescaleIntercept = (1, 0) if k == 0 else (0.5 * k, -10)

    write_series(tmp_path / "s", stored, oblique_grid, patch=slopes)
    volume = read_volume(tmp_path / "s")
    np.testing.assert_allclose(volume.array_kji[0], stored[0])
    np.testing.assert_allclose(volume.array_kji[3], stored[3] * 1.5 - 10)


def test_one_of_two_series_must_be_selected(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_series(tmp_path / "s" / "a", stored, oblique_grid, uid="1.2.1")
    write_series(tmp_path / "s" / "b", stored[:4] + 1, oblique_grid, uid="1.2.2")
    with pytest.raises(
        SeriesError, match=r"contains 2 series; choose one with --series UID:\n  MR number 7, 9 slices"
    ) as got:
        read_volume(tmp_path / "s")
    assert "Secret" not in str(got.value)
    np.testing.assert_array_equal(read_volume(tmp_path / "s", series="1.2.2").array_kji, stored[:4] + 1)
    assert [(info.uid, info.slices) for info in list_series(tmp_path / "s")] == [("1.2.1", 9), ("1.2.2", 4)]
    with pytest.raises(SeriesError, match=r"there is no series 1.2.9"):
        read_volume(tmp_path / "s", series="1.2.9")


def test_a_missing_slice_is_noticed(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_series(tmp_path / "s", stored, oblique_grid)
    next((tmp_path / "s").glob("*_4.dcm")).unlink()
    with pytest.raises(SeriesError, match=r"s: slices are missing: 8 mm between slice 4 and 5 of 8, 4 mm elsewhere"):
        read_volume(tmp_path / "s")


def test_a_damaged_slice_is_not_reported_as_missing(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_series(tmp_path / "s", stored, oblique_grid)
    last = next((tmp_path / "s").glob("*_8.dcm"))
    for size in (last.stat().st_size - 10, 300, 0):
        last.write_bytes(last.read_bytes()[:size])
        with pytest.raises(InputError, match=r"_8.dcm: the DICOM file is empty, truncated or damaged"):
            read_volume(tmp_path / "s")


def test_gantry_tilt_is_refused(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def tilt(header: Dataset, k: int) -> None:
        shift = oblique_grid.direction[:, 1] * 0.7 * k
        header.ImagePositionPatient = [f"{v:.6f}" for v in oblique_grid.to_lps((0, 0, k)) + shift]

    write_series(tmp_path / "s", stored, oblique_grid, patch=tilt)
    with pytest.raises(GridError, match=r"s: slices are shifted .*9.9 degrees, gantry tilt"):
        read_volume(tmp_path / "s")


def test_uneven_spacing_is_refused(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def push(header: Dataset, k: int) -> None:
        header.ImagePositionPatient = [f"{v:.6f}" for v in oblique_grid.to_lps((0, 0, k + 0.2 * (k == 5)))]

    write_series(tmp_path / "s", stored, oblique_grid, patch=push)
    with pytest.raises(SeriesError, match="unevenly spaced"):
        read_volume(tmp_path / "s")


def test_other_files_in_the_folder_are_ignored(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_series(tmp_path / "s", stored, oblique_grid)
    (tmp_path / "s" / "README.txt").write_text("how to open these images")
    assert read_volume(tmp_path / "s").grid.size == oblique_grid.size


def test_a_folder_without_dicom_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match="contains no DICOM image"):
        read_volume(tmp_path)


def test_a_single_file_is_one_slice(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_series(tmp_path, stored[:1], oblique_grid)
    path = next(tmp_path.glob("*.dcm"))
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.array_kji, stored[:1])
    np.testing.assert_allclose(volume.grid.spacing_mm, oblique_grid.spacing_mm)


def test_frames_of_one_file_are_sorted_by_position(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    order = [4, 0, 8, 2, 6, 1, 3, 7, 5]

    def enhance(header: Dataset, k: int) -> None:
        header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
        header.NumberOfFrames, header.PixelData = len(order), stored[order].astype("<u2").tobytes()
        shared, turn, measures = Dataset(), Dataset(), Dataset()
        turn.ImageOrientationPatient, measures.PixelSpacing = header.ImageOrientationPatient, header.PixelSpacing
        measures.SliceThickness = header.SliceThickness
        shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [turn], [measures]
        header.SharedFunctionalGroupsSequence = [shared]
        header.PerFrameFunctionalGroupsSequence = []
        for index in order:
            frame, place = Dataset(), Dataset()
            place.ImagePositionPatient = [f"{value:.6f}" for value in oblique_grid.to_lps((0, 0, index))]
            frame.PlanePositionSequence = [place]
            header.PerFrameFunctionalGroupsSequence.append(frame)
        del header.ImagePositionPatient, header.ImageOrientationPatient, header.PixelSpacing

    write_series(tmp_path / "s", stored[:1], oblique_grid, patch=enhance)
    volume = read_volume(tmp_path / "s")
    assert volume.grid.matches(oblique_grid)
    np.testing.assert_array_equal(volume.array_kji, stored)


def test_a_description_contains_no_patient_data(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_series(tmp_path / "s", stored, oblique_grid)
    info = describe(tmp_path / "s")
    assert (info.format, info.modality, info.unit) == ("DICOM", "MR", "")
    assert "Secret" not in repr(info) + repr(list_series(tmp_path / "s"))


def test_colour_dicom_is_refused(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def colour(header: Dataset, k: int) -> None:
        header.SamplesPerPixel, header.PhotometricInterpretation, header.PlanarConfiguration = 3, "RGB", 0
        header.BitsAllocated, header.BitsStored, header.HighBit = 8, 8, 7
        pixels = np.random.default_rng(k).integers(0, 255, (*stored.shape[1:], 3), dtype=np.uint8)
        header.PixelData = pixels.tobytes()
        del header.RescaleSlope, header.RescaleIntercept

    write_series(tmp_path / "s", stored, oblique_grid, patch=colour)
    with pytest.raises(InputError, match=r"s/.*: has 3 differing channels"):
        read_volume(tmp_path / "s")


def test_a_damaged_pixel_stream_is_refused_quietly(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, capfd: pytest.CaptureFixture
) -> None:
    def scramble(header: Dataset, k: int) -> None:
        header.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
        header.PixelData = pydicom.encaps.encapsulate([b"\xff\x4f no image"])
        header["PixelData"].is_undefined_length = True

    write_series(tmp_path / "s", stored, oblique_grid, patch=scramble)
    with pytest.raises(InputError, match=r"s/.*: the DICOM pixels are damaged"):
        read_volume(tmp_path / "s")
    assert capfd.readouterr().err == ""
