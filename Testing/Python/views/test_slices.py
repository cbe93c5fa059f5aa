"""Slices are anatomical, have the model's spacing, and match their grid."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK

from CAMLocalizerLib.core import Grid, SettingsError, Volume
from CAMLocalizerLib.views import PLANES, SliceStack, slice_stack

STORAGE_ORDERS = [(order, flips) for order in permutations(range(3)) for flips in product((1, -1), repeat=3)]


def as_image(volume: Volume) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(volume.array_kji)
    image.SetSpacing(volume.grid.spacing_mm)
    image.SetOrigin(volume.grid.origin_mm)
    image.SetDirection(volume.grid.direction.ravel().tolist())
    return image


def resample_with_itk(volume: Volume, grid: Grid) -> np.ndarray:
    """Linear resampling by SimpleITK; NaN outside the volume."""
    resample = SimpleITK.ResampleImageFilter()
    resample.SetInterpolator(SimpleITK.sitkLinear)
    resample.SetSize(grid.size)
    resample.SetOutputSpacing(grid.spacing_mm)
    resample.SetOutputOrigin(grid.origin_mm)
    resample.SetOutputDirection(grid.direction.ravel().tolist())
    resample.SetDefaultPixelValue(float("nan"))
    return SimpleITK.GetArrayFromImage(resample.Execute(as_image(volume)))


def stored_otherwise(volume: Volume, order: tuple[int, ...], flips: tuple[int, ...]) -> Volume:
    """The same voxels at the same places, with storage axes permuted and flipped."""
    grid = volume.grid
    array = volume.array_kji.transpose(2, 1, 0).transpose(order)[tuple(slice(None, None, flip) for flip in flips)]
    first = np.zeros(3)
    first[list(order)] = [n - 1 if flip < 0 else 0 for n, flip in zip(array.shape, flips, strict=True)]
    spacing = np.array(grid.spacing_mm)[list(order)]
    stored = Grid(array.shape, tuple(spacing), tuple(grid.to_lps(first)), grid.direction[:, order] * flips)
    return Volume(np.ascontiguousarray(array.transpose(2, 1, 0)), stored, name="stored otherwise")


def marked(position: tuple[int, int, int]) -> Volume:
    """A volume stored left, posterior, superior with one bright voxel at i, j, k."""
    array = np.zeros((9, 9, 9), dtype=np.float32)
    array[position[::-1]] = 1
    return Volume(array, Grid((9, 9, 9), (1, 1, 1), (0, 0, 0), np.eye(3)))


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("spacing_mm", [0.9, 0.7, 0.31])
def test_slices_equal_linear_resampling_by_simpleitk(oblique_volume: Volume, plane: str, spacing_mm: float) -> None:
    stack = SliceStack(oblique_volume, plane, spacing_mm=spacing_mm, size=(41, 36))
    expected = resample_with_itk(oblique_volume, stack.grid)
    inside = np.isfinite(expected)
    assert inside.any()
    got = stack.batch(0, len(stack))
    np.testing.assert_allclose(got[inside], expected[inside], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(("order", "flips"), STORAGE_ORDERS)
def test_slices_do_not_depend_on_the_storage_order(
    oblique_volume: Volume, plane: str, order: tuple[int, ...], flips: tuple[int, ...]
) -> None:
    expected = SliceStack(oblique_volume, plane, spacing_mm=1.3, size=(17, 19))
    stack = SliceStack(stored_otherwise(oblique_volume, order, flips), plane, spacing_mm=1.3, size=(17, 19))
    assert stack.grid.matches(expected.grid, 1e-9)
    np.testing.assert_allclose(stack.batch(0, 99), expected.batch(0, 99), rtol=1e-5)


@pytest.mark.parametrize(
    ("plane", "to_the_right", "to_the_bottom", "to_the_last"),
    [("axial", (8, 4, 4), (4, 8, 4), (4, 4, 8)), ("coronal", (8, 4, 4), (4, 4, 0), (4, 8, 4)),
     ("sagittal", (4, 8, 4), (4, 4, 0), (8, 4, 4))],
)  # fmt: skip
def test_slices_look_as_radiologists_expect(
    plane: str, to_the_right: tuple, to_the_bottom: tuple, to_the_last: tuple
) -> None:
    for position, expected in [(to_the_right, (4, 4, 8)), (to_the_bottom, (4, 8, 4)), (to_the_last, (8, 4, 4))]:
        stack = SliceStack(marked(position), plane, spacing_mm=1.0, size=(9, 9))
        shown = stack.batch(0, 9)
        assert np.unravel_index(shown.argmax(), shown.shape) == expected


def test_the_patients_left_is_on_the_right_and_anterior_at_the_top_of_an_oblique_flipped_volume(
    oblique_volume: Volume,
) -> None:
    volume = stored_otherwise(oblique_volume, (2, 0, 1), (-1, 1, -1))
    grid = SliceStack(volume, "axial", spacing_mm=1.0, size=(32, 32)).grid
    right, down, onward = grid.direction.T
    assert right[0] > 0.9
    assert down[1] > 0.9
    assert onward[2] > 0.9


def test_coarser_slices_are_averaged_to_avoid_aliasing() -> None:
    stripes = np.tile(np.array([0.0, 1.0], dtype=np.float32), (1, 64, 32))
    volume = Volume(stripes, Grid((64, 64, 1), (1, 1, 1), (0, 0, 0), np.eye(3)))
    inner = SliceStack(volume, "axial", spacing_mm=4.0, size=(16, 16)).batch(0, 1)[:, 2:-2, 2:-2]
    np.testing.assert_allclose(inner, 0.5, atol=1e-6)


def test_outside_the_volume_is_the_minimum_of_each_slice(oblique_volume: Volume) -> None:
    stack = SliceStack(oblique_volume, "axial", spacing_mm=1.0, size=(60, 60))
    lowest = oblique_volume.array_kji.min(axis=(1, 2))
    np.testing.assert_array_equal(stack.batch(0, 9)[:, 0, 0], lowest)
    np.testing.assert_array_equal(stack.batch(0, 9)[:, -1, 30], lowest)


def test_batches_are_the_whole_stack_in_parts(oblique_volume: Volume) -> None:
    stack = SliceStack(oblique_volume, "sagittal", spacing_mm=1.0, size=(16, 12))
    parts = [stack.batch(start, start + 8) for start in range(0, len(stack), 8)]
    np.testing.assert_array_equal(np.concatenate(parts), stack.batch(0, len(stack)))
    assert [part.shape for part in parts] == [(8, 12, 16), (8, 12, 16), (4, 12, 16)]
    assert parts[0].dtype == np.float32
    assert stack.batch(20, 28).shape == (0, 12, 16)


@pytest.mark.parametrize("flip", [1, -1])
def test_a_single_image_is_one_slice_of_its_plane(flip: int) -> None:
    image = np.arange(30, dtype=np.float32).reshape(1, 5, 6)
    volume = Volume(image, Grid((6, 5, 1), (2, 2, 1), (0, 0, 0), np.diag([1, 1, flip])))
    stack = slice_stack(volume, spacing_mm=2.0, size=(6, 5))
    assert (stack.plane, len(stack)) == ("axial", 1)
    np.testing.assert_allclose(stack.batch(0, 1), image, atol=1e-5)


def test_a_thin_axis_is_visible_in_plane_with_coarse_pixels() -> None:
    array = np.random.default_rng(0).normal(size=(1, 20, 20)).astype(np.float32)
    volume = Volume(array, Grid((20, 20, 1), (1, 1, 0.5), (0, 0, 0), np.eye(3)))
    shown = SliceStack(volume, "coronal", spacing_mm=2.0, size=(16, 16)).batch(0, 20)
    assert (shown.max(axis=(1, 2)) > array.min(axis=(0, 2))).all()


def test_cell_grid_places_centres_at_offset_plus_stride(oblique_volume: Volume) -> None:
    stack = SliceStack(oblique_volume, "coronal", spacing_mm=1.1, size=(24, 16))
    cells = stack.cell_grid((6, 4), 4, 1.5)
    assert cells.size == (6, 4, 24)
    np.testing.assert_allclose(cells.to_lps((5, 3, 7)), stack.grid.to_lps((21.5, 13.5, 7)), atol=1e-9)


def test_the_cropped_extent_is_reported(oblique_volume: Volume) -> None:
    stack = SliceStack(oblique_volume, "axial", spacing_mm=1.0, size=(20, 24))
    assert stack.cropped_mm == pytest.approx((2.0, 0.0))


def off_centre(before: tuple[int, int], behind: tuple[int, int], background: float = 0.0) -> Volume:
    """A seeded body of 12 x 10 x 6 voxels with so many empty columns and rows before and behind it."""
    body = np.random.default_rng(3).uniform(80, 120, (6, 10, 12)).astype(np.float32)
    edges = ((0, 0), (before[1], behind[1]), (before[0], behind[0]))
    array = np.pad(body, edges, constant_values=background)
    return Volume(array, Grid(array.shape[::-1], (1.5, 2.0, 3.0), (0, 0, 0), np.eye(3)))


@pytest.mark.parametrize(("before", "behind"), [((1, 3), (40, 1)), ((30, 25), (31, 24)), ((1, 50), (1, 2))])
def test_slices_centred_on_content_show_the_body_at_any_position(before: tuple, behind: tuple) -> None:
    options = {"spacing_mm": 1.0, "size": (30, 34), "centre": "content"}
    expected = SliceStack(off_centre((5, 5), (5, 5)), "axial", **options).batch(0, 6)
    stack = SliceStack(off_centre(before, behind), "axial", **options)
    np.testing.assert_allclose(stack.batch(0, 6), expected, atol=1e-4)
    middle = np.array([before[0] + 5.5, before[1] + 4.5, 2.5]) * (1.5, 2.0, 3.0)
    np.testing.assert_allclose(stack.grid.to_lps((14.5, 16.5, 2.5)), middle, atol=1e-9)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(("order", "flips"), STORAGE_ORDERS)
def test_slices_centred_on_content_do_not_depend_on_the_storage_order(
    plane: str, order: tuple[int, ...], flips: tuple[int, ...]
) -> None:
    volume = off_centre((1, 14), (9, 2), background=-70.0)
    options = {"spacing_mm": 1.3, "size": (17, 19), "centre": "content"}
    expected = SliceStack(volume, plane, **options)
    stack = SliceStack(stored_otherwise(volume, order, flips), plane, **options)
    assert stack.grid.matches(expected.grid, 1e-9)
    np.testing.assert_allclose(stack.batch(0, 99), expected.batch(0, 99), rtol=1e-5, atol=1e-4)


def test_slices_centred_on_content_crop_only_the_background() -> None:
    stack = SliceStack(off_centre((9, 0), (0, 30)), "axial", spacing_mm=1.0, size=(16, 24), centre="content")
    assert stack.cropped_mm == pytest.approx((2.0, 0.0))


@pytest.mark.parametrize("flip", [1, -1])
def test_slices_with_hardly_any_of_the_body_are_not_filled(flip: int) -> None:
    volume = off_centre((2, 3), (4, 1))
    array = volume.array_kji.copy()
    array[0] = 0.0
    array[0, 5, 5:9] = 100.0  # 4 of 120 voxels
    array[5, 6:] = 0.0  # 36 of 120
    volume = stored_otherwise(Volume(array, volume.grid), (2, 1, 0), (1, 1, flip))
    options = {"spacing_mm": 1.5, "size": (16, 20)}
    stack = SliceStack(volume, "axial", centre="content", **options)
    highest = stack.batch(0, 6).max(axis=(1, 2))
    np.testing.assert_array_equal(stack.filled, highest > 105)
    assert stack.filled.sum() == 5
    coronal = SliceStack(volume, "coronal", centre="content", **options)
    np.testing.assert_array_equal(coronal.filled, coronal.batch(0, 14).max(axis=(1, 2)) > 0)
    assert SliceStack(volume, "axial", **options).filled.all()


def test_a_mask_is_resampled_on_the_pixels_of_its_volume() -> None:
    volume = off_centre((9, 0), (0, 30))
    stack = SliceStack(volume, "axial", spacing_mm=1.5, size=(16, 20), centre="content")
    mask = stack.batch(0, 6, volume.array_kji > 0)
    np.testing.assert_array_equal(mask[:, 5:15, 3:13], 1.0)
    assert not mask[:, 0].any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"plane": "auto"}, "view must be one of"), ({"spacing_mm": 0.0}, "spacing of the slices must be positive, got 0"),
     ({"spacing_mm": float("nan")}, "must be positive"), ({"size": (0, 8)}, "at least 1 pixel, got"),
     ({"centre": "head"}, "centre of the slices must be one of volume, content, got 'head'")],
)  # fmt: skip
def test_settings_out_of_range_are_refused(oblique_volume: Volume, settings: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        SliceStack(**{"volume": oblique_volume, "plane": "axial", "spacing_mm": 1.0, "size": (8, 8), **settings})


@pytest.mark.parametrize("unit", ["", "HU", "SUVbw"])
def test_a_network_sees_monochrome1_as_displayed_unless_it_has_a_unit(oblique_volume: Volume, unit: str) -> None:
    array = oblique_volume.array_kji
    stored = Volume(array, oblique_volume.grid, unit=unit, inverted=True)
    seen = Volume(array if unit else array.min() + array.max() - array, oblique_volume.grid)
    options = {"spacing_mm": 1.5, "size": (16, 16)}
    np.testing.assert_array_equal(
        slice_stack(stored, "axial", **options).batch(0, 9), slice_stack(seen, "axial", **options).batch(0, 9)
    )
