"""Image sets and their folds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.training.images import ImageSet, patient_folds


def test_an_image_set_has_no_field_for_a_mask() -> None:
    names = {"images", "labels", "classes", "patients", "folds", "names", "points", "sites", "planes", "untyped"}
    assert set(ImageSet.__dataclass_fields__) == names


def test_a_split_keeps_every_image_once_and_no_patient_on_both_sides(images) -> None:
    train, held_out = images.split([2])
    assert sorted([*train.names, *held_out.names]) == sorted(images.names)
    assert not set(train.patients) & set(held_out.patients)
    np.testing.assert_array_equal(held_out.names, images.in_folds([2]).names)
    np.testing.assert_array_equal(held_out.points, images.points[images.folds == 2])


def test_a_patient_in_two_folds_is_named(images) -> None:
    folds = images.folds.copy()
    folds[0] = folds[0] % 3 + 1
    with pytest.raises(InputError, match="two folds: P0;"):
        replace(images, folds=folds)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.full(24, 2)}, "labels must be 0 to 1"),
        ({"images": np.zeros((24, 16, 16), np.float32)}, r"shape \(N, C, H, W\)"),
        ({"names": np.array(["a"])}, "as many entries"),
    ],
)
def test_fields_that_do_not_belong_together_are_refused(images, change, message) -> None:
    with pytest.raises(InputError, match=message):
        replace(images, **change)


def test_folds_are_whole_patients_with_every_class_in_equal_shares() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 6, 60)
    patients = np.repeat([f"P{number}" for number in range(60)], sizes)
    labels = np.repeat(np.where(np.arange(60) < 40, 0, 1), sizes)
    folds = patient_folds(patients, labels, 5, seed=1)
    assert all(len(set(folds[patients == patient])) == 1 for patient in patients)
    for label in (0, 1):
        counts = np.bincount(folds[labels == label], minlength=6)[1:]
        assert counts.max() - counts.min() <= 2
    np.testing.assert_array_equal(folds, patient_folds(patients, labels, 5, seed=1))
    assert (folds != patient_folds(patients, labels, 5, seed=2)).any()


def test_too_few_patients_of_a_class_for_the_folds_are_refused() -> None:
    patients = np.array([f"P{number}" for number in range(10)])
    with pytest.raises(InputError, match="class 1 has fewer patients than the 3 folds"):
        patient_folds(patients, np.array([0] * 8 + [1] * 2), 3, seed=0)
    with pytest.raises(InputError, match="at least 2 folds, got 1"):
        patient_folds(patients, np.arange(10) % 2, 1, seed=0)
