"""Projections have the right orientation, and their maps are projected back to the right voxels."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK

from CAMLocalizerLib.core import Grid, SettingsError, Volume
from CAMLocalizerLib.views import PROJECTIONS, ProjectionPair, mip_images, projection_size

STORAGE_ORDERS = [(order, flips) for order in permutations(range(3)) for flips in product((1, -1), repeat=3)]
SIZE, SPACING = (18, 12, 26), (4.1, 5.3, 3.0)
HOT = (13, 3, 21)  # to the left, anterior, superior


def stored_otherwise(volume: Volume, order: tuple[int, ...], flips: tuple[int, ...]) -> Volume:
    """The same voxels at the same places, with storage axes permuted and flipped."""
    grid = volume.grid
    array = volume.array_kji.transpose(2, 1, 0).transpose(order)[tuple(slice(None, None, flip) for flip in flips)]
    first = np.zeros(3)
    first[list(order)] = [n - 1 if flip < 0 else 0 for n, flip in zip(array.shape, flips, strict=True)]
    spacing = np.array(grid.spacing_mm)[list(order)]
    stored = Grid(array.shape, tuple(spacing), tuple(grid.to_lps(first)), grid.direction[:, order] * flips)
    return Volume(np.ascontiguousarray(array.transpose(2, 1, 0)), stored, name="stored otherwise")


def body(spacing: tuple[float, float, float] = SPACING, hot: tuple[int, int, int] = HOT) -> Volume:
    """A volume stored to left, posterior, superior with noise and one hot voxel far from every middle."""
    array = np.random.default_rng(3).uniform(0, 2, SIZE[::-1]).astype(np.float32)
    array[hot[::-1]] = 20.0
    return Volume(array, Grid(SIZE, spacing, (-50.0, 20.0, -400.0), np.eye(3)), name="body")


def isotropic(volume: Volume, edge_mm: float) -> np.ndarray:
    """Linear resampling by SimpleITK on a lattice centred on the volume, (k, j, i); NaN outside."""
    grid = volume.grid
    image = SimpleITK.GetImageFromArray(volume.array_kji)
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    size = [2 * int(np.ceil(n * mm / edge_mm / 2)) for n, mm in zip(grid.size, grid.spacing_mm, strict=True)]
    centre = grid.to_lps((np.array(grid.size) - 1) / 2)
    resample = SimpleITK.ResampleImageFilter()
    resample.SetSize(size)
    resample.SetOutputSpacing((edge_mm,) * 3)
    resample.SetOutputOrigin((centre - edge_mm * (np.array(size) - 1) / 2).tolist())
    resample.SetDefaultPixelValue(float("nan"))
    return SimpleITK.GetArrayFromImage(resample.Execute(image))


def middle(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = (slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(image.shape, shape, strict=True))
    return image[rows, columns]


@pytest.mark.parametrize("edge_mm", [2.0, 1.3])
def test_projections_equal_maxima_of_simpleitks_isotropic_volume(edge_mm: float) -> None:
    volume = body()
    expected = isotropic(volume, edge_mm)
    images = ProjectionPair(volume, spacing_mm=edge_mm).images
    for image, axis in zip(images, (1, 2), strict=True):  # along posterior, along left
        face = np.fmax.reduce(expected, axis=axis)[::-1]  # superior first
        inside = np.isfinite(face)
        np.testing.assert_allclose(middle(image, face.shape)[inside], face[inside], atol=1e-4)


@pytest.mark.parametrize(("order", "flips"), STORAGE_ORDERS)
def test_projections_do_not_depend_on_the_storage_order(order: tuple, flips: tuple) -> None:
    expected = ProjectionPair(body()).images
    np.testing.assert_allclose(ProjectionPair(stored_otherwise(body(), order, flips)).images, expected, atol=1e-4)


@pytest.mark.parametrize("plane", PROJECTIONS)
def test_left_is_on_the_right_posterior_on_the_right_and_superior_at_the_top(plane: str) -> None:
    volume = body((2.0, 2.0, 2.0))
    image = ProjectionPair(volume, size=(32, 32)).images[PROJECTIONS.index(plane)]
    column = 13 + (32 - 18) // 2 if plane == "coronal" else 3 + (32 - 12) // 2
    assert np.unravel_index(image.argmax(), image.shape) == (25 - 21 + 3, column)
    pixels = ProjectionPair(volume, size=(32, 32)).to_pixels(plane, volume.grid.to_lps(HOT))
    np.testing.assert_allclose(pixels, (column, 25 - 21 + 3), atol=1e-9)


def cells_seen_through(pair: ProjectionPair, plane: str, stride: int) -> np.ndarray:
    """What a network with one maximum pooling sees."""
    image = pair.images[PROJECTIONS.index(plane)]
    height, width = image.shape
    return image.reshape(height // stride, stride, width // stride, stride).max(axis=(1, 3))


@pytest.mark.parametrize(("order", "flips"), STORAGE_ORDERS)
def test_an_asymmetric_hot_voxel_is_projected_back_to_itself(order: tuple, flips: tuple) -> None:
    volume = stored_otherwise(body(), order, flips)
    pair = ProjectionPair(volume, spacing_mm=2.0, size=(64, 64))
    maps = [pair.to_volume(cells_seen_through(pair, plane, 1), plane, stride=1) for plane in PROJECTIONS]
    activation = maps[0] * maps[1]
    assert activation.shape == volume.array_kji.shape
    assert activation.argmax() == volume.array_kji.argmax()


@pytest.mark.parametrize("stride", [2, 4, 16])
@pytest.mark.parametrize(("order", "flips"), STORAGE_ORDERS[::7])
def test_coarse_cells_are_projected_back_within_half_a_cell(order: tuple, flips: tuple, stride: int) -> None:
    volume = stored_otherwise(body(), order, flips)
    pair = ProjectionPair(volume, spacing_mm=2.0)
    product_of_maps = 1.0
    for plane in PROJECTIONS:
        cells = cells_seen_through(pair, plane, stride)
        alone = np.where(cells == cells.max(), 1, 0).astype(np.float32)
        product_of_maps = product_of_maps * pair.to_volume(alone, plane, stride=stride)
    kji = np.argwhere(product_of_maps > 0.999 * product_of_maps.max())
    found = volume.grid.to_lps(kji.mean(axis=0)[::-1])
    hot = volume.grid.to_lps(np.unravel_index(volume.array_kji.argmax(), volume.array_kji.shape)[::-1])
    assert np.abs(found - hot).max() <= stride + max(SPACING) / 2  # half a cell of 2 mm pixels, and a voxel's half


@pytest.mark.parametrize("plane", PROJECTIONS)
def test_a_map_of_voxel_positions_is_projected_back_exactly(oblique_volume: Volume, plane: str) -> None:
    """Bilinear interpolation reproduces a linear map exactly between the outermost centres."""
    pair = ProjectionPair(oblique_volume, spacing_mm=1.0, size=(48, 64))
    column, row = np.meshgrid(np.arange(24) * 2 + 0.5, np.arange(32) * 2 + 0.5)
    kji = np.indices(oblique_volume.array_kji.shape).reshape(3, -1)
    expected = pair.to_pixels(plane, oblique_volume.grid.to_lps(kji[::-1].T))
    for cells, n in ((column, 0), (row, 1)):
        back = pair.to_volume(cells.astype(np.float32), plane, stride=2)
        got = np.broadcast_to(back, oblique_volume.array_kji.shape).reshape(-1)
        np.testing.assert_allclose(got, expected[:, n], atol=1e-3)


def test_values_are_constant_along_the_line_of_projection() -> None:
    pair = ProjectionPair(body(), size=(48, 48))
    cells = np.ones((3, 3), np.float32)
    assert pair.to_volume(cells, "coronal", stride=16).shape == (26, 1, 18)
    assert pair.to_volume(cells, "sagittal", stride=16).shape == (26, 12, 1)


def test_the_whole_volume_fits_and_sizes_are_multiples_of_sixteen() -> None:
    grid = body().grid  # 73.8 x 63.6 x 78 mm
    assert projection_size(grid, 2.0) == (48, 48)
    assert projection_size(grid, 2.0, at_least=(48, 100)) == (48, 112)
    assert projection_size(Grid((16, 16, 32), (2, 2, 2), (0, 0, 0), np.eye(3)), 2.0) == (16, 32)
    deep = Grid((4, 40, 4), (2, 2, 2), (0, 0, 0), np.eye(3))
    assert projection_size(deep, 2.0) == (48, 16)


def test_network_input_maps_thirty_suv_to_one_and_clips_above() -> None:
    array = np.full((16, 16, 16), -1.0, dtype=np.float32)
    array[4, 5, 6], array[10, 11, 12] = 15.0, 90.0
    volume = Volume(array, Grid((16, 16, 16), (2, 2, 2), (0, 0, 0), np.eye(3)))
    images = mip_images(volume, 2.0, (16, 16))
    assert images.dtype == np.float32
    assert np.unique(images).tolist() == [0.0, 0.5, 1.0]
    assert images[0, 11, 6] == images[1, 11, 5] == 0.5


def test_a_smaller_frame_crops_both_sides_but_projects_the_whole_depth() -> None:
    array = np.zeros((32, 64, 32), dtype=np.float32)
    array[16, 0, 16] = 9.0  # at the very front, outside the frame of the sagittal projection
    volume = Volume(array, Grid((32, 64, 32), (2, 2, 2), (0, 0, 0), np.eye(3)))
    coronal, sagittal = ProjectionPair(volume, size=(32, 32)).images
    assert coronal.max() == 9.0
    assert sagittal.max() == 0.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"spacing_mm": 0.0}, "spacing of the projections must be positive, got 0"),
     ({"size": (100, 64)}, "multiples of 16, got"), ({"size": (0, 16)}, "multiples of 16")],
)  # fmt: skip
def test_settings_out_of_range_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        ProjectionPair(body(), **settings)


def test_an_unknown_projection_is_refused() -> None:
    with pytest.raises(SettingsError, match="projection must be one of coronal, sagittal, got 'axial'"):
        ProjectionPair(body()).axes("axial")
