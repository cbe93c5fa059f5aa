"""The mean within 1 ml against closed forms and against a naive loop that follows IBSI."""

from __future__ import annotations

import math

import numpy as np
import pytest
from suv_phantoms import OBLIQUE, centred_grid, covered, distances_mm, pet

from CAMLocalizerLib.core import Grid
from CAMLocalizerLib.measure import RADIUS_MM, SphereMeans, sphere_weights

GRIDS = [
    pytest.param((25, 25, 25), (2.0, 2.0, 2.0), np.eye(3), id="isotropic"),
    pytest.param((23, 19, 15), (2.1, 2.7, 3.4), OBLIQUE, id="oblique"),
    pytest.param((41, 31, 13), (1.2, 1.7, 4.9), OBLIQUE, id="oblique-thick"),
]
FINE = [
    pytest.param((17, 17, 17), (1.0, 1.0, 1.0), np.eye(3), id="isotropic"),
    pytest.param((19, 15, 13), (0.8, 1.1, 1.6), OBLIQUE, id="oblique"),
]


def highest(array: np.ndarray, grid: Grid) -> float:
    """The highest mean over all voxels."""
    return float(SphereMeans(pet(array, grid)).at(np.arange(array.size)).max())


def naive_means(array: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Means of the voxels whose centres lie within the sphere, as IBSI defines them; all pairs are compared."""
    places = np.argwhere(np.isfinite(array))
    points = places[:, ::-1] * np.array(spacing_mm)
    near = np.linalg.norm(points[:, None] - points[None], axis=-1) <= RADIUS_MM
    return near @ array[tuple(places.T)] / near.sum(axis=1)


def test_the_radius_is_that_of_a_millilitre() -> None:
    assert pytest.approx(6.2035, abs=5e-5) == RADIUS_MM


@pytest.mark.parametrize("spacing", [(1, 1, 1), (2.08, 2.08, 2.78), (5.3, 4.0, 2.0), (0.5, 3.0, 15.0), (40, 40, 40)])
def test_the_weights_sum_to_a_millilitre_and_are_symmetric(spacing: tuple[float, float, float]) -> None:
    weights = sphere_weights(tuple(map(float, spacing)))
    assert weights.sum() * np.prod(spacing) == pytest.approx(1000.0, rel=3e-4)
    assert (weights.min(), weights.max()) >= (0.0, 0.0)
    assert weights.max() <= 1 + 1e-9
    np.testing.assert_allclose(weights, weights[::-1, ::-1, ::-1], atol=1e-12)


def test_a_weight_is_the_fraction_of_the_voxel_within_the_sphere() -> None:
    spacing = (2.0, 3.0, 5.0)
    random = np.random.default_rng(5)
    weights = sphere_weights(spacing)
    for k, j, i in [(1, 2, 3), (1, 2, 0), (0, 2, 3), (2, 3, 4), (1, 0, 4)]:
        middle = (np.array([i, j, k]) - np.array(weights.shape[::-1]) // 2) * spacing
        points = middle + (random.random((200_000, 3)) - 0.5) * spacing
        share = float((np.linalg.norm(points, axis=1) <= RADIUS_MM).mean())
        assert weights[k, j, i] == pytest.approx(share, abs=0.004)


@pytest.mark.parametrize(("size", "spacing", "direction"), GRIDS)
def test_a_sphere_of_more_than_a_millilitre_has_its_own_uptake(
    size: tuple[int, int, int], spacing: tuple[float, float, float], direction: np.ndarray
) -> None:
    grid = centred_grid(size, spacing, direction)
    assert highest(1.0 + 7.0 * covered(grid, (0, 0, 0), 14.0), grid) == pytest.approx(8.0, rel=1e-6)


@pytest.mark.parametrize(("size", "spacing", "direction"), GRIDS[:2])
def test_a_small_sphere_is_diluted_by_its_fraction_of_the_millilitre(
    size: tuple[int, int, int], spacing: tuple[float, float, float], direction: np.ndarray
) -> None:
    grid, radius = centred_grid(size, spacing, direction), 4.0
    share = covered(grid, (0, 0, 0), radius)
    peak = highest(1.0 + 7.0 * share, grid)
    assert peak == pytest.approx(1.0 + 7.0 * (radius / RADIUS_MM) ** 3, rel=0.03)


@pytest.mark.parametrize(("size", "spacing", "direction"), FINE)
@pytest.mark.parametrize("sigma_mm", [4.0, 7.0])
def test_a_gaussian_blob_has_the_mean_of_the_closed_form(
    size: tuple[int, int, int], spacing: tuple[float, float, float], direction: np.ndarray, sigma_mm: float
) -> None:
    matrix = direction * spacing
    grid = Grid(size, spacing, tuple(-matrix @ ((np.array(size) - 1) / 2)), direction)  # a voxel at the blob's centre
    array = 12.0 * np.exp(-(distances_mm(grid) ** 2) / (2 * sigma_mm**2))
    x = RADIUS_MM / (math.sqrt(2) * sigma_mm)
    within = sigma_mm**3 * math.sqrt(math.pi / 2) * math.erf(x) - sigma_mm**2 * RADIUS_MM * math.exp(-(x**2))
    expected = 12.0 * 3 / RADIUS_MM**3 * within
    assert highest(array, grid) == pytest.approx(expected, rel=0.01)


def test_a_linear_ramp_keeps_its_value_on_any_grid() -> None:
    grid = centred_grid((21, 17, 9), (1.3, 2.2, 4.1), OBLIQUE)
    k, j, i = np.indices(grid.shape_kji)
    ramp = 5.0 + grid.to_lps(np.stack([i, j, k], axis=-1)) @ [0.02, -0.03, 0.05]
    middle = int(np.ravel_multi_index((4, 8, 10), grid.shape_kji))
    found = SphereMeans(pet(ramp, grid)).at(np.array([middle]))
    assert found[0] == pytest.approx(ramp[4, 8, 10], rel=1e-6)


def test_the_sphere_must_lie_within_the_volume() -> None:
    grid = Grid((9, 9, 9), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), np.eye(3))
    array = np.random.default_rng(0).random(grid.shape_kji)
    means = SphereMeans(pet(array, grid)).at(np.arange(array.size)).reshape(grid.shape_kji)
    defined = np.zeros(grid.shape_kji, bool)
    defined[3:6, 3:6, 3:6] = True  # three voxels reach 6 mm and a fourth begins at 7
    np.testing.assert_array_equal(np.isfinite(means), defined)


def test_asking_again_gives_the_same_numbers() -> None:
    grid = centred_grid((15, 15, 15), (2.0, 2.5, 3.0), OBLIQUE)
    spheres = SphereMeans(pet(np.random.default_rng(1).random(grid.shape_kji), grid))
    first = spheres.at(np.array([1687, 1500, 1700]))
    np.testing.assert_array_equal(spheres.at(np.array([1500, 1687, 3, 1700])), [first[1], first[0], -np.inf, first[2]])


def test_within_the_volume_the_peak_is_that_of_ibsi_up_to_the_border_of_the_sphere() -> None:
    grid = centred_grid((31, 29, 27), (1.5, 1.5, 1.5), np.eye(3))
    smooth = 1 + 8 * np.exp(-(distances_mm(grid, (1.0, 2.0, -1.0)) ** 2) / (2 * 6.0**2))
    inner = smooth[5:22, 5:24, 5:26]
    assert highest(smooth, grid) == pytest.approx(naive_means(inner, grid.spacing_mm).max(), rel=0.02)
