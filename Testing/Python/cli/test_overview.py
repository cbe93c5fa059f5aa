"""Which slices the overview shows, and which way up."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.cases.overview import PlaneImages, choose_slices, crop_to_content, in_plane
from CAMLocalizerLib.cases.report import CaseResult
from CAMLocalizerLib.core import Grid, LabelMap, Volume
from CAMLocalizerLib.localizer import LabelSettings, Localization


def images_of(mask, activation=None, image=None) -> PlaneImages:
    activation = np.zeros(mask.shape, np.float32) if activation is None else activation
    return PlaneImages(np.ones(mask.shape, np.float32) if image is None else image, activation, mask, 1.0, "axial")


def test_labelled_slices_are_shown_in_order():
    mask = np.zeros((9, 4, 4), np.uint8)
    mask[[2, 5, 6], 1, 1] = 1
    assert choose_slices(images_of(mask)) == (2, 5, 6)


def test_of_many_labelled_slices_each_eighth_gives_its_largest():
    mask = np.zeros((40, 4, 4), np.uint8)
    mask[:16, 0, 0] = 1
    mask[1:16:2, 1, :] = 1
    assert choose_slices(images_of(mask)) == (1, 3, 5, 7, 9, 11, 13, 15)


def test_without_labels_the_activation_decides():
    activation = np.zeros((9, 4, 4), np.float32)
    activation[3] = 0.5
    assert choose_slices(images_of(np.zeros((9, 4, 4), np.uint8), activation)) == (3,)


def test_without_anything_the_middle_is_shown():
    assert choose_slices(images_of(np.zeros((9, 4, 4), np.uint8))) == (4,)


def test_empty_margins_are_cut_off_but_labels_stay():
    image = np.zeros((3, 40, 60), np.float32)
    image[:, 10:30, 20:50] = np.random.default_rng(0).uniform(50, 100, (3, 20, 30))
    mask = np.zeros(image.shape, np.uint8)
    mask[1, 35, 25] = 1
    cropped = crop_to_content(images_of(mask, image=image))
    assert cropped.image.shape == (3, 28, 34)
    assert cropped.mask.sum() == 1


# A grid stored right to left, back to front and downwards: i to R, j to A, k to I.
FLIPPED = Grid((5, 6, 4), (1.0, 2.0, 3.0), (0.0, 0.0, 0.0), -np.eye(3))


@pytest.mark.parametrize(
    ("plane", "place", "aspect"),
    [("axial", (3, 5, 4), 2.0), ("coronal", (5, 0, 4), 3.0), ("sagittal", (4, 0, 5), 1.5)],
)
def test_slices_are_shown_as_a_radiologist_looks_at_them(plane, place, aspect):
    array = np.zeros(FLIPPED.shape_kji, np.float32)
    array[0, 0, 0] = 1.0  # leftmost, hindmost, uppermost
    volume = Volume(array, FLIPPED)
    found = Localization(volume, None, None, plane)
    settings = LabelSettings("0.5", (1,), ((1, 1.0),), "slice", 0.0, 0.0)
    images = in_plane(CaseResult("x", found, array, LabelMap(array, FLIPPED), (), {}, {}, settings), plane)
    assert np.argwhere(images.image).tolist() == [list(place)]
    assert images.aspect == pytest.approx(aspect)
