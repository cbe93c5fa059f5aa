"""The recipe of pet-fdg and its evaluation, on a few coarse bodies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, InputError, Volume
from CAMLocalizerLib.io import write_nifti
from CAMLocalizerLib.localizer import Localizer
from CAMLocalizerLib.training.fitting import FitOptions
from CAMLocalizerLib.training.images import ImageSet
from reproduction.datasets.simulated_pet.projected import (
    ProjectionOptions,
    projected,
    projected_patients,
    projected_truth,
)
from reproduction.papers.pet_mip.evaluation import (
    PETCase,
    evaluate_pet,
    outcome,
    phantom_case,
    sarcoma_cases,
    simulated_cases,
)
from reproduction.papers.pet_mip.recipe import RECIPE, recipe_images, train_pet

COARSE = ProjectionOptions(spacing_mm=8.0, size=(64, 144), scanner_spacing_mm=(12.0, 12.0, 12.0))
QUICK = replace(
    RECIPE,
    patients=4,
    validation_patients=2,
    projections=replace(COARSE, trunk_share=0.5),
    options=FitOptions(epochs=1, batch_size=4),
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pet")
    return train_pet(folder / "quick", folder / "work", QUICK, report=lambda _line: None)


def test_the_recipe_gives_a_bundle_that_the_main_job_takes(bundle):
    localizer = Localizer(bundle, device="cpu")
    ((case, entry),) = evaluate_pet(localizer, simulated_cases([1], COARSE))
    assert bundle.card.projections
    assert bundle.weights_path.stat().st_size < 2e6
    assert entry.label == 1
    assert 0 <= entry.dice <= 1
    assert entry.truth_ml == pytest.approx(case.truth_kji.sum() * 12.0**3 / 1000)


def test_the_card_says_that_bodies_were_simulated_and_no_mask_was_read(bundle):
    assert "4 simulated bodies" in bundle.card.training_data
    assert "no mask" in bundle.card.training_data
    assert "always points somewhere" in bundle.card.limits


def test_patients_to_learn_from_and_to_pick_the_epoch_are_others():
    train, validation = recipe_images(QUICK)
    assert not set(train.patients) & set(validation.patients)
    assert np.bincount(train.labels).tolist() == [4, 4]


def test_what_is_learnt_from_has_no_mask():
    assert not [name for name in vars(projected_patients([0], [1], COARSE)) if "mask" in name or "truth" in name]
    assert isinstance(projected_patients([0], [1], COARSE), ImageSet)


def test_the_point_lies_on_the_projected_tumour():
    for seed in (0, 1, 2):
        options = replace(COARSE, trunk_share=0.5, box_share=0.5)
        case = options.simulate(seed)
        images, points = projected(case, options)
        truth = projected_truth(case, options)
        for view in (0, 1):
            rows, columns = np.nonzero(truth[view])
            column, row = points[view]
            assert columns.min() - 1.5 <= column <= columns.max() + 1.5
            assert rows.min() - 1.5 <= row <= rows.max() + 1.5
        assert images.shape == (2, 144, 64)
        assert 0 <= images.min() <= images.max() <= 1


def test_kept_images_are_used_again_and_made_anew_for_other_options(tmp_path):
    file = tmp_path / "kept.npz"
    first = projected_patients([0, 1], [1, 2], COARSE, cache=file)
    stamp = file.stat().st_mtime_ns
    again = projected_patients([0, 1], [1, 2], COARSE, cache=file)
    assert file.stat().st_mtime_ns == stamp
    np.testing.assert_allclose(again.images, first.images, atol=1e-3)
    projected_patients([0, 1], [1, 2], replace(COARSE, trunk_share=1.0), cache=file)
    assert file.stat().st_mtime_ns != stamp


def a_case() -> PETCase:
    grid = Grid((12, 10, 8), (4.0, 4.0, 5.0), (0.0, 0.0, 0.0), np.eye(3))
    truth = np.zeros(grid.shape_kji, bool)
    truth[2:4, 3:6, 4:8] = True
    return PETCase("case", Volume(np.where(truth, 5.0, 1.0) + np.arange(12) / 100, grid), truth, 0)


def test_the_truth_itself_has_dice_one_and_what_lies_elsewhere_zero():
    case = a_case()
    right = outcome(case, case.truth_kji, case.truth_kji.astype(np.float32), 0)
    wrong = outcome(case, ~case.truth_kji, (~case.truth_kji).astype(np.float32), 1)
    assert (right.dice, right.hit, right.peak_inside, right.hottest_inside) == (1.0, True, True, True)
    assert (wrong.dice, wrong.hit, wrong.peak_inside) == (0.0, False, False)
    assert right.truth_ml == pytest.approx(2 * 3 * 4 * 80 / 1000)


def test_the_distance_is_that_to_the_nearest_voxel_of_the_tumour():
    case = a_case()
    evidence = np.zeros(case.truth_kji.shape, np.float32)
    evidence[5, 3, 4] = 1.0  # two slices of 5 mm above the tumour
    assert outcome(case, case.truth_kji, evidence, 0).distance_mm == pytest.approx(10.0)


def test_a_sarcoma_without_its_mask_is_named(tmp_path):
    grid = Grid((8, 8, 8), (5.0, 5.0, 5.0), (0.0, 0.0, 0.0), np.eye(3))
    write_nifti(np.arange(512, dtype=np.float32).reshape(8, 8, 8), grid, tmp_path / "STS_002_PET_image.nii.gz")
    with pytest.raises(InputError, match=r"STS_002_PET_mask.nii.gz is missing"):
        next(sarcoma_cases(tmp_path))


def test_the_phantom_is_scaled_to_its_background_and_its_spheres_are_the_truth(tmp_path):
    grid = Grid((30, 30, 40), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0), np.eye(3))
    pixels = np.zeros(grid.shape_kji, np.float32)
    pixels[:, 4:26, 4:26] = 100.0
    pixels[18:21, 10:13, 10:13] = 420.0
    pixels[0] = 5000.0  # the noise of the end slices
    write_nifti(pixels, grid, tmp_path / "nema_iq_recon1.nii.gz")
    case = phantom_case(tmp_path)
    assert case.truth_kji.sum() == 27
    assert case.volume.array_kji[20, 20, 20] == pytest.approx(1.0)
