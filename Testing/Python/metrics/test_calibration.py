"""Reliability bins and the expected calibration error."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.metrics import expected_calibration_error, reliability_bins


def test_images_are_counted_in_their_bins() -> None:
    bins = reliability_bins([0.05, 0.5, 0.55, 0.7, 1.0], [False, True, False, True, True], bins=2)
    assert [each.images for each in bins] == [1, 4]
    assert (bins[0].mean_probability, bins[0].fraction_correct) == (0.05, 0)
    assert (bins[1].mean_probability, bins[1].fraction_correct) == (pytest.approx(0.6875), 0.75)
    assert expected_calibration_error(bins) == pytest.approx((0.05 + 4 * 0.0625) / 5)


def test_calibrated_probabilities_have_hardly_an_error_and_overconfident_ones_their_excess() -> None:
    generator = np.random.default_rng(0)
    probabilities = generator.uniform(0.4, 0.9, 40000)
    right = generator.random(40000) < probabilities
    assert expected_calibration_error(reliability_bins(probabilities, right)) < 0.01
    overconfident = reliability_bins(probabilities + 0.1, right)
    assert expected_calibration_error(overconfident) == pytest.approx(0.1, abs=0.01)


def test_without_images_there_is_no_error() -> None:
    bins = reliability_bins([], [])
    assert len(bins) == 10
    assert np.isnan(expected_calibration_error(bins))
    assert np.isnan(bins[0].fraction_correct)


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(InputError, match="must be 0 to 1"):
        reliability_bins([1.2], [True])
    with pytest.raises(InputError, match="expected"):
        reliability_bins([0.2, 0.3], [True])
