"""Candidate regions of a drawn head with one bright and one dark lesion."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from CAMLocalizerLib.training.regions import propose_regions

ROWS, COLUMNS = np.indices((128, 128))


def disc(row: float, column: float, radius: float) -> np.ndarray:
    return (ROWS - row) ** 2 + (COLUMNS - column) ** 2 <= radius**2


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    image = np.full((128, 128), -4.0)
    image[disc(64, 64, 50)] = 2.5  # scalp
    image[disc(64, 64, 46)] = -3.0  # skull
    image[disc(64, 64, 43)] = 0.0  # brain
    image[disc(50, 45, 8)] = 3.0  # enhancing lesion
    image[disc(80, 85, 7)] = -1.5  # dark lesion
    noise = np.random.default_rng(3).normal(0, 0.1, image.shape)
    return (ndimage.gaussian_filter(image, 0.6) + noise).astype(np.float32)


def overlap(region, truth: np.ndarray) -> float:
    mask = np.zeros(truth.shape, dtype=bool)
    mask[region.window] = region.mask
    return (mask & truth).sum() / (mask | truth).sum()


@pytest.mark.parametrize(("centre", "radius", "bright"), [((50, 45), 8, True), ((80, 85), 7, False)])
def test_a_lesion_is_among_the_candidates(head, centre, radius, bright) -> None:
    best = max(propose_regions(head), key=lambda region: overlap(region, disc(*centre, radius)))
    assert overlap(best, disc(*centre, radius)) > 0.7
    assert best.bright is bright
    assert (best.contrast > 0) is bright


def test_a_lesion_in_one_half_is_inside_the_brain_and_one_sided(head) -> None:
    best = max(propose_regions(head), key=lambda region: overlap(region, disc(50, 45, 8)))
    assert best.inside_brain > 0.9
    assert best.asymmetry > 1.0
    assert best.place == pytest.approx(((50 - 14) / 100, (45 - 14) / 100), abs=0.03)


def test_no_two_candidates_are_nearly_the_same(head) -> None:
    regions = [region for region in propose_regions(head) if region.bright]
    masks = np.zeros((len(regions), *head.shape), dtype=bool)
    for mask, region in zip(masks, regions, strict=True):
        mask[region.window] = region.mask
    flat = masks.reshape(len(masks), -1).astype(float)
    shared = flat @ flat.T
    areas = flat.sum(axis=1)
    overlaps = shared / (areas[:, None] + areas - shared)
    assert np.triu(overlaps, 1).max() <= 0.8


def test_a_picture_without_a_head_has_no_candidates() -> None:
    empty = np.zeros((128, 128), dtype=np.float32)
    empty[60:64, 60:64] = 1.0
    assert propose_regions(empty) == []
