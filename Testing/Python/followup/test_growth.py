"""Growth between exams."""

from __future__ import annotations

import pytest

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.followup.growth import change_between, doubling_days


def test_a_volume_that_doubles_in_a_month():
    change = change_between(30, 4.0, 8.0)
    assert (change.absolute_ml, change.relative) == (4.0, 1.0)
    assert change.doubling_days == pytest.approx(30)


def test_a_volume_that_halves_has_a_negative_doubling_time():
    assert change_between(40, 8.0, 2.0).doubling_days == pytest.approx(-20)


def test_a_known_growth_rate_is_found_from_many_exams():
    days = [0, 17, 60, 111]
    assert doubling_days(days, [3.0 * 2 ** (day / 45) for day in days]) == pytest.approx(45)


@pytest.mark.parametrize("volumes", [(0.0, 3.0), (3.0, 0.0), (3.0, 3.0), (0.0, 0.0)])
def test_doubling_time_is_none_from_zero_or_without_change(volumes):
    assert change_between(10, *volumes).doubling_days is None


def test_a_tumour_that_appears_has_no_relative_growth():
    assert change_between(10, 0.0, 3.0).relative is None


@pytest.mark.parametrize("arguments", [(0, 1.0, 2.0), (-3, 1.0, 2.0), (3, -1.0, 2.0)])
def test_impossible_exams_are_refused(arguments):
    with pytest.raises(InputError, match="got"):
        change_between(*arguments)


def test_days_and_volumes_must_have_equal_numbers():
    with pytest.raises(InputError, match="3 days and 2 volumes"):
        doubling_days([0, 1, 2], [1.0, 2.0])
