"""Candidates of uptake: where they are, what belongs to them, and what is seen of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt
from uptake_phantoms import hot_balls

from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.segment import Basins, background_uptake, find_candidates, find_liver
from CAMLocalizerLib.segment.candidate_features import FEATURES, candidate_features
from CAMLocalizerLib.segment.candidate_views import SIDE, candidate_views
from CAMLocalizerLib.segment.depths import depths

TWO = [((12, 20, 12), 3.0, 8.0), ((34, 18, 30), 4.0, 5.0)]


def named(volume: Volume) -> list[dict[str, float]]:
    return [dict(zip(FEATURES, row.tolist(), strict=True)) for row in candidate_features(find_candidates(volume))]


def test_every_hot_ball_is_a_candidate_highest_first() -> None:
    found = find_candidates(hot_balls(TWO))
    np.testing.assert_array_equal(found.peaks, [(12, 20, 12), (34, 18, 30)])
    assert found.heights[0] > found.heights[1] > 1.8
    assert [found.basins[tuple(peak)] for peak in found.peaks] == [1, 2]
    assert found.basins.max() == len(found) == 2


def test_two_balls_apart_stay_two_and_two_that_fuse_become_one() -> None:
    apart = find_candidates(hot_balls([((20, 20, 16), 3.0, 8.0), ((20, 20, 26), 3.0, 8.0)]))
    fused = find_candidates(hot_balls([((20, 20, 19), 3.0, 8.0), ((20, 20, 23), 3.0, 8.0)]))
    assert (len(apart), len(fused)) == (2, 1)
    assert apart.saddles[0] == apart.saddles[1] < 0.9 * apart.heights[1]
    assert fused.saddles[0] == 0


def test_a_bump_on_a_slope_belongs_to_the_higher_maximum() -> None:
    merged = find_candidates(hot_balls([((20, 20, 18), 4.0, 8.0), ((20, 20, 24), 2.5, 7.4)], blur=1.2))
    assert len(merged) == 1
    assert merged.basins[20, 20, 24] == 1


def test_where_nothing_takes_up_anything_there_is_no_candidate() -> None:
    cold = hot_balls([((20, 20, 18), 2.0, 1.0)])
    silent = Volume(-cold.array_kji, cold.grid)
    found = find_candidates(silent)
    assert (len(found), found.basins.max()) == (0, 0)
    assert candidate_features(found).shape == (0, len(FEATURES))
    assert candidate_views(found).shape == (0, 2, 3, SIDE, SIDE)


def test_a_faint_volume_is_looked_at_from_its_own_height_on() -> None:
    faint = find_candidates(hot_balls([((20, 20, 18), 4.0, 1.5)], background=0.2))
    np.testing.assert_array_equal(faint.peaks, [(20, 20, 18)])


def test_views_show_the_candidate_in_the_middle_and_nothing_outside_the_volume() -> None:
    volume = hot_balls([*TWO, ((34, 6, 30), 3.0, 9.0)])  # the last one lies before the second one
    found = find_candidates(volume)
    views = candidate_views(found)
    values = np.log1p(volume.array_kji)
    number = int(np.flatnonzero((found.peaks == (34, 18, 30)).all(axis=1))[0])
    middle = SIDE // 2
    slab, body, overview = views[number, 0]
    assert slab[middle, middle] == pytest.approx(values[34, 14:23, 30].max())  # 9 voxels deep
    assert body[middle, middle] == pytest.approx(values[34, :, 30].max())
    assert body[middle, middle] > 1.1 * slab[middle, middle]
    assert overview[middle, middle] == pytest.approx(values[32:36, :, 28:32].max())
    first = views[int(np.flatnonzero((found.peaks == (12, 20, 12)).all(axis=1))[0])]
    assert not first[0, 0][: middle - 12].any()  # below the volume's first slice
    assert first[1, 1][middle, middle] == pytest.approx(values[12, 20, :].max())


def test_numbers_tell_height_size_and_place() -> None:
    small, large = named(hot_balls([((24, 20, 10), 2.0, 18.0), ((24, 20, 31), 5.0, 5.0)]))
    assert small["height"] > large["height"]
    assert small["volume at 41%"] < large["volume at 41%"]
    assert np.expm1(large["volume at 41%"]) == pytest.approx(4 / 3 * np.pi * 5**3 * 0.064, rel=0.25)
    assert small["position to the left"] < 0 < large["position to the left"]
    assert small["distance from the middle"] == pytest.approx(-small["position to the left"])
    assert small["level in the field"] == pytest.approx(24 / 47, abs=1e-6)
    assert small["share of the highest"] == 1 > large["share of the highest"]


def test_what_has_its_like_on_the_other_side_is_told() -> None:
    pair = named(hot_balls([((24, 20, 12), 3.0, 6.0), ((24, 20, 31), 3.0, 6.0)]))
    single = named(hot_balls([((24, 20, 12), 3.0, 6.0)]))
    assert pair[0]["mirrored uptake"] == pytest.approx(0.0, abs=0.05)
    assert single[0]["mirrored uptake"] < -1


def test_a_candidate_is_outlined_on_the_volumes_own_grid() -> None:
    volume = hot_balls(TWO, direction=np.diag([-1.0, 1.0, -1.0]))
    found = find_candidates(volume)
    basins = Basins(volume, found.basins, len(found))
    np.testing.assert_allclose(basins.highest, [volume.array_kji[12, 20, 12], volume.array_kji[34, 18, 30]])
    mask = basins.mask([1], "50%")
    assert (mask[34, 18, 30], mask[12, 20, 12]) == (True, False)
    np.testing.assert_array_equal(
        mask, (volume.array_kji >= 0.5 * volume.array_kji[34, 18, 30]) & (basins.numbers == 2)
    )
    assert not basins.mask([], "50%").any()
    spread = basins.spread(np.array([0.25, 0.75], np.float32), "50%")
    assert (spread[12, 20, 12], spread[34, 18, 30]) == (0.25, 0.75)
    np.testing.assert_array_equal(spread > 0, basins.mask([0, 1], "50%"))


def test_only_what_hangs_together_with_the_highest_voxel_belongs_to_a_candidate() -> None:
    volume = hot_balls([((24, 20, 12), 3.0, 9.0)])
    uptake = volume.array_kji.copy()
    uptake[24, 20, 20] = 8.0  # a single noisy voxel in the same basin
    noisy = Volume(uptake, volume.grid, unit="SUVbw")
    mask = Basins(noisy, find_candidates(volume).basins, 1).mask([0], "50%")
    assert (mask[24, 20, 12], mask[24, 20, 20]) == (True, False)


def test_places_are_told_from_the_liver() -> None:
    liver = ((32, 34, 24), 16.0, 2.0)
    (spot,) = [
        row for row in named(hot_balls([liver, ((80, 34, 49), 3.0, 9.0)], shape=(112, 68, 88))) if row["height"] > 1.5
    ]
    assert spot["liver found"] == 1
    assert spot["left of the liver"] == pytest.approx(1.0, abs=0.25)  # 25 voxels of 4 mm
    assert spot["above the liver"] == pytest.approx(1.92, abs=0.25)
    assert {row["liver found"] for row in named(hot_balls(TWO))} == {0.0}


def test_values_that_are_no_suv_are_scaled_for_the_border() -> None:
    volume = hot_balls(TWO)
    raw = Volume(volume.array_kji * 1000, volume.grid)
    found = find_candidates(volume)
    suv, scaled = Basins(volume, found.basins, 2), Basins(raw, found.basins, 2, factor=1e-3)
    np.testing.assert_array_equal(suv.mask([0, 1], "suv2.5"), scaled.mask([0, 1], "suv2.5"))


def test_the_liver_is_the_even_place_on_the_right() -> None:
    liver, left, hot = ((32, 34, 24), 16.0, 2.0), ((80, 34, 62), 17.0, 2.2), ((80, 34, 24), 3.0, 9.0)
    rng = np.random.default_rng(0)
    volume = hot_balls([liver, left, hot], shape=(112, 68, 88))
    noisy = Volume(
        volume.array_kji * (1 + 0.05 * rng.standard_normal(volume.grid.shape_kji)), volume.grid, unit="SUVbw"
    )
    found = find_liver(noisy)
    assert found is not None
    assert found.mean == pytest.approx(2.0, abs=0.02)
    assert found.deviation == pytest.approx(0.1, rel=0.2)
    assert found.limit == pytest.approx(1.5 * found.mean + 2 * found.deviation)
    assert np.linalg.norm(np.array(found.centre_lps_mm) - 4.0 * np.array([24, 34, 32])) < 20
    assert find_liver(hot_balls(TWO)) is None
    tiny = hot_balls([], shape=(4, 4, 4))
    assert find_liver(Volume(tiny.array_kji + np.eye(4, dtype=np.float32), tiny.grid)) is None


def test_depths_are_those_of_the_whole_array() -> None:
    mask = np.zeros((9, 12, 14), dtype=bool)
    mask[2:8, 3:9, 5:12], mask[4, 5, 7] = True, False
    np.testing.assert_array_equal(depths(mask), distance_transform_edt(mask))
    mask[:, :6] = True  # reaches the border, beyond which nothing is outside
    np.testing.assert_array_equal(depths(mask), distance_transform_edt(mask))
    assert not depths(np.zeros((3, 3), dtype=bool)).any()


def test_small_lesions_are_outlined_at_41_percent_where_the_border_is_adaptive() -> None:
    large, small = ((30, 30, 20), 8.0, 9.0), ((30, 30, 46), 3.0, 16.0)
    volume = hot_balls([large, small], shape=(60, 60, 64))
    found = find_candidates(volume)
    basins = Basins(volume, found.basins, len(found))
    background = background_uptake(volume.array_kji)
    mask, uptake = basins.mask([0, 1], "adaptive", background), volume.array_kji
    of_large, of_small = (uptake[mask & (basins.numbers == basins.numbers[centre])] for centre in (large[0], small[0]))
    assert of_large.size * 0.064 > 30 > of_small.size * 0.064
    assert of_large.min() == pytest.approx(0.12 * uptake[large[0]] + 1.5 * background, rel=0.15)
    assert of_small.min() == pytest.approx(0.41 * uptake[small[0]], rel=0.15)
