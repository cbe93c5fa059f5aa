"""Transfer of label maps to the grids of other images."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, GridError, LabelMap
from CAMLocalizerLib.measure import place_label_map


def cropped(grid: Grid, start_ijk: tuple[int, int, int], size: tuple[int, int, int]) -> Grid:
    return Grid(size, grid.spacing_mm, tuple(grid.to_lps(start_ijk)), grid.direction)


def test_a_cropped_label_map_is_placed_exactly(oblique_grid):
    small = cropped(oblique_grid, (3, 5, 2), (4, 3, 2))
    labels = np.random.default_rng(0).integers(0, 3, small.shape_kji).astype(np.uint8)
    placed = place_label_map(LabelMap(labels, small, ("A", "B")), oblique_grid)
    expected = np.zeros(oblique_grid.shape_kji, np.uint8)
    expected[2:4, 5:8, 3:7] = labels
    np.testing.assert_array_equal(placed.array_kji, expected)
    assert placed.grid is oblique_grid
    assert placed.segments == ("A", "B")


def test_empty_margins_may_extend_beyond_the_image(oblique_grid):
    wide = cropped(oblique_grid, (-2, -1, -1), (26, 28, 12))
    labels = np.zeros(wide.shape_kji, np.uint8)
    labels[4, 6, 8] = 1
    placed = place_label_map(LabelMap(labels, wide), oblique_grid)
    assert np.argwhere(placed.array_kji).tolist() == [[3, 5, 6]]


def test_labels_beyond_the_image_are_refused(oblique_grid):
    wide = cropped(oblique_grid, (-2, -1, -1), (26, 28, 12))
    with pytest.raises(GridError, match="extends beyond the image: 26 x 28 x 12 voxels"):
        place_label_map(LabelMap(np.ones(wide.shape_kji, np.uint8), wide), oblique_grid)


def test_an_error_names_both_grids_unless_resampling_is_allowed(oblique_grid):
    coarse = Grid((10, 12, 9), (2.2, 1.8, 4.0), tuple(oblique_grid.to_lps((0.5, 0.5, 0))), oblique_grid.direction)
    labels = np.random.default_rng(1).integers(0, 2, coarse.shape_kji).astype(np.uint8)
    label_map = LabelMap(labels, coarse)
    with pytest.raises(GridError, match=r"10 x 12 x 9 voxels of 2\.2 x 1\.8 x 4 mm .* against 20 x 24 x 9 voxels"):
        place_label_map(label_map, oblique_grid)
    resampled = place_label_map(label_map, oblique_grid, resample=True)
    np.testing.assert_array_equal(resampled.array_kji, labels.repeat(2, axis=1).repeat(2, axis=2))


def test_labels_beyond_the_image_are_dropped_if_resampling_is_allowed(oblique_grid):
    wide = cropped(oblique_grid, (-2, -1, -1), (26, 28, 12))
    placed = place_label_map(LabelMap(np.ones(wide.shape_kji, np.uint8), wide), oblique_grid, resample=True)
    assert placed.array_kji.all()


def test_a_label_map_outside_the_image_is_always_refused(oblique_grid):
    far = Grid(oblique_grid.size, oblique_grid.spacing_mm, (900.0, 0.0, 0.0), oblique_grid.direction)
    with pytest.raises(GridError, match="no label lies within the image"):
        place_label_map(LabelMap(np.ones(far.shape_kji, np.uint8), far), oblique_grid, resample=True)


def test_axes_in_another_direction_are_placed_exactly(oblique_grid):
    turned = oblique_grid.direction * (-1, 1, -1)
    last = tuple(oblique_grid.to_lps((oblique_grid.size[0] - 1, 0, oblique_grid.size[2] - 1)))
    labels = np.random.default_rng(2).integers(0, 2, oblique_grid.shape_kji).astype(np.uint8)
    flipped = LabelMap(labels[::-1, :, ::-1], Grid(oblique_grid.size, oblique_grid.spacing_mm, last, turned))
    np.testing.assert_array_equal(place_label_map(flipped, oblique_grid).array_kji, labels)
