"""NaN around the body becomes background; NaN inside the body and infinity are refused."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.io import read_volume


def save(path: Path, array: np.ndarray) -> Path:
    nibabel.Nifti1Image(array.astype(np.float32), np.diag([-1.0, -1, 2, 1])).to_filename(path)
    return path


@pytest.fixture
def ball() -> np.ndarray:
    """A ball of 1, 2, ... surrounded by NaN, as in a skull-stripped image."""
    where = np.mgrid[:12, :14, :10]
    inside = sum((axis - middle) ** 2 for axis, middle in zip(where, (6, 7, 5), strict=True)) < 16
    array = np.full((12, 14, 10), np.nan)
    array[inside] = np.arange(1, inside.sum() + 1)
    return array


def test_nan_around_the_body_becomes_background_with_a_note(tmp_path: Path, ball: np.ndarray) -> None:
    volume = read_volume(save(tmp_path / "a.nii", ball))
    np.testing.assert_array_equal(volume.array_kji, np.nan_to_num(ball, nan=0).T)
    assert volume.notes == (f"{np.isnan(ball).sum()} voxels around the content are NaN and were set to background",)


def test_background_is_never_brighter_than_the_content(tmp_path: Path, ball: np.ndarray) -> None:
    volume = read_volume(save(tmp_path / "a.nii", ball - 1000))
    assert volume.array_kji[0, 0, 0] == volume.array_kji.min() == -999


def test_nan_inside_the_body_is_refused(tmp_path: Path, ball: np.ndarray) -> None:
    ball[6, 7, 5] = ball[6, 7, 6] = np.nan
    with pytest.raises(InputError, match=r"a.nii: 2 of 1680 voxels are NaN inside the content"):
        read_volume(save(tmp_path / "a.nii", ball))


def test_a_hole_where_the_body_touches_a_face_is_inside(tmp_path: Path) -> None:
    array = np.arange(12.0 * 14 * 10).reshape(12, 14, 10)
    array[0, 7, 5] = np.nan
    with pytest.raises(InputError, match="1 of 1680 voxels are NaN inside"):
        read_volume(save(tmp_path / "a.nii", array))


def test_a_slice_of_nan_between_others_is_missing(tmp_path: Path, ball: np.ndarray) -> None:
    ball[:, :, 5] = np.nan
    with pytest.raises(InputError, match=r"a\.nii: slice 6 of 10 is NaN, but its neighbours are not"):
        read_volume(save(tmp_path / "a.nii", ball))


def test_two_separate_bodies_are_allowed(tmp_path: Path) -> None:
    array = np.full((12, 14, 10), np.nan)
    array[1:5, 3:10, :4], array[7:11, 3:10, 6:] = 5, 9
    array[2, 5, 2] = 7
    np.testing.assert_array_equal(read_volume(save(tmp_path / "a.nii", array)).array_kji, np.nan_to_num(array).T)


@pytest.mark.parametrize("place", [(0, 0, 0), (6, 7, 5)])
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_refused_anywhere(
    tmp_path: Path, ball: np.ndarray, place: tuple[int, int, int], value: float
) -> None:
    ball[place] = value
    with pytest.raises(InputError, match="1 of 1680 voxels are infinite"):
        read_volume(save(tmp_path / "a.nii", ball))


def test_only_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="24 of 24 voxels are NaN"):
        read_volume(save(tmp_path / "a.nii", np.full((2, 3, 4), np.nan)))


def test_a_masked_slice_is_read(tmp_path: Path, ball: np.ndarray) -> None:
    one = ball[:, :, 5:6]
    np.testing.assert_array_equal(read_volume(save(tmp_path / "a.nii", one)).array_kji, np.nan_to_num(one).T)
