"""Matching of components across exams, and registration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from CAMLocalizerLib.core import Grid, LabelMap, Volume
from CAMLocalizerLib.followup.matching import Components, match_components
from CAMLocalizerLib.followup.registration import RigidTransform, register_rigid

STILL = RigidTransform(np.eye(4), 0.0)


def spheres(grid: Grid, *places: tuple[tuple[float, float, float], float]) -> Components:
    """Components of spheres, each with centre (LPS mm) and radius (mm)."""
    k, j, i = np.indices(grid.shape_kji)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    array = np.zeros(grid.shape_kji, np.uint8)
    for centre, radius in places:
        array[np.linalg.norm(points - np.array(centre), axis=-1) <= radius] = 1
    return Components.of(LabelMap(array, grid))


@pytest.fixture
def grid() -> Grid:
    return Grid((50, 50, 30), (2.0, 2.0, 3.0), (0.0, 0.0, 0.0), np.eye(3))


def test_regions_are_sorted_by_size_with_volume_and_centre(grid):
    found = spheres(grid, ((20, 20, 45), 6), ((70, 70, 45), 12))
    np.testing.assert_allclose(found.centres_lps_mm, [(70, 70, 45), (20, 20, 45)], atol=0.3)
    assert found.volumes_ml[0] == pytest.approx(4 / 3 * np.pi * 1.2**3, rel=0.05)
    assert sum(found.volumes_ml) == pytest.approx(found.label_map.volume_mm3 / 1000)


def test_tumours_keep_their_number_when_their_order_of_size_changes(grid):
    first = spheres(grid, ((20, 20, 45), 9), ((70, 70, 45), 8))
    second = spheres(grid, ((20, 20, 45), 6), ((70, 70, 45), 12))
    tracks = match_components([first, second], [STILL])
    assert [track.components for track in tracks] == [(1, 2), (2, 1)]


def test_a_patient_in_another_position_is_followed_by_the_transform(grid):
    matrix = np.eye(4)
    matrix[:3, 3] = (40.0, 0.0, 0.0)
    first = spheres(grid, ((10, 50, 45), 6), ((50, 50, 45), 5))
    second = spheres(grid, ((50, 50, 45), 6), ((90, 50, 45), 5))
    assert [track.components for track in match_components([first, second], [RigidTransform(matrix, 0.0)])] == [
        (1, 1),
        (2, 2),
    ]


def test_tumours_appear_disappear_and_reappear(grid):
    old, new = ((20, 20, 45), 9), ((70, 70, 45), 8)
    exams = [spheres(grid, old), spheres(grid, new), spheres(grid, old, new)]
    tracks = match_components(exams, [STILL, STILL])
    assert [track.components for track in tracks] == [(1, None, 1), (None, 1, 2)]


def test_an_exam_without_any_region_is_supported(grid):
    tracks = match_components([spheres(grid), spheres(grid, ((20, 20, 45), 9)), spheres(grid)], [STILL, STILL])
    assert [track.components for track in tracks] == [(None, 1, None)]
    assert match_components([spheres(grid)], []) == ()


def test_a_large_overlap_is_not_given_up_to_match_two_tiny_regions(grid):
    tumour = ((50, 50, 45), 14)
    first = spheres(grid, tumour, ((30, 50, 45), 2.5))
    second = spheres(grid, tumour, ((70, 50, 45), 2.5))
    tracks = match_components([first, second], [STILL])
    assert [track.components for track in tracks] == [(1, 1), (2, None), (None, 2)]


def test_a_region_far_away_is_another_tumour(grid):
    tracks = match_components([spheres(grid, ((10, 10, 45), 5)), spheres(grid, ((80, 80, 45), 5))], [STILL])
    assert [track.components for track in tracks] == [(1, None), (None, 1)]


def test_two_tumours_that_grow_together_merge(grid):
    first = spheres(grid, ((38, 50, 45), 9), ((62, 50, 45), 6))
    second = spheres(grid, ((50, 50, 45), 26))
    tracks = match_components([first, second], [STILL])
    assert [track.components for track in tracks] == [(1, 1), (2, None)]
    assert [track.merged_with for track in tracks] == [None, 1]


def body(seed: int = 0) -> np.ndarray:
    """Smooth blobs in a cylinder, as an array on a grid of 40 x 44 x 24 voxels of 4, 4 and 6 mm."""
    random = np.random.default_rng(seed)
    array = ndimage.gaussian_filter(random.normal(size=(24, 44, 40)), (1.5, 2.5, 2.5)) * 60
    j, i = np.indices((44, 40))
    array[:, ((j - 22) / 18) ** 2 + ((i - 20) / 15) ** 2 > 1] = -20
    return array.astype(np.float32)


def test_a_known_shift_and_rotation_are_found():
    grid = Grid((40, 44, 24), (4.0, 4.0, 6.0), (-80.0, -88.0, -72.0), np.eye(3))
    angle = np.deg2rad(6.0)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, 3] = (9.0, -6.0, 7.0)
    k, j, i = np.indices(grid.shape_kji)
    here = grid.to_lps(np.stack([i, j, k], axis=-1))
    there = grid.to_ijk(
        RigidTransform(matrix, 0.0).inverse().apply(here)
    )  # where each voxel of the moved body comes from
    moved = ndimage.map_coordinates(body(), there[..., ::-1].transpose(3, 0, 1, 2), order=1, cval=-20)
    found = register_rigid(Volume(body(), grid, name="first"), Volume(moved.astype(np.float32), grid, name="second"))
    corners = np.array([(x, y, z) for x in (-40, 40) for y in (-40, 40) for z in (-40, 40)], float)
    errors = np.linalg.norm(found.apply(corners) - RigidTransform(matrix, 0.0).apply(corners), axis=1)
    assert errors.max() < 2.0
    assert found.angle_deg == pytest.approx(6.0, abs=1.0)
    np.testing.assert_allclose(found.inverse().apply(found.apply(corners)), corners, atol=1e-9)
