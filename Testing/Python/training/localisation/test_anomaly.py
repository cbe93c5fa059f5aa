"""What no other patient's image shows at about the same place."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from CAMLocalizerLib.training.images import ImageSet
from CAMLocalizerLib.training.localisation.anomaly import anomaly_maps

SIDE, CELL, PATIENTS = 64, 8, 5


class Means:
    """Stands for an encoder: brightness and its variation in cells of 8 pixels."""

    device = torch.device("cpu")

    def __call__(self, images: torch.Tensor) -> list[torch.Tensor]:
        mean = functional.avg_pool2d(images, CELL)
        return [torch.cat([mean, functional.avg_pool2d(images**2, CELL), mean.sqrt()], 1)]


def heads(odd: tuple[int, ...] = (1,), sites: tuple[str, ...] = ("a",) * PATIENTS, plane: str = "axial") -> ImageSet:
    """A like image of each patient, its left half brighter; those of ``odd`` patients have a bright square."""
    noise = np.random.default_rng(2)
    images = 0.3 + noise.random((PATIENTS, 1, SIDE, SIDE), dtype=np.float32) * 0.02
    images[..., : SIDE // 2] += 0.2
    for patient in odd:
        images[patient, :, 8:32, 40:56] = 1.0
    return ImageSet(
        images,
        np.array([0, 1, 0, 1, 1]),
        ("healthy", "tumour"),
        np.array([f"P{number}" for number in range(PATIENTS)]),
        np.ones(PATIENTS, dtype=np.int64),
        np.array([str(number) for number in range(PATIENTS)]),
        sites=np.array(sites),
        planes=np.array([plane] * PATIENTS),
    )


def measured(images: ImageSet, *, symmetric: bool = False) -> np.ndarray:
    return anomaly_maps(Means(), images, images.labels == 1, symmetric=symmetric)  # type: ignore[arg-type]


def test_what_one_patient_alone_shows_is_farthest_from_all_others():
    found = measured(heads())

    row, column = np.unravel_index(found[1].argmax(), found[1].shape)
    assert 1 <= row <= 3
    assert 5 <= column <= 6
    assert found[1].max() > 3 * found[3].max()
    assert not found[[0, 2]].any()  # not asked for


def test_three_patients_must_show_something_before_it_is_unremarkable():
    lonely, common = measured(heads((1, 3))), measured(heads((0, 1, 2, 3)))

    assert lonely[1].max() > 3 * common[1].max()


def test_other_sites_tell_nothing_and_too_few_patients_give_no_anomaly():
    assert not measured(heads(sites=("a", "a", "b", "b", "a"))).any()


def test_mirror_images_make_the_other_side_unremarkable_except_in_sagittal_planes():
    images = heads(())
    images.images[1] = images.images[1, ..., ::-1]

    assert measured(images)[1].max() > 3 * measured(images, symmetric=True)[1].max()
    sagittal = heads((), plane="sagittal")
    sagittal.images[1] = sagittal.images[1, ..., ::-1]
    assert measured(sagittal, symmetric=True) == pytest.approx(measured(sagittal))
