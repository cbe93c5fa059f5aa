"""A series of several stacks is listed, and each of them can be chosen; copies of a slice are used once."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series import referable, write_multi_frame, write_series
from pydicom.dataset import Dataset

from CAMLocalizerLib.core import Grid, SeriesError
from CAMLocalizerLib.io import list_series, read_dicom_source, read_volume, source_sha256

UID = "1.2.1"


def write_two(folder: Path, stored: np.ndarray, grid: Grid, **values: tuple[object, object]) -> None:
    """Write two stacks at the same positions into one series; ``values`` distinguish them."""
    for part in (0, 1):

        def patch(header: Dataset, k: int, part: int = part) -> None:
            uid = f"1.2.3.{part + 1}.{k + 1}"
            header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = uid
            referable(header, k)
            header.InstanceNumber = 2 * k + part + 1
            header.update({name: value[part] for name, value in values.items()})

        write_series(folder / "ab"[part], stored + 1000 * part, grid, uid=UID, patch=patch)


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ({"EchoTime": (4.9, 12.5)}, "EchoTime 12.5"),
        ({"DiffusionBValue": (0.0, 1000.0)}, "DiffusionBValue 1000.0"),
        ({"TemporalPositionIdentifier": (1, 2)}, "TemporalPositionIdentifier 2"),
        ({"ContentTime": ("101500", "102000")}, "ContentTime 102000"),
        ({"ImageType": (["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"])}, r"ImageType ORIGINAL\PRIMARY\P"),
        ({}, "of 2 by InstanceNumber, number 2"),
    ],
)
def test_each_stack_of_a_series_can_be_chosen(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, values: dict, label: str
) -> None:
    write_two(tmp_path / "s", stored, oblique_grid, **values)
    with pytest.raises(SeriesError, match=r"s: the series has 2 stacks of slices; choose one with --series") as error:
        read_volume(tmp_path / "s")
    assert f"9 slices of 20 x 24 ({label}), {UID}#2" in str(error.value)
    for name, part in ((f"{UID}#1", 0), (f"{UID}#2", 1), ("7#2", 1)):
        np.testing.assert_array_equal(read_volume(tmp_path / "s", series=name).array_kji, stored + 1000 * part)
    assert [info.uid for info in list_series(tmp_path / "s")] == [f"{UID}#1", f"{UID}#2"]


def test_results_refer_to_the_stack_that_was_chosen(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_two(tmp_path / "s", stored, oblique_grid, EchoTime=(4.9, 12.5))
    source = read_dicom_source(tmp_path / "s", series=f"{UID}#2")
    assert [header.SOPInstanceUID for header in source.headers] == [f"1.2.3.2.{k + 1}" for k in range(9)]
    sums = {source_sha256(tmp_path / "s", series=f"{UID}#{number}") for number in (1, 2)}
    assert len(sums) == 2


def test_two_attributes_together_separate_four_stacks(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    for echo in (1, 2):
        write_two(tmp_path / f"s{echo}", stored, oblique_grid, TriggerTime=(10.0, 20.0))
        for path in (tmp_path / f"s{echo}").rglob("*.dcm"):
            header = pydicom.dcmread(path)
            header.EchoNumbers, header.SOPInstanceUID = echo, f"{header.SOPInstanceUID}.{echo}"
            header.save_as(path)
    infos = list_series(tmp_path)
    assert [info.label for info in infos] == [
        "EchoNumbers TriggerTime 1 10.0",
        "EchoNumbers TriggerTime 1 20.0",
        "EchoNumbers TriggerTime 2 10.0",
        "EchoNumbers TriggerTime 2 20.0",
    ]


def test_a_localizer_is_a_separate_stack(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def localizer(header: Dataset, k: int) -> None:
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = "1.2.4"
        header.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]

    write_series(tmp_path / "s", stored, oblique_grid, uid=UID)
    write_series(tmp_path / "s" / "scout", stored[:1], oblique_grid, uid=UID, patch=localizer)
    with pytest.raises(SeriesError, match=r"1 slice of 20 x 24 \(sagittal slices of 1.1 x 0.9 mm\)"):
        read_volume(tmp_path / "s")
    np.testing.assert_array_equal(read_volume(tmp_path / "s", series=f"{UID}#1").array_kji, stored)


def test_frames_of_one_file_are_split_too(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    order = [0, 0, 1, 1, 2, 2, 3, 3]
    write_multi_frame(tmp_path / "s", stored, oblique_grid, order)
    (path,) = (tmp_path / "s").iterdir()
    header = pydicom.dcmread(path)
    for number, frame in enumerate(header.PerFrameFunctionalGroupsSequence):
        echo = Dataset()
        echo.EffectiveEchoTime = 5.0 + number % 2
        frame.MREchoSequence = [echo]
    header.PixelData = np.stack([stored[k] + 1000 * (n % 2) for n, k in enumerate(order)]).astype("<u2").tobytes()
    header.save_as(path)
    for place in (path, tmp_path / "s"):
        with pytest.raises(SeriesError, match=r"EffectiveEchoTime 6\.0"):
            read_volume(place)
        np.testing.assert_array_equal(read_volume(place, series="7#2").array_kji, stored[:4] + 1000)


def test_identical_copies_are_used_once_with_a_note(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_series(tmp_path / "s", stored, oblique_grid)
    for path in sorted((tmp_path / "s").iterdir())[:2]:
        shutil.copy(path, path.with_name(f"copy of {path.name}"))
    volume = read_volume(tmp_path / "s")
    np.testing.assert_array_equal(volume.array_kji, stored)
    assert volume.notes == ("2 files are identical copies of others (same SOPInstanceUID); each was used once",)


def test_another_image_of_the_same_uid_is_refused(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_series(tmp_path / "s", stored, oblique_grid, uid=UID)
    write_series(tmp_path / "s" / "other", stored + 1, oblique_grid, uid=UID)
    with pytest.raises(SeriesError, match=r"has the SOPInstanceUID \(0008,0018\) of .* but other content"):
        read_volume(tmp_path / "s")


def test_a_linked_subfolder_is_searched(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_series(tmp_path / "real", stored, oblique_grid)
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "linked").symlink_to(tmp_path / "real", target_is_directory=True)
    (tmp_path / "real" / "loop").symlink_to(tmp_path / "s", target_is_directory=True)
    np.testing.assert_array_equal(read_volume(tmp_path / "s").array_kji, stored)


@pytest.mark.parametrize(
    ("gaps", "words"),
    [
        ([2.5] * 4 + [5.0] * 4, "different spacings: 2.5 mm from slice 1 to 5, 5 mm from slice 5 to 9; resample"),
        (
            [4.22] * 3 + [1.14] + [7.38] * 4,
            "different spacings: 4.22 mm from slice 1 to 4, 1.14 mm from slice 4 to 5, 7.38",
        ),
        ([3.0] * 5 + [4.0] * 3, "different spacings: 3 mm from slice 1 to 6, 4 mm from slice 6 to 9"),
        ([2.0] * 3 + [4.0] + [2.0] * 4, "slices are missing: 4 mm between slice 4 and 5"),
        ([2.0, 2.0, 4.0, 4.0, 2.0, 2.0, 2.0, 2.0], "slices are missing: 4 mm between slice 3 and 4"),
        ([2.0, 4.0, 2.0, 6.0, 2.0, 2.0, 2.0, 2.0], "slices are missing: 6 mm"),
    ],
)
def test_two_slice_spacings_are_not_reported_as_missing_slices(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, gaps: list[float], words: str
) -> None:
    places = np.cumsum([0.0, *gaps]) / oblique_grid.spacing_mm[2]

    def patch(header: Dataset, k: int) -> None:
        header.ImagePositionPatient = [f"{value:.6f}" for value in oblique_grid.to_lps((0, 0, places[k]))]

    write_series(tmp_path / "s", stored, oblique_grid, patch=patch)
    with pytest.raises(SeriesError, match=words):
        read_volume(tmp_path / "s")
