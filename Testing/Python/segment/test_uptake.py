"""An activation restricted to uptake."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, GridError, SettingsError
from CAMLocalizerLib.segment import label_map_from_uptake, uptake_regions

SHAPE = (12, 14, 40)
MM = (3.0, 2.0, 2.0)
GRID = Grid(SHAPE[::-1], MM[::-1], (0.0, 0.0, 0.0), np.eye(3))


def ball(centre: tuple[int, int, int], radius_mm: float) -> np.ndarray:
    places = np.indices(SHAPE)
    offsets = [(axis - middle) * mm for axis, middle, mm in zip(places, centre, MM, strict=True)]
    return sum(offset**2 for offset in offsets) <= radius_mm**2


@pytest.fixture
def uptake() -> np.ndarray:
    """Background of 1, a tumour of 8 and, not connected with it, an organ of 12."""
    array = np.ones(SHAPE, dtype=np.float32)
    array[ball((6, 7, 10), 7.0)] = 8.0
    array[ball((6, 7, 22), 9.0)] = 12.0
    return array


def activation_at(column: int, width_mm: float = 12.0) -> np.ndarray:
    distance = np.abs(np.arange(SHAPE[2]) - column) * MM[2]
    return np.broadcast_to(np.clip(1 - distance / (2 * width_mm), 0, 1), SHAPE).astype(np.float32)


def test_the_label_is_the_tumour_alone(uptake: np.ndarray) -> None:
    label_map = label_map_from_uptake(activation_at(10), uptake, GRID, "0.4")
    np.testing.assert_array_equal(label_map.array_kji > 0, ball((6, 7, 10), 7.0))


def test_a_hotter_organ_at_the_regions_edge_does_not_outbid_the_tumour(uptake: np.ndarray) -> None:
    activation = activation_at(10, 16.0)
    assert (uptake[activation >= 0.4] == 12.0).any()
    found = uptake_regions(activation >= 0.4, activation, uptake, MM)
    assert not (found & (uptake == 12.0)).any()


def test_a_tumour_that_crosses_the_regions_border_is_kept_whole(uptake: np.ndarray) -> None:
    region = np.zeros(SHAPE, dtype=bool)
    region[6, 7, 9:11] = True
    found = uptake_regions(region, region.astype(np.float32), uptake, MM)
    np.testing.assert_array_equal(found, ball((6, 7, 10), 7.0))


def test_the_margin_bounds_what_is_connected() -> None:
    region = ball((6, 7, 10), 0.0)
    everywhere = np.full(SHAPE, 5.0, dtype=np.float32)
    found = uptake_regions(region, region.astype(np.float32), everywhere, MM, margin_mm=9.0)
    np.testing.assert_array_equal(found, ball((6, 7, 10), 9.0))


@pytest.mark.parametrize(("fraction", "shell"), [(0.41, True), (0.5, True), (0.51, False)])
def test_the_fraction_is_of_the_local_maximum(uptake: np.ndarray, fraction: float, shell: bool) -> None:
    uptake = uptake.copy()
    edge = ball((6, 7, 10), 9.0) & ~ball((6, 7, 10), 7.0)
    uptake[edge] = 4.0
    label_map = label_map_from_uptake(activation_at(10), uptake, GRID, "0.4", border=f"{100 * fraction:g}%")
    assert bool(label_map.array_kji[edge].all()) is shell
    assert bool(label_map.array_kji[edge].any()) is shell


def test_the_maximum_is_the_local_one_though_the_activation_is_higher_beside_it(uptake: np.ndarray) -> None:
    uptake = uptake.copy()
    uptake[6, 7, 10], uptake[6, 7, 12], uptake[6, 7, 13] = 20.0, 19.0, 8.3  # 0.41 of 20 is 8.2, of 19 is 7.8
    uptake[6, 7, 11] = 19.5
    found = uptake_regions(activation_at(14) >= 0.4, activation_at(14), uptake, MM)
    assert np.argwhere(found).tolist() == [[6, 7, 10], [6, 7, 11], [6, 7, 12], [6, 7, 13]]


def test_a_seed_far_below_the_maximum_of_its_slope_gives_the_maximums_surroundings() -> None:
    uptake = np.ones(SHAPE, dtype=np.float32)
    uptake[6, 7, 10:15] = 10.0, 10.0, 8.0, 5.0, 3.0
    activation = np.full(SHAPE, 0.1, dtype=np.float32)
    activation[6, 7, 10:15] = 0.25, 0.25, 0.25, 0.3, 1.0  # the seed has 3, which is below 0.41 of 10
    found = uptake_regions(activation > 0.2, activation, uptake, MM)
    assert np.argwhere(found).tolist() == [[6, 7, 10], [6, 7, 11], [6, 7, 12], [6, 7, 13]]


def test_each_region_has_its_own_maximum(uptake: np.ndarray) -> None:
    weak = ball((6, 7, 34), 5.0)
    uptake[weak] = 3.0
    activation = np.maximum(activation_at(10, 8.0), activation_at(34, 4.0))
    label_map = label_map_from_uptake(activation, uptake, GRID, "0.5")
    np.testing.assert_array_equal(label_map.array_kji > 0, ball((6, 7, 10), 7.0) | weak)
    largest = label_map_from_uptake(activation, uptake, GRID, "0.5", keep_largest=1)
    np.testing.assert_array_equal(largest.array_kji > 0, ball((6, 7, 10), 7.0))


def test_no_activation_and_no_uptake_give_an_empty_label_map(uptake: np.ndarray) -> None:
    nothing = np.zeros(SHAPE, dtype=np.float32)
    assert not label_map_from_uptake(nothing, uptake, GRID, "0").array_kji.any()
    assert not label_map_from_uptake(activation_at(10), nothing - 1, GRID, "0.4").array_kji.any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"border": "0%"}, "uptake_border must be above 0"),
     ({"border": "much"}, 'uptake_border "much" is not understood'),
     ({"border": "liver"}, "no liver was found"), ({"margin_mm": -1.0}, "at least 0 mm, got -1")],
)  # fmt: skip
def test_settings_out_of_range_are_refused(uptake: np.ndarray, settings: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        uptake_regions(uptake > 2, uptake, uptake, MM, **settings)


def test_arrays_of_different_shapes_are_refused(uptake: np.ndarray) -> None:
    with pytest.raises(GridError, match=r"shapes differ: regions \(12, 14, 40\), activation \(11, 14, 40\)"):
        uptake_regions(uptake > 2, uptake[1:], uptake, MM)
