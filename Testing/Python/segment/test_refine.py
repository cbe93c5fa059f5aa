"""Refinement along image edges, on phantoms whose edges are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from CAMLocalizerLib.core import Grid, GridError, LabelMap, SettingsError, Volume
from CAMLocalizerLib.metrics import dice
from CAMLocalizerLib.option_names import REFINEMENTS
from CAMLocalizerLib.segment import refine
from CAMLocalizerLib.segment.random_walk import random_walk

SPACING_MM = (0.9, 0.9, 6.5)
BOTH = pytest.mark.parametrize("method", ["random-walk", "geodesic"])
ANGLE = np.deg2rad(20)
OBLIQUE = np.array([[np.cos(ANGLE), -np.sin(ANGLE), 0], [np.sin(ANGLE), np.cos(ANGLE), 0], [0, 0, 1]])


def grid(shape: tuple[int, int, int]) -> Grid:
    return Grid(shape[::-1], SPACING_MM, (4.0, -7.0, 11.0), OBLIQUE)


@pytest.mark.parametrize("method", REFINEMENTS)
def test_every_refinement_on_offer_is_known(method: str) -> None:
    _, image, activation = phantom()
    assert refined(method, image, activation).array_kji.any()


def phantom(noise: float = 0.15) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A bright ellipse over three of five slices, and a blurred map that is shifted by 2.7 mm."""
    k, j, i = np.indices((5, 48, 48))
    truth = (((j - 24) / 13) ** 2 + ((i - 22) / 9) ** 2 <= 1) & (abs(k - 2) <= 1)
    image = truth + noise * np.random.default_rng(3).normal(size=truth.shape)
    blurred = ndimage.gaussian_filter(np.roll(truth, 3, axis=2).astype(np.float32), (0.3, 5, 5))
    return truth, image, blurred / blurred.max()


def refined(method: str, image: np.ndarray, activation: np.ndarray, threshold: float = 0.5, **settings) -> LabelMap:
    label_map = LabelMap(activation >= threshold, grid(activation.shape), ("Lesion",))
    return refine(activation, label_map, Volume(image, grid(image.shape)), method, **settings)


@BOTH
def test_a_blurred_and_shifted_map_comes_nearer_to_the_edges(method: str) -> None:
    truth, image, activation = phantom()
    before = dice(truth, activation >= 0.5)
    after = dice(truth, refined(method, image, activation).array_kji)
    assert after > before + 0.03


def test_the_random_walk_undoes_most_of_a_shift() -> None:
    truth, image, activation = phantom(noise=0.05)
    assert dice(truth, activation >= 0.5) < 0.78
    assert dice(truth, refined("random-walk", image, activation).array_kji) > 0.9


@BOTH
@pytest.mark.parametrize(("factor", "shift"), [(1e-4, 0.0), (2000.0, -500.0)])
def test_the_unit_of_the_image_does_not_matter(method: str, factor: float, shift: float) -> None:
    _, image, activation = phantom()
    image = image.astype(np.float32).astype(np.float64)
    expected = refined(method, image, activation).array_kji
    other = refined(method, factor * image + shift, activation).array_kji
    assert np.count_nonzero(other != expected) <= 2  # voxels in the balance


@BOTH
def test_the_grid_and_the_name_stay(method: str) -> None:
    _, image, activation = phantom()
    found = refined(method, image, activation)
    assert found.grid == grid(image.shape)
    assert found.segments == ("Lesion",)


@BOTH
def test_no_voxel_lies_farther_than_the_margin(method: str) -> None:
    _, _, activation = phantom()
    image = np.random.default_rng(1).normal(size=activation.shape)
    distance = ndimage.distance_transform_edt(activation < 0.5, sampling=SPACING_MM[::-1])
    found = refined(method, image, activation, margin_mm=2.0).array_kji > 0
    assert found.any()
    assert distance[found].max() <= 2.0


@BOTH
def test_an_empty_label_map_stays_empty(method: str) -> None:
    _, image, activation = phantom()
    assert refined(method, image, activation, threshold=2.0).array_kji.max() == 0


def test_none_leaves_the_label_map_alone() -> None:
    _, image, activation = phantom()
    assert np.array_equal(refined("none", image, activation).array_kji, activation >= 0.5)


@BOTH
def test_an_image_without_edges_near_the_map_keeps_about_the_same_region(method: str) -> None:
    _, _, activation = phantom()
    image = np.zeros(activation.shape)
    image[0, 0, 0] = 1  # a volume must not be constant
    assert dice(activation >= 0.5, refined(method, image, activation).array_kji) > 0.8


@BOTH
def test_what_a_filter_of_components_left_out_does_not_come_back(method: str) -> None:
    truth, image, activation = phantom()
    activation = activation.copy()
    activation[2, 40:46, 40:46] = 0.9
    kept = LabelMap((activation >= 0.5) & (np.indices(activation.shape)[2] < 38), grid(activation.shape))
    found = refine(activation, kept, Volume(image, kept.grid), method).array_kji
    assert found[2, 40:46, 40:46].max() == 0
    assert dice(truth, found) > 0.6


@BOTH
def test_two_far_regions_are_refined_each_by_itself(method: str) -> None:
    _, image, activation = phantom()
    alone = refined(method, image, activation).array_kji
    twice = refined(method, np.tile(image, (1, 1, 2)), np.tile(activation, (1, 1, 2))).array_kji
    assert np.count_nonzero(twice[..., :48] != alone) <= 2
    assert np.count_nonzero(twice[..., 48:] != alone) <= 2


@BOTH
@pytest.mark.parametrize("voxel", [(0, 0, 0), (4, 47, 47), (2, 20, 20)])
def test_a_single_voxel_at_a_border_is_not_lost(method: str, voxel: tuple[int, int, int]) -> None:
    _, image, activation = phantom()
    activation = np.zeros_like(activation)
    activation[voxel] = 1
    assert refined(method, image, activation).array_kji[voxel] == 1


@BOTH
def test_a_single_slice_works(method: str) -> None:
    truth, image, activation = phantom()
    found = refined(method, image[2:3], activation[2:3]).array_kji
    assert dice(truth[2:3], found) > dice(truth[2:3], activation[2:3] >= 0.5)


def test_the_walk_solves_the_system_of_its_equation() -> None:
    generator = np.random.default_rng(8)
    prior, image = generator.random((1, 4, 5)), np.zeros((1, 4, 5))
    inside = np.ones(prior.shape, dtype=bool)
    found = random_walk(prior, image, inside, np.array([6.5, 0.9, 1.8]))
    system = np.zeros((20, 20))
    for j, i in np.ndindex(4, 5):
        for other, weight in (((j + 1, i), 1.0), ((j, i + 1), 0.25)):
            if other[0] < 4 and other[1] < 5:
                first, second = j * 5 + i, other[0] * 5 + other[1]
                system[[first, second], [second, first]] -= weight * (1 + 1e-4)
    system -= np.diag(system.sum(axis=1))
    gamma = (0.9 / 10) ** 2
    expected = np.linalg.solve(system + gamma * np.eye(20), gamma * prior.ravel())
    assert np.abs(found.ravel() - expected).max() < 0.02


def test_slices_far_apart_hold_together_less_than_neighbours_in_a_slice() -> None:
    prior = np.zeros((3, 3, 3))
    prior[1, 1, 1] = 1
    found = random_walk(prior, np.zeros_like(prior), np.ones(prior.shape, dtype=bool), np.array([6.5, 0.9, 0.9]))
    assert found[1, 1, 0] > found[0, 1, 1]


@pytest.mark.parametrize(
    ("settings", "match"),
    [({"method": "snakes"}, "none, random-walk, geodesic, got 'snakes'"), ({"margin_mm": -1.0}, "at least 0 mm, got")],
)
def test_settings_out_of_range_are_refused(settings: dict, match: str) -> None:
    _, image, activation = phantom()
    with pytest.raises(SettingsError, match=match):
        refined(**{"method": "random-walk", "image": image, "activation": activation, **settings})


def test_other_grids_and_several_segments_are_refused() -> None:
    _, image, activation = phantom()
    volume = Volume(image, grid(image.shape))
    moved = Grid(volume.grid.size, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))
    with pytest.raises(GridError, match="must lie on one grid"):
        refine(activation, LabelMap(activation >= 0.5, moved), volume)
    with pytest.raises(SettingsError, match="one segment"):
        refine(activation, LabelMap(activation >= 0.5, volume.grid, ("a", "b")), volume)
    assert REFINEMENTS == ("none", "random-walk", "geodesic")


@BOTH
def test_regions_far_apart_are_redrawn_as_if_each_were_alone(method: str) -> None:
    truth, image, activation = phantom()
    both_images = np.concatenate([image, np.zeros((6, *image.shape[1:])), image])
    both_maps = np.concatenate([activation, np.zeros((6, *image.shape[1:]), np.float32), activation])
    alone = refined(method, image, activation).array_kji
    both = refined(method, both_images, both_maps).array_kji
    assert alone.any()
    assert dice(both[: len(truth)] > 0, both[-len(truth) :] > 0) == 1
    assert dice(both[: len(truth)] > 0, alone > 0) > 0.95  # the end of the volume is no longer one
