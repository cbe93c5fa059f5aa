"""Storage axes of the anatomical planes."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, SettingsError, Volume
from CAMLocalizerLib.views import PLANES, acquisition_plane, plane_axes

LPS = np.eye(3)


@pytest.mark.parametrize(("thick", "plane"), [(0, "sagittal"), (1, "coronal"), (2, "axial")])
def test_acquisition_plane_has_the_finest_in_plane_spacing(thick: int, plane: str) -> None:
    spacing = [0.9, 0.9, 0.9]
    spacing[thick] = 6.5
    assert acquisition_plane(Grid((8, 8, 8), tuple(spacing), (0, 0, 0), LPS)) == plane


def test_acquisition_plane_follows_the_anatomy_not_the_storage_order() -> None:
    stored_sagittally = np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]])  # i -> P, j -> I, k -> L
    assert acquisition_plane(Grid((8, 8, 8), (1, 1, 5), (0, 0, 0), stored_sagittally)) == "sagittal"


def test_acquisition_plane_of_one_slice_is_that_slice_even_if_it_is_thin() -> None:
    assert acquisition_plane(Grid((8, 1, 8), (2.0, 1.0, 2.0), (0, 0, 0), LPS)) == "coronal"


def test_acquisition_plane_of_an_isotropic_volume_is_normal_to_the_last_storage_axis() -> None:
    assert acquisition_plane(Grid((8, 8, 8), (1, 1, 1.0001), (0, 0, 0), LPS)) == "axial"
    assert acquisition_plane(Grid((8, 8, 8), (1, 1, 1), (0, 0, 0), LPS[:, [1, 2, 0]])) == "sagittal"


def test_every_storage_axis_is_used_once_at_any_tilt(oblique_grid: Grid) -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        direction, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        grid = Grid((3, 4, 5), (1, 2, 3), (0, 0, 0), direction)
        for plane in PLANES:
            assert sorted(plane_axes(grid, plane).axes) == [0, 1, 2]
    assert plane_axes(oblique_grid, "axial").axes == (0, 1, 2)


def test_an_unknown_plane_is_refused_with_the_known_ones(oblique_grid: Grid) -> None:
    with pytest.raises(SettingsError, match="axial, coronal, sagittal, got 'oblique'"):
        plane_axes(oblique_grid, "oblique")


@pytest.mark.parametrize("plane", PLANES)
def test_the_pixel_of_a_position_is_where_it_is_displayed(oblique_volume: Volume, plane: str) -> None:
    for flips in ((1, 1, 1), (-1, 1, -1)):
        grid = Grid(
            oblique_volume.grid.size,
            oblique_volume.grid.spacing_mm,
            oblique_volume.grid.origin_mm,
            oblique_volume.grid.direction * flips,
        )
        marked = np.zeros(grid.shape_kji)
        marked[2, 5, 7] = 1
        axes = plane_axes(grid, plane)
        shown = axes.as_slices(marked)[:, :: axes.signs[1], :: axes.signs[0]].max(axis=0)
        row, column = np.argwhere(shown)[0]
        np.testing.assert_allclose(axes.pixel_at(grid, grid.to_lps((7, 5, 2))), (column, row), atol=1e-9)
