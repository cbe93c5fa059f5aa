"""Property tests of grids and headers, with examples by hypothesis."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from dicom_series import write_series
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from CAMLocalizerLib.core import Grid, LabelMap
from CAMLocalizerLib.io import read_label_map, read_volume, write_label_map, write_nifti, write_segmentation
from CAMLocalizerLib.io.grid_copy import copy_to_grid, same_voxels

EVERY_GRID = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,  # the same examples in every run
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """Any size from 1 to 9, spacing from 0.05 to 20 mm, rotation or reflection, up to a metre from the origin."""
    i, j, k = draw(st.tuples(st.integers(2, 9), st.integers(1, 9), st.integers(1, 9)))
    spacing_mm = draw(st.tuples(*[st.floats(0.05, 20)] * 3))
    origin_mm = draw(st.tuples(*[st.floats(-1000, 1000)] * 3))
    angles = draw(st.tuples(*[st.floats(-180, 180)] * 3))
    direction = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    return Grid((i, j, k), spacing_mm, origin_mm, direction * draw(st.sampled_from([1.0, -1.0])))


def random_array(grid: Grid, seed: int = 0) -> np.ndarray:
    """Noise that is not constant."""
    noise = np.random.default_rng(seed).integers(0, 4000, grid.shape_kji).astype(np.uint16)
    return noise + np.arange(grid.size[0], dtype=np.uint16)


def tolerance_mm(grid: Grid) -> float:
    """Rounding error of float32 at a metre from the origin, and of text with six digits."""
    return 1e-3 + 1e-6 * float(np.abs(grid.to_lps(grid.size)).max())


@EVERY_GRID
@given(grid=grids())
def test_indices_and_positions_are_inverse(grid: Grid) -> None:
    ijk = np.random.default_rng(0).uniform(-5, 15, (50, 3))
    np.testing.assert_allclose(grid.to_ijk(grid.to_lps(ijk)), ijk, atol=1e-6)
    again = Grid.from_matrix(grid.ijk_to_lps, grid.size)
    assert again.matches(grid, 1e-9)
    lengths = np.linalg.norm(np.diff(grid.to_lps([[0, 0, 0], [0, 0, 1]]), axis=0), axis=1)
    np.testing.assert_allclose(lengths, grid.spacing_mm[2])


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha"])
@EVERY_GRID
@given(grid=grids())
def test_every_format_preserves_the_grid(tmp_path: Path, grid: Grid, ending: str) -> None:
    array = random_array(grid)
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


@EVERY_GRID
@given(grid=grids())
def test_simpleitk_reads_our_nifti_at_the_same_position(tmp_path: Path, grid: Grid) -> None:
    write_nifti(random_array(grid).astype(np.float32), grid, tmp_path / "a.nii")
    image = SimpleITK.ReadImage(str(tmp_path / "a.nii"), imageIO="NiftiImageIO")
    last = [n - 1 for n in grid.size]
    np.testing.assert_allclose(
        image.TransformIndexToPhysicalPoint(last), read_volume(tmp_path / "a.nii").grid.to_lps(last), atol=0.02
    )


@EVERY_GRID
@given(grid=grids())
def test_dicom_slices_preserve_the_grid(tmp_path: Path, grid: Grid) -> None:
    """The normal of DICOM slices is that of rows and columns, so a reflected grid comes back with k reversed."""
    array = random_array(grid)
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    write_series(folder, array, grid)
    volume = read_volume(folder)
    if grid.size[2] > 1:
        assert same_voxels(volume.grid, grid)
        np.testing.assert_array_equal(copy_to_grid(volume.array_kji, volume.grid, grid), array)
    else:
        np.testing.assert_array_equal(volume.array_kji, array)


@EVERY_GRID
@given(grid=grids())
def test_label_maps_round_trip_in_both_formats(tmp_path: Path, grid: Grid) -> None:
    labels = (random_array(grid) % 3).astype(np.uint8)
    label_map = LabelMap(labels, grid, ("A", "B"))
    write_label_map(label_map, tmp_path / "a.nii.gz")
    write_segmentation(label_map, tmp_path / "a.seg.nrrd")
    for name in ("a.nii.gz", "a.seg.nrrd"):
        found = read_label_map(tmp_path / name)
        np.testing.assert_array_equal(found.array_kji, labels)
        assert found.grid.matches(grid, tolerance_mm(grid))


@EVERY_GRID
@given(grid=grids(), axes=st.permutations([0, 1, 2]), flips=st.tuples(*[st.booleans()] * 3))
def test_axes_in_any_order_and_direction_hold_the_same_voxels(grid: Grid, axes: list[int], flips: tuple) -> None:
    array = random_array(grid)
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
