"""Feature maps are projected back to their position in the volume."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK
import torch

from CAMLocalizerLib.core import Grid, GridError, Volume
from CAMLocalizerLib.views import PLANES, SliceStack, acquisition_plane, back_project, plane_axes

STRIDES = {1: 1, 2: 2, 3: 4, 4: 8}
STORAGE_ORDERS = [(order, flips) for order in permutations(range(3)) for flips in product((1, -1), repeat=3)]
TILT = np.linalg.qr(np.eye(3) + 0.15 * np.random.default_rng(2).normal(size=(3, 3)))[0]


def stored(size: tuple, spacing: tuple, order: tuple = (0, 1, 2), flips: tuple = (1, 1, 1)) -> Grid:
    """A tilted grid whose storage axes are permuted and flipped."""
    axes = list(order)
    direction = TILT[:, axes] * flips
    return Grid(tuple(np.array(size)[axes]), tuple(np.array(spacing)[axes]), (-80.0, 33.0, 410.0), direction)


def point_source(grid: Grid, seed: int) -> tuple[Volume, np.ndarray]:
    """One bright voxel away from the borders, and its position in mm."""
    rng = np.random.default_rng(seed)
    ijk = np.array([rng.integers(n // 4, n - n // 4) for n in grid.size])
    array = np.zeros(grid.shape_kji, dtype=np.float32)
    array[tuple(ijk[::-1])] = 100.0
    return Volume(array, grid), grid.to_lps(ijk)


def pooled(slices: np.ndarray, stride: int) -> np.ndarray:
    """Average pooling without padding: cell c covers pixels stride * c to stride * (c + 1) - 1."""
    n, height, width = slices.shape
    return slices.reshape(n, height // stride, stride, width // stride, stride).mean(axis=(2, 4))


def centre_of_mass(array_kji: np.ndarray, grid: Grid) -> np.ndarray:
    kji = np.argwhere(array_kji > 0)
    return np.average(grid.to_lps(kji[:, ::-1]), axis=0, weights=array_kji[array_kji > 0])


def assert_comes_back(back: np.ndarray, source_mm: np.ndarray, stack: SliceStack, stride: int) -> None:
    """The peak's centre is within half a feature cell of the source in-plane, and in its slice."""
    found = stack.grid.to_ijk(centre_of_mass(back, stack.volume.grid))
    true = stack.grid.to_ijk(source_mm)
    assert np.abs(found - true)[:2].max() <= stride / 2
    assert abs(found[2] - true[2]) < 1e-6


def round_trip(volume: Volume, stack: SliceStack, stride: int) -> np.ndarray:
    cells = pooled(stack.batch(0, len(stack)), stride)
    grid = stack.cell_grid((cells.shape[2], cells.shape[1]), stride, (stride - 1) / 2)
    return back_project(cells, grid, volume.grid, plane=stack.plane)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("scale", STRIDES)
@pytest.mark.parametrize("spacing", [(0.8, 1.1, 2.4), (1.9, 0.6, 0.7), (1.0, 1.0, 1.0)])
@pytest.mark.parametrize("seed", range(4))
def test_a_point_source_is_projected_back_to_its_position(plane: str, scale: int, spacing: tuple, seed: int) -> None:
    volume, source_mm = point_source(stored((40, 44, 36), spacing, (2, 0, 1), (-1, 1, -1)), seed)
    stack = SliceStack(volume, plane, spacing_mm=1.0, size=(104, 96))
    assert_comes_back(round_trip(volume, stack, STRIDES[scale]), source_mm, stack, STRIDES[scale])


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(("order", "flips"), STORAGE_ORDERS)
def test_a_point_source_is_projected_back_for_every_storage_order(plane: str, order: tuple, flips: tuple) -> None:
    volume, source_mm = point_source(stored((24, 28, 20), (1.2, 0.9, 2.1), order, flips), seed=5)
    stack = SliceStack(volume, plane, spacing_mm=1.0, size=(48, 56))
    assert_comes_back(round_trip(volume, stack, 4), source_mm, stack, 4)


def body_off_the_centre(grid: Grid) -> Volume:
    """A box of tissue on a negative background near the first voxel of the anatomical axes."""
    box = np.full(grid.shape_kji, -40.0, dtype=np.float32)
    ends = zip(grid.size, upwards(grid), strict=True)
    near = [slice(1, n // 2) if up else slice(n - n // 2, n - 1) for n, up in ends]
    box[tuple(reversed(near))] = 60.0
    return Volume(box, grid)


def upwards(grid: Grid) -> list[bool]:
    """Whether the storage index grows with the anatomical coordinate."""
    return [bool(column[np.abs(column).argmax()] > 0) for column in grid.direction.T]


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(("order", "flips"), STORAGE_ORDERS)
def test_a_point_source_is_projected_back_from_slices_centred_on_content(
    plane: str, order: tuple, flips: tuple
) -> None:
    grid = stored((24, 28, 20), (1.2, 0.9, 2.1), order, flips)
    body = body_off_the_centre(grid)
    stack = SliceStack(body, plane, spacing_mm=1.0, size=(40, 40), centre="content")
    ijk = np.array([n // 4 if up else n - 1 - n // 4 for n, up in zip(grid.size, upwards(grid), strict=True)])
    point = np.zeros(grid.shape_kji, dtype=np.float32)
    point[tuple(ijk[::-1])] = 100.0
    cells = pooled(stack.batch(0, len(stack), point), 4)
    back = back_project(cells, stack.cell_grid((10, 10), 4, 1.5), grid, plane=plane)
    assert_comes_back(back, grid.to_lps(ijk), stack, 4)
    centre = stack.grid.to_lps((19.5, 19.5, (len(stack) - 1) / 2))
    inside = grid.to_lps(np.argwhere(body.array_kji > 0)[:, ::-1])
    towards = stack.grid.direction[:, :2].T
    np.testing.assert_allclose(towards @ centre, towards @ inside.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("scale", STRIDES)
@pytest.mark.parametrize("spacing", [(0.8, 1.1, 2.4), (1.9, 0.6, 0.7)])
@pytest.mark.parametrize("seed", range(2))
def test_a_bright_voxel_is_projected_back_from_slices_centred_on_content(
    plane: str, scale: int, spacing: tuple, seed: int
) -> None:
    grid = stored((40, 44, 36), spacing, (2, 0, 1), (-1, 1, -1))
    source, source_mm = point_source(grid, seed)
    body = body_off_the_centre(grid)
    stack = SliceStack(Volume(body.array_kji + source.array_kji, grid), plane, spacing_mm=1.0, size=(120, 120),
                       centre="content")  # fmt: skip
    rest = SliceStack(body, plane, spacing_mm=1.0, size=(120, 120), centre="content")
    assert stack.grid.matches(rest.grid, 1e-9)
    cells = pooled(stack.batch(0, len(stack)) - rest.batch(0, len(stack)), STRIDES[scale])
    cells[cells < 1e-3] = 0
    placed = stack.cell_grid((cells.shape[2], cells.shape[1]), STRIDES[scale], (STRIDES[scale] - 1) / 2)
    back = back_project(cells, placed, grid, plane=plane)
    assert_comes_back(back, source_mm, stack, STRIDES[scale])


@pytest.mark.parametrize("plane", PLANES)
def test_a_point_source_is_projected_back_through_pooling_and_convolution(plane: str) -> None:
    volume, source_mm = point_source(stored((40, 44, 36), (0.8, 1.1, 2.4), (1, 2, 0), (1, -1, 1)), seed=1)
    stack = SliceStack(volume, plane, spacing_mm=1.0, size=(96, 96))
    features = torch.from_numpy(stack.batch(0, len(stack))[:, None])  # (N, 1, H, W)
    smooth = torch.tensor([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]])[None, None] / 16
    for stride in (1, 2, 4, 8):
        features = features if stride == 1 else torch.nn.functional.max_pool2d(features, 2)
        features = torch.nn.functional.conv2d(features, smooth, padding=1)
        cells = features[:, 0].numpy()
        grid = stack.cell_grid((96 // stride, 96 // stride), stride, (stride - 1) / 2)
        back = back_project(cells, grid, volume.grid, plane=plane)
        peak = np.where(back >= back.max() / 2, back, 0)
        assert_comes_back(peak, source_mm, stack, stride)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("stride", [2, 4])
def test_back_projection_equals_linear_resampling_by_simpleitk(oblique_volume: Volume, plane: str, stride: int) -> None:
    stack = SliceStack(oblique_volume, plane, spacing_mm=2.5, size=(16, 16))
    size = (16 // stride, 16 // stride)
    grid = stack.cell_grid(size, stride, (stride - 1) / 2)
    cells = np.random.default_rng(0).random(grid.shape_kji, dtype=np.float32)
    image = SimpleITK.GetImageFromArray(cells)
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction.ravel().tolist())
    target = oblique_volume.grid
    resample = SimpleITK.ResampleImageFilter()
    resample.SetReferenceImage(SimpleITK.GetImageFromArray(oblique_volume.array_kji))
    resample.SetOutputSpacing(target.spacing_mm)
    resample.SetOutputOrigin(target.origin_mm)
    resample.SetOutputDirection(target.direction.ravel().tolist())
    resample.SetDefaultPixelValue(float("nan"))
    expected = SimpleITK.GetArrayFromImage(resample.Execute(image))
    inside = np.isfinite(expected)
    assert inside.mean() > 0.5
    got = back_project(cells, grid, target, plane=plane)
    np.testing.assert_allclose(got[inside], expected[inside], atol=1e-4)


def test_edge_cells_are_constant_to_their_border_and_zero_outside() -> None:
    target = Grid((12, 1, 1), (1, 1, 1), (0, 0, 0), np.eye(3))
    cells = Grid((2, 1, 1), (4, 4, 1), (3.5, 0, 0), np.eye(3))  # covers 1.5 to 9.5 mm
    got = back_project(np.array([[[1.0, 2.0]]], dtype=np.float32), cells, target, plane="axial")
    np.testing.assert_allclose(got[0, 0], [0, 0, 1, 1, 1.125, 1.375, 1.625, 1.875, 2, 2, 0, 0], atol=1e-6)


def test_every_slice_is_projected_back_to_itself(oblique_volume: Volume) -> None:
    for plane in PLANES:
        stack = SliceStack(oblique_volume, plane, spacing_mm=1.0, size=(40, 40))
        numbers = np.broadcast_to(np.arange(1, len(stack) + 1, dtype=np.float32)[:, None, None], (len(stack), 5, 5))
        back = back_project(numbers, stack.cell_grid((5, 5), 8, 3.5), oblique_volume.grid, plane=plane)
        slices = plane_axes(oblique_volume.grid, plane).as_slices(back)
        inner = slices[:, slices.shape[1] // 2, slices.shape[2] // 2]
        np.testing.assert_allclose(inner, np.arange(1, len(stack) + 1), rtol=1e-6)


@pytest.mark.parametrize("thin", [0, 1, 2])
def test_a_single_image_is_projected_back_in_its_plane(thin: int) -> None:
    size = [20, 24, 28]
    size[thin] = 1
    volume, source_mm = point_source(stored(tuple(size), (1.3, 1.3, 1.3)), seed=0)
    stack = SliceStack(volume, acquisition_plane(volume.grid), spacing_mm=1.0, size=(40, 40))
    assert len(stack) == 1
    for stride in (1, 2, 4, 8):
        assert_comes_back(round_trip(volume, stack, stride), source_mm, stack, stride)


def test_cells_of_another_plane_or_volume_are_refused(oblique_volume: Volume) -> None:
    stack = SliceStack(oblique_volume, "axial", spacing_mm=1.0, size=(8, 8))
    cells, values = stack.cell_grid((4, 4), 2, 0.5), np.ones((9, 4, 4), dtype=np.float32)
    with pytest.raises(GridError, match="are not the coronal slices of the volume"):
        back_project(values, cells, oblique_volume.grid, plane="coronal")
    grid = oblique_volume.grid
    shorter = Grid((20, 24, 8), grid.spacing_mm, grid.origin_mm, grid.direction)
    with pytest.raises(GridError, match="are not the axial slices"):
        back_project(values, cells, shorter, plane="axial")
    with pytest.raises(GridError, match="feature map has shape"):
        back_project(values[:5], cells, grid, plane="axial")
