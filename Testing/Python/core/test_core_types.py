"""Tests of the core types: validation, read-only arrays and geometry."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from CAMLocalizerLib.core import (
    ActivationMap,
    ActivationPyramid,
    Grid,
    GridError,
    InputError,
    LabelMap,
    SettingsError,
    Volume,
)

EYE = np.eye(3)
SMALL = Grid((4, 3, 2), (1.0, 2.0, 3.0), (0.0, 0.0, 0.0), EYE)
SHEARED = np.array([[1.0, 0.01, 0], [0, 1, 0], [0, 0, 1]])


def pyramid(**changes: object) -> ActivationPyramid:
    maps = [ActivationMap(scale, np.ones((2, 2, 2)), Grid((2, 2, 2), (1, 1, 1), (0, 0, 0), EYE)) for scale in (4, 1)]
    probabilities = np.array([[0.2, 0.5, 0.3], [0.9, 0.1, 0.0]])
    settings = {"maps": tuple(maps), "probabilities": probabilities, "classes": ("none", "glioma", "meningioma")}
    settings |= {"targets": np.array([1, 0]), "tumour_classes": ("glioma", "meningioma"), "view": "axial"}
    return ActivationPyramid(**{**settings, "source_grid": SMALL, **changes})


def test_indices_and_positions_are_inverse_on_an_oblique_grid(oblique_grid: Grid) -> None:
    ijk = np.random.default_rng(1).uniform(-5, 30, (50, 3))
    np.testing.assert_allclose(oblique_grid.to_ijk(oblique_grid.to_lps(ijk)), ijk, atol=1e-9)


def test_a_step_along_k_is_the_spacing_along_the_third_column(oblique_grid: Grid) -> None:
    step = oblique_grid.to_lps((0, 0, 1)) - oblique_grid.to_lps((0, 0, 0))
    np.testing.assert_allclose(step, 4.0 * oblique_grid.direction[:, 2], atol=1e-12)


def test_a_grid_is_recovered_from_its_matrix(oblique_grid: Grid) -> None:
    assert Grid.from_matrix(oblique_grid.ijk_to_lps, oblique_grid.size).matches(oblique_grid, 1e-9)


def test_grids_match_within_a_micrometre_but_are_equal_only_exactly(oblique_grid: Grid) -> None:
    moved = dataclasses.replace(oblique_grid, origin_mm=tuple(np.add(oblique_grid.origin_mm, 1e-4)))
    far = dataclasses.replace(oblique_grid, origin_mm=tuple(np.add(oblique_grid.origin_mm, 1e-2)))
    assert moved.matches(oblique_grid)
    assert moved != oblique_grid
    assert not far.matches(oblique_grid)
    assert hash(dataclasses.replace(oblique_grid)) == hash(oblique_grid)


def test_a_rotation_that_moves_the_far_corner_does_not_match(oblique_grid: Grid) -> None:
    c, s = np.cos(1e-3), np.sin(1e-3)
    turned = dataclasses.replace(
        oblique_grid, direction=np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ oblique_grid.direction
    )
    assert not turned.matches(oblique_grid)


def test_reflections_are_accepted() -> None:
    assert Grid((4, 3, 2), (1, 1, 1), (0, 0, 0), np.diag([1, -1, 1])).voxel_volume_mm3 == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((4, 0, 2), (1, 1, 1), (0, 0, 0), EYE), "size must be at least 1"),
        (((4, 3), (1, 1, 1), (0, 0, 0), EYE), "size must have three values"),
        (((4, 3, 2), (1, 1, 0), (0, 0, 0), EYE), "spacing must be positive"),
        (((4, 3, 2), (1, 1, -1), (0, 0, 0), EYE), "spacing must be positive"),
        (((4, 3, 2), (1, np.nan, 1), (0, 0, 0), EYE), "spacing must be positive"),
        (((4, 3, 2), (1, 1, 1), (0, np.inf, 0), EYE), "origin must be finite"),
        (((4, 3, 2), (1, 1, 1), (0, 0, 0), np.zeros((3, 3))), "orthogonal unit columns"),
        (((4, 3, 2), (1, 1, 1), (0, 0, 0), np.full((3, 3), np.nan)), "finite 3x3"),
        (((4, 3, 2), (1, 1, 1), (0, 0, 0), np.eye(2)), "finite 3x3"),
        (((4, 3, 2), (1, 1, 1), (0, 0, 0), 2 * EYE), "orthogonal unit columns"),
        (((4, 3, 2), (1, 1, 1), (0, 0, 0), SHEARED), "sheared"),
    ],
)
def test_an_invalid_geometry_is_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(GridError, match=message):
        Grid(*arguments)


def test_a_matrix_without_spacing_is_refused() -> None:
    with pytest.raises(GridError, match="spacing must be positive"):
        Grid.from_matrix(np.diag([1.0, 1.0, 0.0, 1.0]), (4, 3, 2))


@pytest.mark.parametrize(
    "make", [lambda a: Volume(a, SMALL), lambda a: LabelMap(a, SMALL), lambda a: ActivationMap(1, a, SMALL)]
)
def test_arrays_must_fit_their_grid_and_cannot_be_changed(make: Callable) -> None:
    array = np.zeros((2, 3, 4))
    array[0, 0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        make(array).array_kji[0, 0, 0] = 5
    with pytest.raises(GridError, match=r"shape \(4, 3, 2\)"):
        make(array.T)


def test_the_callers_array_stays_writable() -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert np.shares_memory(Volume(array, SMALL).array_kji, array)
    assert array.flags.writeable


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "1 of 24 voxels are NaN"), (-np.inf, "1 of 24"), (0.0, "every voxel is 0")]
)
def test_a_constant_or_non_finite_volume_is_refused(value: float, message: str) -> None:
    array = np.zeros((2, 3, 4))
    array[1, 2, 3] = value
    with pytest.raises(InputError, match=f"scan: .*{message}"):
        Volume(array, SMALL, name="scan")


def test_a_label_map_knows_its_volume_and_names_each_label() -> None:
    array = np.zeros((2, 3, 4), np.uint8)
    assert LabelMap(array, SMALL).volume_mm3 == 0
    array[0, 0, :3] = 2
    assert LabelMap(array, SMALL, ("Core", "Rim")).volume_mm3 == 18.0
    with pytest.raises(GridError, match="label 2 has no name"):
        LabelMap(array, SMALL)


def test_a_pyramid_sorts_its_scales_and_adds_up_the_tumour_classes() -> None:
    assert pyramid().scales == (1, 4)
    np.testing.assert_allclose(pyramid().tumour_probabilities, [0.8, 0.1], rtol=1e-6)
    assert [entry.scale for entry in pyramid().select([4])] == [4]


@pytest.mark.parametrize("scales", [[], [2], [1, 3]])
def test_scales_that_a_pyramid_lacks_are_refused(scales: list[int]) -> None:
    with pytest.raises(SettingsError, match=r"one of \(1, 4\), got none|the model provides \(1, 4\)"):
        pyramid().select(scales)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"maps": ()}, SettingsError, "one map per scale"),
        ({"maps": pyramid().maps[:1] * 2}, SettingsError, "one map per scale"),
        ({"tumour_classes": ("lymphoma",)}, SettingsError, "not among the classes"),
        ({"probabilities": np.zeros((3, 3))}, GridError, "slices differ"),
        ({"targets": np.zeros(3)}, GridError, "slices differ"),
        (
            {
                "maps": (
                    pyramid().maps[0],
                    ActivationMap(2, np.ones((2, 3, 4)), SMALL),
                    ActivationMap(3, np.ones((1, 1, 1)), Grid((1, 1, 1), (1, 1, 1), (0, 0, 0), EYE)),
                )
            },
            GridError,
            "slices differ",
        ),
    ],
)
def test_a_pyramid_whose_parts_disagree_is_refused(changes: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pyramid(**changes)
