"""The probability of a volume comes from the slab that speaks most for a tumour."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import ActivationMap, ActivationPyramid, Grid
from CAMLocalizerLib.localizer.probability import slab_weights, type_probabilities, volume_probability

CLASSES = ("glioma", "healthy", "meningioma")
TUMOURS = ("glioma", "meningioma")


def pyramid_of(tumour: np.ndarray, spacing_mm: float) -> ActivationPyramid:
    """A volume whose slices have these tumour probabilities, two thirds of them glioma."""
    grid = Grid((4, 4, len(tumour)), (1, 1, spacing_mm), (0, 0, 0), np.eye(3))
    probabilities = np.stack([tumour * 2 / 3, 1 - tumour, tumour / 3], axis=1)
    maps = (ActivationMap(1, np.zeros(grid.shape_kji), grid),)
    targets = np.zeros(len(tumour), np.int64)
    return ActivationPyramid(maps, probabilities, CLASSES, targets, TUMOURS, "axial", grid)


def odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


@pytest.mark.parametrize("spacing_mm", [0.7, 1.0, 3.0, 6.5, 12.0])
def test_slices_that_agree_give_their_own_probability(spacing_mm: float) -> None:
    assert volume_probability(pyramid_of(np.full(9, 0.8), spacing_mm)) == pytest.approx(0.8, abs=1e-5)


def test_one_thin_slice_is_outvoted_and_one_thick_slice_is_not() -> None:
    tumour = np.full(24, 0.05)
    tumour[11] = 0.95
    assert volume_probability(pyramid_of(tumour, 1.0)) < 0.15
    expected = (6.5 * odds(0.95) + 2 * 1.75 * odds(0.05)) / 10
    assert volume_probability(pyramid_of(tumour, 6.5)) == pytest.approx(1 / (1 + np.exp(-expected)), rel=1e-4)
    assert expected > 0
    tumour[7:16] = 0.95
    assert volume_probability(pyramid_of(tumour, 1.0)) > 0.9


def test_a_slab_counts_what_lies_in_it() -> None:
    weights = slab_weights(np.arange(7) * 3.0, 3.0)
    np.testing.assert_allclose(weights[3], np.array([0, 0.5, 3, 3, 3, 0.5, 0]) / 10, atol=1e-9)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(slab_weights(np.arange(3) * 20.0, 20.0), np.eye(3))


def test_blank_slices_do_not_count() -> None:
    tumour = np.array([0, 0, 0.9, 0.9, 0, 0])
    assert volume_probability(pyramid_of(tumour, 1.0)) == pytest.approx(0.9, abs=1e-5)
    assert volume_probability(pyramid_of(np.zeros(4), 1.0)) == 0.0


def test_certainty_in_one_slice_does_not_decide_for_its_slab() -> None:
    tumour = np.full(24, 0.01)
    tumour[11] = 1.0
    assert volume_probability(pyramid_of(tumour, 1.0)) < 0.1


def test_types_are_those_of_the_tumour_slices_and_sum_to_one() -> None:
    probabilities = np.array([[0.6, 0.2, 0.2], [0.3, 0.2, 0.5], [0.0, 0.9, 0.1]], dtype=np.float32)
    found = type_probabilities(probabilities, CLASSES, TUMOURS)
    assert found == pytest.approx({"glioma": 0.9 / 1.6, "meningioma": 0.7 / 1.6})
    assert type_probabilities(probabilities[2:], CLASSES, TUMOURS) == pytest.approx({"glioma": 0.0, "meningioma": 1.0})
    blank = np.array([[0, 1, 0]], dtype=np.float32)
    assert type_probabilities(blank, CLASSES, TUMOURS) == {"glioma": 0.5, "meningioma": 0.5}
