"""A whole training run on a handful of drawn slices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from CAMLocalizerLib.models import load_model
from CAMLocalizerLib.training import RECIPE, train
from CAMLocalizerLib.training.brain_data import FIGSHARE, PROGRESSION
from CAMLocalizerLib.training.regions import Region
from CAMLocalizerLib.training.self_training import sampling_chances
from CAMLocalizerLib.training.slices import SliceSet

SIZE = 32
QUICK = replace(RECIPE, channels=(4, 4, 4, 4), rounds=(1, 1), batch_size=4, warm_up_steps=2)


@pytest.fixture
def slices() -> SliceSet:
    images = np.random.default_rng(8).normal(0, 0.2, (16, SIZE, SIZE)).astype(np.float32)
    labels = np.array([0, 1, 2, 3] * 4)
    images[labels > 0, 8:16, 8:16] += 3.0
    sites = np.where(labels == 0, PROGRESSION, FIGSHARE)
    patients = np.array([f"p{index}" for index in range(16)])
    return SliceSet(images, labels, np.array(["axial"] * 16), patients, sites, np.repeat([1, 2], 8))


@pytest.fixture
def regions(slices) -> list[list[Region]]:
    square = Region((slice(8, 16), slice(8, 16)), np.ones((8, 8), bool), 64, True, 3.0, 0.9, 12.0, 6.0, 1.0, 1.0)
    return [[square] if label else [] for label in slices.labels]


def trained(slices, regions, folder, held_out=()) -> dict[str, torch.Tensor]:
    train(slices, regions, held_out, folder, QUICK)
    return load_model(folder).network().state_dict()


def test_a_run_gives_a_bundle_that_the_main_job_takes(slices, regions, tmp_path) -> None:
    train(slices, regions, [], tmp_path / "quick", QUICK)
    bundle = load_model(tmp_path / "quick")
    assert set(bundle.card.map_levels) == {1, 2, 3, 4}
    assert all(level > 0 for level in bundle.card.map_levels.values())
    assert bundle.network()(torch.zeros(1, 1, SIZE, SIZE)).shape == (1, 4)


def test_slices_of_held_out_folds_change_nothing(slices, regions, tmp_path) -> None:
    first = trained(slices, regions, tmp_path / "first", held_out=[2])
    spoilt = SliceSet(**(vars(slices) | {"images": slices.images + np.float32(9) * (slices.folds == 2)[:, None, None]}))
    second = trained(spoilt, regions, tmp_path / "second", held_out=[2])
    for name, values in first.items():
        torch.testing.assert_close(values, second[name])


def test_every_site_and_label_has_its_share_of_the_draws(slices) -> None:
    shares = {(PROGRESSION, 0): 0.5, (FIGSHARE, 1): 0.25, (FIGSHARE, 2): 0.25}
    chances = sampling_chances(slices, shares)
    assert chances[slices.labels == 0].sum() == pytest.approx(0.5)
    assert chances[slices.labels == 3].sum() == 0
    assert chances.sum() == pytest.approx(1.0)


def test_the_learning_rate_warms_up_stays_and_falls() -> None:
    assert QUICK.rate(0.0, 0) == pytest.approx(QUICK.learning_rate / 2)
    assert QUICK.rate(0.5, 100) == pytest.approx(QUICK.learning_rate)
    assert QUICK.rate(1.0, 200) == pytest.approx(QUICK.learning_rate * QUICK.last_rate_share)
