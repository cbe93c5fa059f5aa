"""Regions cut out of a drawn image."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import GridError, InputError
from CAMLocalizerLib.metrics.boxes import Box
from reproduction.papers.segmenters.rois import extract_rois, mirrored_box, padded_box


@pytest.fixture
def tumour() -> np.ndarray:
    mask = np.zeros((100, 140), dtype=bool)
    mask[30:50, 20:60] = True  # 20 rows, 40 columns
    return mask


def test_the_room_is_10_to_30_percent_of_each_side(tumour):
    boxes = [padded_box(tumour, np.random.default_rng(seed)) for seed in range(200)]
    rooms = np.array([(20 - box.x0, box.x1 - 60, 30 - box.y0, box.y1 - 50) for box in boxes])
    assert rooms[:, :2].min() == 4
    assert rooms[:, :2].max() == 12
    assert rooms[:, 2:].min() == 2
    assert rooms[:, 2:].max() == 6
    assert abs(np.corrcoef(rooms.T)[np.triu_indices(4, 1)]).max() < 0.2  # each side draws its own


def test_room_beyond_the_border_is_left_off():
    mask = np.zeros((10, 10), dtype=bool)
    mask[0:10, 5:10] = True
    box = padded_box(mask, np.random.default_rng(0))
    assert (box.y0, box.y1, box.x1) == (0, 10, 10)


def test_an_empty_mask_is_refused():
    with pytest.raises(InputError, match="at least one pixel"):
        padded_box(np.zeros((4, 4)), np.random.default_rng(0))


def test_a_box_is_mirrored_left_to_right():
    assert mirrored_box(Box(10, 5, 30, 25), (100, 120)) == Box(90, 5, 110, 25)


def test_a_mirrored_box_stays_inside_a_smaller_image():
    assert mirrored_box(Box(70, 50, 90, 90), (60, 80)) == Box(0, 20, 20, 60)


def test_the_healthy_region_has_the_same_size_at_the_mirrored_place(tumour):
    image = np.arange(100)[:, None] * 1000.0 + np.arange(140)
    sick, healthy = extract_rois(image, tumour, seed=1)
    assert healthy is not None
    assert sick.mask.sum() == tumour.sum()
    assert not healthy.mask.any()
    assert healthy.pixels.shape == sick.pixels.shape
    assert healthy.box == mirrored_box(sick.box, tumour.shape)
    assert healthy.pixels[0, -1] % 1000 == 139 - sick.pixels[0, 0] % 1000


def test_tumours_at_both_places_give_no_healthy_region(tumour):
    image = np.zeros(tumour.shape)
    assert extract_rois(image, tumour, seed=1, other=image, other_mask=tumour[:, ::-1])[1] is None
    assert extract_rois(image, tumour | tumour[:, ::-1], seed=1)[1] is None


def test_the_same_seed_cuts_the_same_region(tumour):
    image = np.zeros(tumour.shape)
    first, second, other = (extract_rois(image, tumour, seed=(4, index))[0].box for index in (0, 0, 1))
    assert first == second != other


def test_a_region_is_stretched_with_its_mask(tumour):
    sick, _ = extract_rois(tumour * 5.0, tumour, seed=2)
    pixels, mask = sick.resampled(16)
    assert pixels.shape == mask.shape == (16, 16)
    assert mask.mean() == pytest.approx(sick.mask.mean(), abs=0.08)
    np.testing.assert_allclose(pixels[mask].mean(), 5, rtol=0.1)


def test_a_mask_of_another_shape_is_refused(tumour):
    with pytest.raises(GridError, match="both must lie on one grid"):
        extract_rois(np.zeros((5, 5)), tumour, seed=0)
