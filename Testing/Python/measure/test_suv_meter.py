"""SUVmax, SUVmean, SUVpeak, MTV and TLG of spheres of known uptake and size."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from suv_phantoms import OBLIQUE, centred_grid, covered, distances_mm, marked, pet

from CAMLocalizerLib.core import SUV_COLUMNS, Grid, SettingsError, SuvMeasures, Volume, is_suv
from CAMLocalizerLib.localizer import measured_components, suv_total
from CAMLocalizerLib.measure import (
    RADIUS_MM,
    SphereMeans,
    SuvMeter,
    measure_components,
    measure_segments,
    measure_union,
    radiomics,
    segment_masks,
)
from CAMLocalizerLib.segment import ComponentSet

FIRST, SECOND = (-14.0, 3.0, -2.0), (17.0, -5.0, 6.0)
GRIDS = {
    "isotropic": ((37, 27, 25), (2.0, 2.0, 2.0), np.eye(3)),
    "oblique": ((37, 25, 15), (2.1, 2.3, 3.6), OBLIQUE),
}


def ball_ml(radius_mm: float) -> float:
    return 4 / 3 * np.pi * radius_mm**3 / 1000


@pytest.fixture(params=GRIDS)
def grid(request: pytest.FixtureRequest) -> Grid:
    return centred_grid(*GRIDS[request.param])


def test_a_uniform_sphere_has_its_uptake_volume_and_glycolysis(grid: Grid) -> None:
    inside = distances_mm(grid) <= 12.0
    found = SuvMeter(pet(np.where(inside, 6.5, 0.5), grid)).mask(inside)
    assert (found.max_suv, found.mean_suv) == pytest.approx((6.5, 6.5))
    assert found.peak_suv == pytest.approx(6.5, rel=1e-3)
    assert found.mtv_ml == pytest.approx(ball_ml(12.0), rel=0.02)
    assert found.tlg_g == pytest.approx(6.5 * ball_ml(12.0), rel=0.02)
    assert found.tlg_g == pytest.approx(found.mean_suv * found.mtv_ml)


def test_the_peak_of_a_lesion_below_a_millilitre_includes_its_surroundings(grid: Grid) -> None:
    share = covered(grid, (0, 0, 0), 4.0)
    found = SuvMeter(pet(1.0 + 7.0 * share, grid)).mask(share >= 0.5)
    assert found.mtv_ml < 1.0
    assert found.peak_suv == pytest.approx(1.0 + 7.0 * (4.0 / RADIUS_MM) ** 3, rel=0.03)
    assert found.peak_suv < found.mean_suv < found.max_suv


def test_two_lesions_and_their_total(grid: Grid) -> None:
    first, second = distances_mm(grid, FIRST) <= 10.0, distances_mm(grid, SECOND) <= 8.0
    volume = pet(0.5 + 3.5 * first + 9.5 * second, grid)
    large, small = measured_components(ComponentSet.of(first | second, grid), volume)
    assert (large.suv.max_suv, small.suv.max_suv) == pytest.approx((4.0, 10.0))
    assert (large.suv.mtv_ml, small.suv.mtv_ml) == pytest.approx((ball_ml(10.0), ball_ml(8.0)), rel=0.06)
    total = suv_total((large, small), volume)
    assert total.max_suv == pytest.approx(10.0)
    assert total.peak_suv == small.suv.peak_suv > large.suv.peak_suv
    assert total.mtv_ml == pytest.approx(large.volume_mm3 / 1000 + small.volume_mm3 / 1000)
    assert total.tlg_g == pytest.approx(4.0 * large.suv.mtv_ml + 10.0 * small.suv.mtv_ml)
    assert total.mean_suv == pytest.approx(volume.array_kji[first | second].mean(dtype=float))


def test_all_functions_give_the_same_measures(grid: Grid) -> None:
    mask = np.random.default_rng(2).random(grid.shape_kji) > 0.9
    volume = pet(np.random.default_rng(3).gamma(2.0, 2.0, grid.shape_kji), grid)
    label_map = marked(mask, grid)
    listed = [entry.suv for entry in measured_components(ComponentSet.of(mask, grid), volume)]
    for one, other in zip(listed, measure_components(label_map, volume), strict=True):
        assert dataclasses.astuple(one) == pytest.approx(dataclasses.astuple(other.suv))
    whole = SuvMeter(volume).mask(mask)
    assert measure_union(label_map, volume).suv == measure_segments(label_map, volume)[0].suv == whole
    assert dataclasses.astuple(SuvMeasures.total(listed)) == pytest.approx(dataclasses.astuple(whole))
    values = volume.array_kji[mask].astype(float)
    means = SphereMeans(volume).at(np.flatnonzero(mask))
    assert (whole.max_suv, whole.mean_suv, whole.peak_suv) == pytest.approx((values.max(), values.mean(), means.max()))


def test_a_lesion_at_the_border_of_the_volume_has_no_peak() -> None:
    grid = Grid((20, 20, 20), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), np.eye(3))
    mask = np.zeros(grid.shape_kji, bool)
    mask[:2, 5:9, 5:9] = True
    found = SuvMeter(pet(1.0 + 4.0 * mask, grid)).mask(mask)
    assert found.peak_suv is None
    assert (found.max_suv, found.mtv_ml, found.tlg_g) == pytest.approx((5.0, 0.256, 1.28))
    assert found.texts() == ("5.00", "5.00", "", "0.26", "1.3")
    assert found.sentence() == "SUVmax 5.00 g/ml, SUVmean 5.00 g/ml, MTV 0.26 ml, TLG 1.3 g"


def test_no_lesion_has_no_uptake_and_no_volume() -> None:
    total = SuvMeasures.total([])
    assert total == SuvMeasures(None, None, None, 0.0, 0.0)
    assert total.values() == {
        "suv_max_g_per_ml": None,
        "suv_mean_g_per_ml": None,
        "suv_peak_g_per_ml": None,
        "mtv_ml": 0.0,
        "tlg_g": 0.0,
    }


def test_columns_name_their_units() -> None:
    assert [column.title for column in SUV_COLUMNS] == [
        "SUVmax (g/ml)",
        "SUVmean (g/ml)",
        "SUVpeak (g/ml)",
        "MTV (ml)",
        "TLG (g)",
    ]
    for column in SUV_COLUMNS:
        assert column.key.endswith(column.unit.replace("/", "_per_"))


@pytest.mark.parametrize("unit", ["", "HU", "SUVlbm"])
def test_other_units_are_not_measured_as_suv(oblique_volume: Volume, unit: str) -> None:
    volume = dataclasses.replace(oblique_volume, unit=unit)
    mask = volume.array_kji > 110
    assert not is_suv(volume)
    with pytest.raises(SettingsError, match="oblique: uptake is measured in SUVbw, got"):
        SuvMeter(volume)
    parts = measured_components(ComponentSet.of(mask, volume.grid), volume)
    assert {part.suv for part in parts} == {None}
    assert suv_total(parts, volume) is None
    assert {part.suv for part in measure_components(marked(mask, volume.grid), volume)} == {None}


def test_radiomics_include_the_measures_only_for_a_pet(grid: Grid) -> None:
    inside = distances_mm(grid) <= 12.0
    volume = pet(np.where(inside, 6.5, 0.5) + np.random.default_rng(1).random(grid.shape_kji) * 0.01, grid)
    masks = segment_masks(marked(inside, grid))
    (row,) = radiomics(volume, masks).rows
    expected = SuvMeter(volume).mask(inside).values()
    assert {key: row[key] for key in expected} == expected
    (other,) = radiomics(dataclasses.replace(volume, unit=""), masks).rows
    assert not set(expected) & set(other)
