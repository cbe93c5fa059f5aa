"""The PET measures of a review follow threshold and rejected components."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from CAMLocalizerLib.core import SuvMeasures
from CAMLocalizerLib.measure import SuvMeter
from CAMLocalizerLib.workbench import Review


@pytest.fixture
def pet(projected: Any) -> Review:
    return Review(projected)


def test_every_component_has_its_measures(pet: Review) -> None:
    first, second = pet.components
    volume = pet.found.volume
    for component in (first, second):
        pet.keep_all()
        pet.reject_component(3 - component.label)
        assert pet.suv_total == SuvMeter(volume).mask(pet.mask)
        assert dataclasses.astuple(component.suv) == pytest.approx(dataclasses.astuple(pet.suv_total))
        assert component.suv.mtv_ml == pytest.approx(component.volume_ml)


def test_the_total_is_that_of_the_components_that_are_kept(pet: Review) -> None:
    parts = [component.suv for component in pet.components]
    assert pet.suv_total == SuvMeasures.total(parts)
    pet.reject_component(1)
    assert pet.suv_total == SuvMeasures.total(parts[1:])
    pet.reject_component(2)
    assert pet.suv_total == SuvMeasures.total([])
    pet.undo()
    assert pet.suv_total == SuvMeasures.total(parts[1:])


def test_another_threshold_is_measured_anew(pet: Review) -> None:
    before = pet.suv_total
    pet.set_uptake_border("80%")
    after = pet.suv_total
    assert after == SuvMeter(pet.found.volume).mask(pet.mask)
    assert after.mtv_ml < before.mtv_ml
    assert after.mean_suv > before.mean_suv
    assert after.max_suv == before.max_suv == pytest.approx(float(pet.found.volume.array_kji.max()))


def test_a_review_measures_what_was_drawn_by_hand_too(pet: Review) -> None:
    (first, _second) = pet.measure()
    assert dataclasses.astuple(first.suv) == pytest.approx(dataclasses.astuple(pet.components[0].suv))


def test_a_volume_in_another_unit_has_none(review: Review) -> None:
    assert np.any(review.mask)
    assert {component.suv for component in review.components} == {None}
    assert review.suv_total is None
