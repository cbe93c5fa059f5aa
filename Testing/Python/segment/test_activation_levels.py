"""Percentiles, Otsu and counts of one activation, against numpy and scikit-image on all its voxels."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.filters import threshold_otsu

from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.segment import ActivationLevels, Threshold, apply_threshold, slabs

PERCENTS = (0.0, 100.0, 50.0, 95.0, 99.9, 33.333, 0.01, 87.5)


def example(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A seeded activation and its values in rows, columns and slices that are not zero throughout."""
    rng = np.random.default_rng(number)
    array = rng.random((8, 9, 14), dtype=np.float32) ** (1 + number % 5)
    array *= rng.random(array.shape) < (1.0, 0.7, 0.05)[number % 3]
    array[[2, 5]] = 0
    array[:, 4] = 0
    array = np.round(array * 7) / np.float32(7) if number % 4 == 3 else array
    array /= (array.max(), 1.0, 1e4)[number % 3]
    positive = array > 0
    kept = [positive.any(axis=tuple({0, 1, 2} - {axis})) for axis in range(3)]
    return array, array[np.ix_(*kept)]


@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("turn", [(0, 1, 2), (2, 0, 1)])
def test_percentiles_are_exactly_those_of_numpy(number: int, turn: tuple[int, int, int]) -> None:
    array, values = example(number)
    levels = ActivationLevels(array.transpose(turn))
    assert [levels.percentile(percent) for percent in PERCENTS] == [float(np.percentile(values, p)) for p in PERCENTS]
    assert Threshold("percentile", 95.0).value(array) == float(np.percentile(values, 95.0))


@pytest.mark.parametrize("number", range(12))
def test_otsu_is_exactly_that_of_scikit_image(number: int) -> None:
    array, values = example(number)
    assert ActivationLevels(array).otsu() == float(threshold_otsu(values))


@pytest.mark.parametrize("number", range(6))
def test_counts_are_those_of_every_voxel_above_zero(number: int) -> None:
    array, _ = example(number)
    levels, positive = ActivationLevels(array), array[array > 0]
    for bins in (1, 32, 256, 4096):
        np.testing.assert_array_equal(levels.histogram(bins), np.histogram(positive, bins, (0, 1))[0])
    thresholds, counts = levels.curve(64)
    assert thresholds[[0, 1, -1]].tolist() == [0, 1 / 64, 1]
    np.testing.assert_array_equal(counts, [np.count_nonzero(positive >= level) for level in thresholds])


@pytest.mark.parametrize("number", [0, 3, 8192])
def test_a_number_of_steps_that_does_not_fit_is_refused(number: int) -> None:
    levels = ActivationLevels(example(0)[0])
    for count in (levels.histogram, levels.curve):
        with pytest.raises(SettingsError, match=f"power of two up to 4096, got {number}"):
            count(number)


def test_counts_at_any_level_are_exact() -> None:
    array, _ = example(0)
    wanted = np.array([1e-6, 0.1, 0.125, 1 / 3, *array[array > 0][:3], 1.0], dtype=np.float32)
    found = ActivationLevels(array).at_or_above(wanted)
    np.testing.assert_array_equal(found, [np.count_nonzero(array >= level) for level in wanted])


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    array, values = example(4)
    monkeypatch.setattr(slabs, "SMALLEST_SHARED", 1)
    monkeypatch.setattr(slabs, "THREADS", threads)
    levels = ActivationLevels(array)
    assert levels.percentile(90.0) == float(np.percentile(values, 90.0))
    assert levels.histogram().sum() == levels.positive == np.count_nonzero(array)
    np.testing.assert_array_equal(apply_threshold(array, 0.3), array >= np.float32(0.3))


def test_an_activation_of_zeros_has_no_levels() -> None:
    levels = ActivationLevels(np.zeros((2, 3, 4), dtype=np.float32))
    assert (levels.percentile(95.0), levels.otsu(), levels.contributing, levels.positive) == (0.0, 0.0, 0, 0)
    assert not levels.histogram().any()
    assert not levels.curve()[1].any()


def test_thresholds_of_one_activation_share_its_levels_and_a_mask() -> None:
    array, _ = example(1)
    levels, out = ActivationLevels(array), np.ones(array.shape, dtype=bool)
    for text in ("q90", "otsu", "0.4", "0"):
        assert apply_threshold(array, text, out=out, levels=levels) is out
        np.testing.assert_array_equal(out, apply_threshold(array, text))
    levels._flat = levels._flat[:0]  # what was computed once is kept
    assert levels.percentile(90.0) > 0
    assert levels.otsu() > 0
