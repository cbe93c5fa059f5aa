"""Resampling to isotropic voxels along the anatomical axes, and back."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, GridError, SettingsError, Volume
from CAMLocalizerLib.views import isotropic, isotropic_grid, nearest_isotropic

ORDERS = [(order, flips) for order in permutations(range(3)) for flips in product((1, -1), repeat=3)]


def stored(order: tuple[int, ...], flips: tuple[int, ...]) -> tuple[Volume, np.ndarray]:
    """A body whose value tells where a voxel lies, stored in any order; and that place, LPS in mm."""
    size, spacing = np.array([10, 12, 8])[list(order)], np.array([3.0, 2.0, 5.0])[list(order)]
    direction = np.zeros((3, 3))
    for column, (axis, flip) in enumerate(zip(order, flips, strict=True)):
        direction[axis, column] = flip
    grid = Grid(tuple(size.tolist()), tuple(spacing.tolist()), (7.0, -3.0, 11.0), direction)
    k, j, i = np.indices(grid.shape_kji)
    place = grid.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3).astype(float)).reshape(*grid.shape_kji, 3)
    return Volume(place @ np.array([1.0, 10.0, 100.0]), grid), place


@pytest.mark.parametrize(("order", "flips"), ORDERS)
def test_axes_run_to_the_left_to_posterior_and_to_superior(order, flips) -> None:
    volume, _ = stored(order, flips)
    found = isotropic(volume, 4.0)
    np.testing.assert_array_equal(found.grid.direction, np.eye(3))
    middle = (np.array(volume.grid.size) - 1) / 2
    np.testing.assert_allclose(
        found.grid.to_lps((np.array(found.grid.size) - 1) / 2), volume.grid.to_lps(middle), atol=1e-9
    )
    inner = found.array_kji[1:-1, 1:-1, 1:-1]  # a linear image stays what it is
    k, j, i = (axis + 1 for axis in np.indices(inner.shape))
    expected = found.grid.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3).astype(float)) @ [1.0, 10.0, 100.0]
    np.testing.assert_allclose(inner.reshape(-1), expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize(("order", "flips"), ORDERS)
def test_every_voxel_gets_the_value_of_the_nearest_isotropic_voxel(order, flips) -> None:
    volume, place = stored(order, flips)
    grid = isotropic_grid(volume.grid, 4.0)
    numbers = np.arange(np.prod(grid.shape_kji)).reshape(grid.shape_kji)
    back = nearest_isotropic(numbers, volume.grid, 4.0)
    i, j, k = (back % grid.size[0], back // grid.size[0] % grid.size[1], back // grid.size[0] // grid.size[1])
    centres = grid.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3).astype(float)).reshape(place.shape)
    away = np.abs(centres - place)
    assert away.max() <= 2.5 + 1e-9  # half a voxel of 4 mm; at the edge the nearest one is that of the border
    assert np.median(away) <= 2.0


def test_oblique_volumes_keep_their_direction(oblique_volume) -> None:
    found = isotropic(oblique_volume, 3.0)
    assert np.linalg.det(found.grid.direction) == pytest.approx(1.0)
    corner = oblique_volume.grid.direction
    assert all(np.isclose(np.abs(corner.T @ found.grid.direction[:, axis]).max(), 1) for axis in range(3))


def test_invalid_arguments_are_refused(oblique_volume) -> None:
    with pytest.raises(SettingsError, match="edge of the voxels must be positive"):
        isotropic(oblique_volume, 0.0)
    with pytest.raises(GridError, match="isotropic grid"):
        nearest_isotropic(np.zeros((1, 2, 3)), oblique_volume.grid, 4.0)
