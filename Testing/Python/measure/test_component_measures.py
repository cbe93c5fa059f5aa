"""Measures of components against hand-computed boxes and against SimpleITK."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import SimpleITK

from CAMLocalizerLib.core import Grid, GridError, LabelMap, Volume
from CAMLocalizerLib.measure import component_measures as module
from CAMLocalizerLib.measure import measure_components, measure_union
from CAMLocalizerLib.segment import components

LARGE = (slice(2, 5), slice(4, 11), slice(3, 9))
SMALL = (slice(6, 8), slice(15, 20), slice(12, 17))
CORNER = (slice(8, 9), slice(23, 24), slice(0, 1))


def box_map(grid: Grid, *boxes: tuple[slice, ...]) -> LabelMap:
    array = np.zeros(grid.shape_kji, np.uint8)
    for box in boxes:
        array[box] = 1
    return LabelMap(array, grid)


def blob_map(grid: Grid, seed: int) -> LabelMap:
    """Ragged components of all sizes."""
    noise = np.random.default_rng(seed).random(grid.shape_kji)
    return LabelMap(noise > 0.86, grid)


def by_simpleitk(label_map: LabelMap, volume: Volume) -> list[dict[str, float]]:
    """The same measures by SimpleITK, largest first, equal ones in storage order."""
    mask = SimpleITK.GetImageFromArray((label_map.array_kji != 0).astype(np.uint8))
    image = SimpleITK.GetImageFromArray(volume.array_kji)
    for itk in (mask, image):
        itk.SetSpacing(volume.grid.spacing_mm)
        itk.SetOrigin(volume.grid.origin_mm)
        itk.SetDirection(volume.grid.direction.ravel().tolist())
    labels = SimpleITK.ConnectedComponent(mask, True)
    shape = SimpleITK.LabelShapeStatisticsImageFilter()
    shape.ComputeFeretDiameterOn()
    shape.Execute(labels)
    intensity = SimpleITK.LabelIntensityStatisticsImageFilter()
    intensity.Execute(labels, image)
    order = sorted(shape.GetLabels(), key=lambda label: (-shape.GetNumberOfPixels(label), label))
    return [
        {
            "voxels": shape.GetNumberOfPixels(label),
            "volume_mm3": shape.GetPhysicalSize(label),
            "centre_lps_mm": shape.GetCentroid(label),
            "longest_diameter_mm": shape.GetFeretDiameter(label),
            "surface_mm2": shape.GetPerimeter(label),
            "mean": intensity.GetMean(label),
            "minimum": intensity.GetMinimum(label),
            "maximum": intensity.GetMaximum(label),
        }
        for label in order
    ]


def test_a_box_has_the_measures_of_a_box(oblique_volume: Volume) -> None:
    grid = oblique_volume.grid
    (box,) = measure_components(box_map(grid, LARGE), oblique_volume)
    values = oblique_volume.array_kji[LARGE].astype(float)
    edges_mm = np.array([5, 6, 2]) * grid.spacing_mm  # between outer voxel centres
    assert box.label == 1
    assert box.voxels == 3 * 7 * 6
    assert box.volume_mm3 == pytest.approx(126 * 1.1 * 0.9 * 4.0)
    assert box.volume_ml == pytest.approx(box.volume_mm3 / 1000)
    assert box.centre_lps_mm == pytest.approx(tuple(grid.to_lps((5.5, 7.0, 3.0))))
    assert box.longest_diameter_mm == pytest.approx(np.linalg.norm(edges_mm))
    assert (box.mean, box.median) == pytest.approx((values.mean(), np.median(values)))
    assert box.sd == pytest.approx(values.std(ddof=1))
    assert (box.minimum, box.maximum) == (values.min(), values.max())
    assert box.peak_activation is None


def test_the_peak_is_the_highest_activation_in_the_component(oblique_volume: Volume) -> None:
    grid = oblique_volume.grid
    activation = np.zeros(grid.shape_kji, np.float32)
    activation[0, 0, 0] = 1.0  # outside every component
    activation[3, 6, 5] = activation[4, 6, 5] = 0.75
    activation[7, 17, 14] = 0.5
    large, small = measure_components(box_map(grid, LARGE, SMALL), oblique_volume, activation)
    assert (large.peak_activation, small.peak_activation) == (0.75, 0.5)
    assert large.peak_lps_mm == pytest.approx(tuple(grid.to_lps((5, 6, 3))))
    assert small.peak_lps_mm == pytest.approx(tuple(grid.to_lps((14, 17, 7))))


@pytest.mark.parametrize("seed", [1, 2])
def test_measures_of_ragged_components_equal_those_of_simpleitk(oblique_volume: Volume, seed: int) -> None:
    label_map = blob_map(oblique_volume.grid, seed)
    ours, theirs = measure_components(label_map, oblique_volume), by_simpleitk(label_map, oblique_volume)
    assert len(ours) == len(theirs) > 10
    assert [component.label for component in ours] == list(range(1, len(ours) + 1))
    for component, expected in zip(ours, theirs, strict=True):
        surface = expected.pop("surface_mm2")
        for field, value in expected.items():
            assert getattr(component, field) == pytest.approx(value, rel=1e-5), field
        assert component.surface_mm2 >= surface * (1 - 1e-6)  # ITK leaves out surface at the volume's border


def test_the_surface_of_an_inner_component_equals_that_of_simpleitk(oblique_volume: Volume) -> None:
    label_map = box_map(oblique_volume.grid, LARGE)
    (ours,), (theirs,) = measure_components(label_map, oblique_volume), by_simpleitk(label_map, oblique_volume)
    assert ours.surface_mm2 == pytest.approx(theirs["surface_mm2"])


def test_a_component_has_equal_measures_inside_and_at_the_border(oblique_grid: Grid) -> None:
    volume = Volume(np.arange(9 * 24 * 20).reshape(9, 24, 20), oblique_grid)
    inside = measure_union(box_map(oblique_grid, (slice(1, 4), slice(1, 4), slice(1, 4))), volume)
    border = measure_union(box_map(oblique_grid, (slice(0, 3), slice(0, 3), slice(0, 3))), volume)
    for field in ("voxels", "volume_mm3", "longest_diameter_mm", "surface_mm2", "sd"):
        assert getattr(inside, field) == pytest.approx(getattr(border, field)), field


def test_order_and_count_are_those_of_the_components(oblique_volume: Volume) -> None:
    label_map = blob_map(oblique_volume.grid, 3)
    ours, listed = measure_components(label_map, oblique_volume), components(label_map)
    assert [component.voxels for component in ours] == [component.voxels for component in listed]
    for component, component in zip(ours, listed, strict=True):
        assert component.centre_lps_mm == pytest.approx(component.centre_lps_mm)


def test_a_single_voxel_in_the_corner_is_measured(oblique_volume: Volume) -> None:
    grid = oblique_volume.grid
    (voxel,) = measure_components(box_map(grid, CORNER), oblique_volume, np.full(grid.shape_kji, 0.25, np.float32))
    value = float(oblique_volume.array_kji[CORNER].item())
    assert (voxel.voxels, voxel.longest_diameter_mm, voxel.sd) == (1, 0.0, 0.0)
    assert {voxel.mean, voxel.median, voxel.minimum, voxel.maximum} == {value}
    assert voxel.centre_lps_mm == pytest.approx(tuple(grid.to_lps((0, 23, 8))))
    assert voxel.surface_mm2 > 0
    assert voxel.peak_activation == 0.25


def test_an_empty_label_map_has_no_measures(oblique_volume: Volume) -> None:
    empty = box_map(oblique_volume.grid)
    assert measure_components(empty, oblique_volume) == ()
    assert measure_union(empty, oblique_volume) is None


def test_all_labels_are_measured_and_the_union_combines_them(oblique_volume: Volume, oblique_grid: Grid) -> None:
    array = np.zeros(oblique_grid.shape_kji, np.uint8)
    array[LARGE], array[SMALL] = 1, 2
    label_map = LabelMap(array, oblique_grid, segments=("Tumour", "Necrosis"))
    large, small = measure_components(label_map, oblique_volume)
    union = measure_union(label_map, oblique_volume)
    assert union is not None
    assert union.label == 0
    assert union.volume_mm3 == pytest.approx(large.volume_mm3 + small.volume_mm3)
    values = oblique_volume.array_kji[array > 0].astype(float)
    assert (union.mean, union.median, union.sd) == pytest.approx((values.mean(), np.median(values), values.std(ddof=1)))
    assert union.longest_diameter_mm > large.longest_diameter_mm + small.longest_diameter_mm


@pytest.mark.parametrize("shape", [(9, 24, 20), (1, 24, 20), (1, 1, 20)])
def test_the_longest_diameter_is_found_with_few_and_many_points(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int]
) -> None:
    grid = Grid(shape[::-1], (1.1, 0.9, 4.0), (0.0, 0.0, 0.0), np.eye(3))
    points = np.argwhere(np.random.default_rng(4).random(shape) > 0.6)
    naive = max(np.linalg.norm((a - b)[::-1] * grid.spacing_mm) for a, b in itertools.combinations(points, 2))
    assert module._longest_diameter_mm(points, grid) == pytest.approx(naive)
    monkeypatch.setattr(module, "FEW_POINTS", 3)
    assert module._longest_diameter_mm(points, grid) == pytest.approx(naive)


def test_the_unit_is_that_of_the_volume(oblique_volume: Volume) -> None:
    volume = dataclasses.replace(oblique_volume, unit="SUVbw")
    assert measure_components(box_map(volume.grid, LARGE), volume)[0].unit == "SUVbw"


def test_a_label_map_on_another_grid_is_refused(oblique_volume: Volume) -> None:
    grid = oblique_volume.grid
    moved = Grid(grid.size, grid.spacing_mm, (0.0, 0.0, 0.0), grid.direction)
    with pytest.raises(GridError, match="is not on the grid of oblique"):
        measure_components(box_map(moved, LARGE), oblique_volume)


def test_an_activation_of_another_shape_is_refused(oblique_volume: Volume) -> None:
    with pytest.raises(GridError, match=r"activation has shape \(1, 2, 3\)"):
        measure_union(box_map(oblique_volume.grid, LARGE), oblique_volume, np.zeros((1, 2, 3), np.float32))
