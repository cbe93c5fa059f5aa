"""Property tests of grids and headers, with seeded random examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from dicom_series import write_series

from CAMLocalizerLib.core import Grid, LabelMap
from CAMLocalizerLib.io import read_label_map, read_volume, write_label_map, write_nifti, write_segmentation
from CAMLocalizerLib.io.grid_copy import copy_to_grid, same_voxels

SEEDS = range(25)


def random_grid(seed: int) -> Grid:
    """Any size from 1 to 9, spacing from 0.05 to 20 mm, rotation or reflection, up to a metre from the origin."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    i, j, k = rng.integers(1, 10, 3).tolist()
    x, y, z = np.exp(rng.uniform(np.log(0.05), np.log(20), 3)).tolist()
    left, posterior, superior = rng.uniform(-1000, 1000, 3).tolist()
    return Grid((max(i, 2), j, k), (x, y, z), (left, posterior, superior), turn)


def random_array(seed: int, grid: Grid) -> np.ndarray:
    """Noise that is not constant."""
    return np.random.default_rng(seed + 1000).integers(0, 4000, grid.shape_kji).astype(np.uint16) + np.arange(
        grid.size[0], dtype=np.uint16
    )


def tolerance_mm(grid: Grid) -> float:
    """Rounding error of float32 at a metre from the origin, and of text with six digits."""
    return 1e-3 + 1e-6 * float(np.abs(grid.to_lps(grid.size)).max())


@pytest.mark.parametrize("seed", SEEDS)
def test_indices_and_positions_are_inverse(seed: int) -> None:
    grid = random_grid(seed)
    ijk = np.random.default_rng(seed).uniform(-5, 15, (50, 3))
    np.testing.assert_allclose(grid.to_ijk(grid.to_lps(ijk)), ijk, atol=1e-6)
    again = Grid.from_matrix(grid.ijk_to_lps, grid.size)
    assert again.matches(grid, 1e-9)
    lengths = np.linalg.norm(np.diff(grid.to_lps([[0, 0, 0], [0, 0, 1]]), axis=0), axis=1)
    np.testing.assert_allclose(lengths, grid.spacing_mm[2])


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_format_preserves_the_grid(tmp_path: Path, seed: int, ending: str) -> None:
    grid = random_grid(seed)
    array = random_array(seed, grid)
    path = tmp_path / f"a{ending}"
    if ending.startswith(".nii"):
        write_nifti(array.astype(np.float32), grid, path)
    else:
        image = SimpleITK.GetImageFromArray(array)
        image.SetSpacing(grid.spacing_mm)
        image.SetOrigin(grid.origin_mm)
        image.SetDirection(grid.direction.ravel().tolist())
        SimpleITK.WriteImage(image, str(path))
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.array_kji, array)
    assert volume.grid.matches(grid, tolerance_mm(grid))
    assert volume.notes == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_simpleitk_reads_our_nifti_at_the_same_position(tmp_path: Path, seed: int) -> None:
    grid = random_grid(seed)
    write_nifti(random_array(seed, grid).astype(np.float32), grid, tmp_path / "a.nii")
    image = SimpleITK.ReadImage(str(tmp_path / "a.nii"), imageIO="NiftiImageIO")
    last = [n - 1 for n in grid.size]
    np.testing.assert_allclose(
        image.TransformIndexToPhysicalPoint(last), read_volume(tmp_path / "a.nii").grid.to_lps(last), atol=0.02
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_dicom_slices_preserve_the_grid(tmp_path: Path, seed: int) -> None:
    """The normal of DICOM slices is that of rows and columns, so a reflected grid comes back with k reversed."""
    grid = random_grid(seed)
    array = random_array(seed, grid)
    write_series(tmp_path / "s", array, grid)
    volume = read_volume(tmp_path / "s")
    if grid.size[2] > 1:
        assert same_voxels(volume.grid, grid)
        np.testing.assert_array_equal(copy_to_grid(volume.array_kji, volume.grid, grid), array)
    else:
        np.testing.assert_array_equal(volume.array_kji, array)


@pytest.mark.parametrize("seed", SEEDS)
def test_label_maps_round_trip_in_both_formats(tmp_path: Path, seed: int) -> None:
    grid = random_grid(seed)
    labels = (random_array(seed, grid) % 3).astype(np.uint8)
    label_map = LabelMap(labels, grid, ("A", "B"))
    write_label_map(label_map, tmp_path / "a.nii.gz")
    write_segmentation(label_map, tmp_path / "a.seg.nrrd")
    for name in ("a.nii.gz", "a.seg.nrrd"):
        found = read_label_map(tmp_path / name)
        np.testing.assert_array_equal(found.array_kji, labels)
        assert found.grid.matches(grid, tolerance_mm(grid))


@pytest.mark.parametrize("seed", SEEDS)
def test_axes_in_any_order_and_direction_hold_the_same_voxels(seed: int) -> None:
    grid = random_grid(seed)
    array = random_array(seed, grid)
    rng = np.random.default_rng(seed)
    axes, flips = rng.permutation(3), rng.integers(0, 2, 3).astype(bool)
    first = np.array([grid.size[axis] - 1 if flips[axis] else 0 for axis in range(3)])
    signs = np.where(flips, -1.0, 1.0)
    i, j, k = (grid.size[axis] for axis in axes)
    x, y, z = (grid.spacing_mm[axis] for axis in axes)
    left, posterior, superior = grid.to_lps(first).tolist()
    turned = Grid((i, j, k), (x, y, z), (left, posterior, superior), (grid.direction * signs)[:, axes])
    there = copy_to_grid(array, grid, turned)
    by_hand = np.flip(array.T, np.flatnonzero(flips).tolist()).transpose(axes).T
    np.testing.assert_array_equal(there, by_hand)
    np.testing.assert_array_equal(copy_to_grid(there, turned, grid), array)
