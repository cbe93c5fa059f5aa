"""The simulated FDG body: its uptake, its tumours and its scanner, on coarse voxels."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import InputError
from reproduction.datasets.simulated_pet import UPTAKE, cropped_around_lesion, draw_uptake, simulate
from reproduction.datasets.simulated_pet.anatomy import LUNG_CENTRES, OESOPHAGUS
from reproduction.datasets.simulated_pet.canvas import Canvas
from reproduction.datasets.simulated_pet.scanner import Scanner

COARSE_MM = (9.0, 9.0, 9.0)


def coarse(seed: int, label: int):
    return simulate(seed, label, spacing_mm=COARSE_MM)


def level(case, down_mm):
    """Slices at a distance from the top of the scan, upwards and downwards of it by 24 mm."""
    k = case.volume.grid.size[2] - 1 - round(down_mm / COARSE_MM[2])
    return case.volume.array_kji[k - 3 : k + 4]


def empty_canvas(count=30, spacing=4.0) -> Canvas:
    axis = ((np.arange(count) - (count - 1) / 2) * spacing).astype(np.float32)
    return Canvas(axis, axis, axis[::-1].copy(), np.zeros((count, count, count), np.float32))


def test_the_same_seed_gives_the_same_patient_and_another_seed_another():
    first, again, other = coarse(3, 0), coarse(3, 0), coarse(4, 0)
    np.testing.assert_array_equal(first.volume.array_kji, again.volume.array_kji)
    assert first.centre_lps_mm == again.centre_lps_mm
    assert not np.array_equal(first.volume.array_kji, other.volume.array_kji)


@pytest.mark.parametrize("label", [0, 1])
def test_the_centre_lies_in_the_middle_of_the_tumour(label):
    for seed in range(4):
        case = coarse(seed, label)
        found = np.argwhere(case.truth.array_kji)[:, ::-1].mean(axis=0)
        apart = np.linalg.norm(case.truth.grid.to_lps(found) - case.centre_lps_mm)
        assert case.label == label
        assert apart < 9.0


def test_tumours_have_five_to_sixty_millilitres_of_the_standard_body():
    volumes = [coarse(seed, seed % 2).truth.volume_mm3 / 1000 for seed in range(8)]
    assert min(volumes) > 2.5
    assert max(volumes) < 90
    assert max(volumes) > 2 * min(volumes)


def test_lung_tumours_lie_on_both_sides_and_oesophageal_ones_near_the_midline():
    lung = [coarse(seed, 0).centre_lps_mm[0] for seed in range(6)]
    oesophagus = [coarse(seed, 1).centre_lps_mm[0] for seed in range(6)]
    assert min(lung) < -25
    assert max(lung) > 25
    assert max(np.abs(oesophagus)) < 60


def test_the_tumour_is_hotter_than_the_lung_around_it():
    case = coarse(2, 0)
    tumour = case.volume.array_kji[case.truth.array_kji > 0]
    assert tumour.mean() > 4 * UPTAKE["lung"].mean_suv


def test_brain_and_bladder_are_hot_and_lungs_are_dark():
    case = coarse(6, 1)
    brain, chest, pelvis = level(case, 100), level(case, 400), level(case, 930)
    centre, width = case.volume.grid.size[0] // 2, case.volume.grid.size[0] // 5
    assert brain.max() > 4
    assert pelvis[:, :, centre - width : centre + width].max() > 3
    lungs = chest[:, :, [round(centre + LUNG_CENTRES[side][0] / COARSE_MM[0]) for side in ("right", "left")]]
    assert np.percentile(lungs, 30) < 1.2


def test_the_liver_lies_on_the_right():
    case = coarse(8, 1)
    abdomen, centre = level(case, 600), case.volume.grid.size[0] // 2
    right, left = abdomen[:, :, centre - 12 : centre - 6], abdomen[:, :, centre + 12 : centre + 18]
    assert np.percentile(right, 75) > 1.25 * np.percentile(left, 75)


def test_uptake_varies_about_the_cited_means():
    random = np.random.default_rng(0)
    drawn = [draw_uptake(random) for _ in range(400)]
    for organ in ("liver", "blood pool", "cerebellum"):
        values = [patient[organ] for patient in drawn]
        assert np.mean(values) == pytest.approx(UPTAKE[organ].mean_suv, rel=0.05)
        assert np.std(values) == pytest.approx(UPTAKE[organ].sd_suv, rel=0.2)


def test_a_crop_keeps_the_tumour_and_every_voxel_where_it_was():
    case = coarse(5, 0)
    for in_plane in (False, True):
        piece = cropped_around_lesion(case, 9, in_plane=in_plane)
        assert piece.truth.array_kji.sum() == case.truth.array_kji.sum()
        assert piece.volume.grid.size[2] < case.volume.grid.size[2]
        assert (piece.volume.grid.size[0] < case.volume.grid.size[0]) == in_plane
        shift = np.round(case.volume.grid.to_ijk(piece.volume.grid.origin_mm)).astype(int)
        i, j, k = shift
        assert piece.volume.array_kji[0, 0, 0] == case.volume.array_kji[k, j, i]


def test_a_tumour_grows_in_a_patient_who_stays_the_same():
    small, large = (simulate(4, 0, spacing_mm=(8.0, 8.0, 8.0), volume_ml=volume) for volume in (10.0, 40.0))
    assert large.truth.volume_mm3 / small.truth.volume_mm3 == pytest.approx(4, rel=0.2)  # voxels of half a millilitre
    below = [case.volume.array_kji[:40].ravel() for case in (small, large)]  # far below the lungs only noise differs
    assert np.corrcoef(*below)[0, 1] > 0.9
    assert np.linalg.norm(np.subtract(small.centre_lps_mm, large.centre_lps_mm)) < 25


@pytest.mark.parametrize("volume_ml", [0.0, -3.0, float("nan")])
def test_a_tumour_needs_a_volume(volume_ml):
    with pytest.raises(InputError, match="above 0 ml"):
        simulate(4, volume_ml=volume_ml)


def test_another_label_is_refused():
    with pytest.raises(InputError, match=r"must be 0 or 1 \(lung cancer, oesophageal cancer\), got 2"):
        simulate(0, 2)


def test_a_painted_ellipsoid_has_its_volume():
    canvas = empty_canvas()
    canvas.ellipsoid((1.0, -2.0, 3.0), (30.0, 24.0, 36.0), 5.0)
    expected = 4 / 3 * np.pi * 30 * 24 * 36
    assert canvas.array_kji.sum() / 5 * canvas.voxel_volume_mm3 == pytest.approx(expected, rel=0.03)


def test_a_painted_tube_has_its_volume():
    canvas = empty_canvas()
    canvas.tube(np.array([(0, 0, -30), (0, 0, 30)], float), 12, 2.0)
    expected = np.pi * 12**2 * 60 + 4 / 3 * np.pi * 12**3
    assert canvas.array_kji.sum() / 2 * canvas.voxel_volume_mm3 == pytest.approx(expected, rel=0.04)


def test_a_tilted_ellipsoid_brings_its_lower_end_to_the_left():
    canvas = empty_canvas()
    canvas.ellipsoid((0.0, 0.0, 0.0), (8.0, 8.0, 40.0), 1.0, tilt_deg=30)
    lower = canvas.array_kji[:8].sum(axis=(0, 1))  # k points up, so the first slices are the lowest
    assert (lower * canvas.left_mm).sum() > 0


def test_the_scanner_blurs_a_point_to_its_resolution():
    point = np.zeros((31, 31, 31), np.float32)
    point[15, 15, 15] = 1000.0
    scanner = Scanner(resolution_mm=8.0, noise=0.0)
    image = scanner.scan(point, (2.0, 2.0, 2.0), np.zeros(31, np.float32), np.random.default_rng(0))
    assert image[15, 15, 13] / image[15, 15, 15] == pytest.approx(0.5, rel=0.02)  # 4 mm off, half of 8
    assert image.sum() == pytest.approx(1000.0, rel=0.02)


def test_noise_has_the_stated_variation_in_the_liver_and_is_correlated():
    flat = np.full((40, 40, 40), 2.2, np.float32)
    image = Scanner(noise=0.1, grain_mm=8.0).scan(flat, (4.0,) * 3, np.zeros(40, np.float32), np.random.default_rng(1))
    assert image.std() / image.mean() == pytest.approx(0.1, rel=0.15)
    apart = image - image.mean()
    assert (apart[:-1] * apart[1:]).mean() > 0.3 * apart.var()


def test_breathing_blurs_where_the_diaphragm_moves_alone():
    edge = np.zeros((40, 8, 8), np.float32)
    edge[10:14], edge[30:34] = 1.0, 1.0
    breathing = np.where(np.arange(40) < 20, 1.0, 0.0).astype(np.float32)
    image = Scanner(noise=0.0, breathing_mm=6.0).scan(edge, (4.0,) * 3, breathing, np.random.default_rng(0))
    assert image[11].mean() < 0.95 * image[31].mean()


def test_the_oesophagus_runs_downwards_through_the_chest():
    assert np.all(np.diff(OESOPHAGUS[:, 2]) > 0)
    assert OESOPHAGUS[0, 2] < LUNG_CENTRES["left"][2] < OESOPHAGUS[-1, 2]
