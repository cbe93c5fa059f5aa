"""Connected components, their places in the body, and the label map made of them."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, GridError, LabelMap, SettingsError
from CAMLocalizerLib.segment import components, filter_components, label_map_from_activation


@pytest.fixture
def mask(oblique_grid: Grid) -> np.ndarray:
    """Components of 1, 12 and 4 voxels; the last is connected across corners only."""
    array = np.zeros(oblique_grid.shape_kji, dtype=bool)
    array[0, 0, 0] = True
    array[2:4, 5:7, 8:11] = True
    array[[5, 6, 7, 8], [20, 21, 22, 23], [1, 2, 3, 4]] = True
    return array


def test_components_are_sorted_by_volume_and_measured_in_the_body(mask: np.ndarray, oblique_grid: Grid) -> None:
    found = components(mask, oblique_grid)
    assert [(part.label, part.voxels, part.peak) for part in found] == [(1, 12, None), (2, 4, None), (3, 1, None)]
    assert found[0].volume_mm3 == pytest.approx(12 * 1.1 * 0.9 * 4.0)
    np.testing.assert_allclose(found[0].centre_lps_mm, oblique_grid.to_lps((9, 5.5, 2.5)))
    np.testing.assert_allclose(found[1].centre_lps_mm, oblique_grid.to_lps((2.5, 21.5, 6.5)))
    np.testing.assert_allclose(found[2].centre_lps_mm, oblique_grid.origin_mm)


def test_the_peak_is_the_highest_activation_within(mask: np.ndarray, oblique_grid: Grid) -> None:
    activation = np.random.default_rng(6).random(mask.shape, dtype=np.float32)
    found = components(mask, oblique_grid, activation)
    assert found[0].peak == pytest.approx(activation[2:4, 5:7, 8:11].max())
    assert found[2].peak == pytest.approx(activation[0, 0, 0])


def test_a_label_map_brings_its_own_grid(mask: np.ndarray, oblique_grid: Grid) -> None:
    label_map = LabelMap(2 * mask.astype(np.uint8), oblique_grid, ("Oedema", "Tumour"))
    assert components(label_map) == components(mask, oblique_grid)
    assert filter_components(label_map, keep_largest=1).sum() == 12


def test_an_empty_mask_has_no_components(oblique_grid: Grid) -> None:
    empty = np.zeros(oblique_grid.shape_kji, dtype=bool)
    assert components(empty, oblique_grid, empty.astype(np.float32)) == ()
    assert not filter_components(empty, oblique_grid, 0.1, 2).any()


def test_small_components_are_left_out(mask: np.ndarray, oblique_grid: Grid) -> None:
    four_voxels_ml = 4 * oblique_grid.voxel_volume_mm3 / 1000
    assert filter_components(mask, oblique_grid).sum() == 17
    assert filter_components(mask, oblique_grid, four_voxels_ml).sum() == 16
    assert filter_components(mask, oblique_grid, 1.01 * four_voxels_ml).sum() == 12
    assert filter_components(mask, oblique_grid, 1000.0).sum() == 0


def test_the_largest_components_are_kept(mask: np.ndarray, oblique_grid: Grid) -> None:
    sums = [filter_components(mask, oblique_grid, keep_largest=number).sum() for number in (1, 2, 3, 9)]
    assert sums == [12, 16, 17, 17]


@pytest.mark.parametrize("slice_axis", [0, 1, 2])
def test_components_that_are_thin_across_the_slices_are_left_out(slice_axis: int) -> None:
    spacing = [2.0, 3.0, 0.5]
    grid = Grid((20, 20, 20), tuple(spacing), (0, 0, 0), np.eye(3))
    thin_mm = spacing[2 - slice_axis]
    mask = np.zeros(grid.shape_kji, dtype=bool)
    slices = np.moveaxis(mask, slice_axis, 0)
    slices[5, 2:8, 2:8] = True  # one slice, 36 voxels
    slices[8:10, 2:4, 2:4] = True  # two slices, 8 voxels
    slices[0, 12:15, 12:15] = slices[19, 12:14, 12:14] = True  # may continue beyond the volume
    options = {"slice_axis": slice_axis}

    def kept(extent_mm: float, **rules) -> int:
        return int(filter_components(mask, grid, min_extent_mm=extent_mm, **rules, **options).sum())

    assert [kept(n * thin_mm) for n in (0, 0.9, 1.0, 1.1, 2.0, 2.1)] == [57, 57, 57, 21, 21, 13]
    assert kept(1.1 * thin_mm, keep_largest=2) == 9 + 8
    assert len(components(filter_components(mask, grid, min_extent_mm=1.1 * thin_mm, **options), grid)) == 3


def test_components_small_beside_the_largest_one_that_is_left_are_left_out() -> None:
    grid = Grid((20, 20, 20), (1.0, 1.0, 1.0), (0, 0, 0), np.eye(3))
    mask = np.zeros(grid.shape_kji, dtype=bool)
    mask[2, 2:12, 2:12] = True  # 100 voxels in one slice
    mask[6:8, 2:7, 2:6] = True  # 40
    mask[12:14, 2:5, 2:4] = True  # 12

    def kept(share: float, **rules) -> int:
        return int(filter_components(mask, grid, min_share=share, **rules).sum())

    assert [kept(share) for share in (0, 0.12, 0.13, 0.4, 0.41, 1)] == [152, 152, 140, 140, 100, 100]
    assert kept(0.3, min_extent_mm=2.0) == 52  # of 40, the largest one of two slices
    assert kept(0.5, min_volume_ml=1.0) == 0


def test_settings_and_shapes_are_checked(mask: np.ndarray, oblique_grid: Grid) -> None:
    with pytest.raises(SettingsError, match="min_volume_ml must be at least 0, got -1"):
        filter_components(mask, oblique_grid, -1)
    with pytest.raises(SettingsError, match="at least 1, got 0"):
        filter_components(mask, oblique_grid, keep_largest=0)
    with pytest.raises(SettingsError, match="min_extent_mm must be at least 0, got -2"):
        filter_components(mask, oblique_grid, min_extent_mm=-2)
    with pytest.raises(SettingsError, match="0 to 1, got 2"):
        filter_components(mask, oblique_grid, min_share=2)
    with pytest.raises(GridError, match="its grid expects None"):
        components(mask)
    with pytest.raises(GridError, match="mask has shape"):
        components(mask[:3], oblique_grid)
    with pytest.raises(GridError, match="activation has shape"):
        components(mask, oblique_grid, np.zeros((2, 2, 2), dtype=np.float32))


def test_a_label_map_is_thresholded_and_filtered(mask: np.ndarray, oblique_grid: Grid) -> None:
    activation = np.where(mask, 0.8, 0.1).astype(np.float32)
    label_map = label_map_from_activation(activation, oblique_grid, "0.4", keep_largest=2, segment_name="Lesion")
    assert label_map.segments == ("Lesion",)
    assert label_map.grid is oblique_grid
    assert label_map.volume_mm3 == pytest.approx(16 * oblique_grid.voxel_volume_mm3)
    assert label_map.array_kji.dtype == np.uint8
    everything = label_map_from_activation(activation, oblique_grid, 0.1)
    assert everything.array_kji.all()


def test_an_activation_on_another_grid_is_refused(oblique_grid: Grid) -> None:
    with pytest.raises(GridError, match="its grid expects"):
        label_map_from_activation(np.ones((2, 3, 4), dtype=np.float32), oblique_grid, "otsu")
