"""Thresholds as users write them."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.filters import threshold_otsu

from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.segment import Threshold, apply_threshold


@pytest.fixture
def activation() -> np.ndarray:
    """Two of four slices contribute."""
    array = np.zeros((4, 10, 12), dtype=np.float32)
    array[1:3] = np.random.default_rng(4).random((2, 10, 12), dtype=np.float32)
    array[1, 0, :5] = 0
    return array


@pytest.mark.parametrize(
    ("text", "value"), [("0.4", 0.4), ("200/255", 200 / 255), (" 225 / 255 ", 225 / 255), ("0", 0), ("1.0", 1),
                        (".5", 0.5), (0.25, 0.25), (1, 1), (1e-5, 1e-5)]
)  # fmt: skip
def test_a_fixed_threshold_is_its_fraction(activation: np.ndarray, text: str | float, value: float) -> None:
    assert Threshold.parse(text).value(activation) == value


def test_a_percentile_looks_at_the_slices_that_contribute(activation: np.ndarray) -> None:
    assert Threshold.parse("q95").value(activation) == pytest.approx(np.percentile(activation[1:3], 95))
    assert Threshold.parse("Q2.5").value(activation) == pytest.approx(np.percentile(activation[1:3], 2.5))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_contributing_slices_are_found_on_any_storage_axis(activation: np.ndarray, axis: int) -> None:
    turned = np.moveaxis(activation, 0, axis)
    for text in ("q90", "otsu"):
        rule = Threshold.parse(text)
        assert rule.value(turned) == pytest.approx(rule.value(activation))


def test_otsu_separates_two_classes(activation: np.ndarray) -> None:
    assert Threshold.parse("Otsu").value(activation) == pytest.approx(threshold_otsu(activation[1:3]))
    rng = np.random.default_rng(1)
    two = np.concatenate([rng.normal(0.2, 0.02, 900), rng.normal(0.8, 0.02, 100)]).reshape(1, 20, 50)
    assert apply_threshold(two.astype(np.float32), "otsu").sum() == 100


def test_otsu_of_a_constant_activation_takes_nothing() -> None:
    assert not apply_threshold(np.full((1, 4, 4), 0.7, dtype=np.float32), "otsu").any()


@pytest.mark.parametrize("text", ["0", "0.4", "1", "0/255", "q0", "q100", "otsu"])
def test_an_activation_of_zeros_gives_an_empty_mask(text: str) -> None:
    assert not apply_threshold(np.zeros((2, 3, 4), dtype=np.float32), text).any()


def test_a_voxel_at_the_threshold_belongs_and_a_zero_never_does() -> None:
    activation = np.array([[[0.0, 0.4, 0.39999, 1.0]]], dtype=np.float32)
    np.testing.assert_array_equal(apply_threshold(activation, "0.4")[0, 0], [False, True, False, True])
    np.testing.assert_array_equal(apply_threshold(activation, "0")[0, 0], [False, True, True, True])


@pytest.mark.parametrize(
    "text", ["1.4", "-0.1", "256/255", "q101", "q-5", "q", "", "nan", "inf", "0.4/1", "95%", "low"]
)
def test_a_malformed_threshold_is_quoted_and_the_forms_listed(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Threshold.parse(text)
    assert f'"{text}"' in str(caught.value)
    assert all(form in str(caught.value) for form in ('"0.4"', '"200/255"', '"q95"', '"otsu"'))


def test_a_threshold_says_what_the_user_wrote() -> None:
    assert [str(Threshold.parse(text)) for text in ("200/255", "Q95", "otsu", 0.4)] == ["200/255", "q95", "otsu", "0.4"]
    assert str(Threshold("percentile", 95.0)) == "q95"
    assert Threshold.parse(Threshold("otsu")) == Threshold("otsu")
    with pytest.raises(SettingsError, match="fixed, percentile, otsu, got 'mean'"):
        Threshold("mean")
