"""Each slice is normalised by itself."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.views import normalise_slices


def test_foreground_zscore_equals_its_formula() -> None:
    batch = np.random.default_rng(1).gamma(2.0, 50.0, (3, 20, 24)).astype(np.float32)
    for image, got in zip(batch, normalise_slices(batch), strict=True):
        values = image[image > image.mean()]
        values = np.clip(values, None, np.percentile(values, 99))
        expected = np.clip((image - values.mean()) / (values.std() + 1e-6), -4, 6)
        np.testing.assert_allclose(got, expected - expected.mean(), atol=1e-4)


@pytest.mark.parametrize("method", ["foreground-zscore", "zscore"])
def test_normalisation_does_not_depend_on_scale_and_offset_of_the_scanner(method: str) -> None:
    batch = np.random.default_rng(2).gamma(2.0, 50.0, (2, 16, 16)).astype(np.float32)
    np.testing.assert_allclose(normalise_slices(3 * batch + 70, method), normalise_slices(batch, method), atol=1e-3)


@pytest.mark.parametrize("method", ["foreground-zscore", "zscore"])
def test_a_constant_slice_becomes_zero(method: str) -> None:
    batch = np.full((1, 4, 4), 0.1, dtype=np.float32)
    np.testing.assert_allclose(normalise_slices(batch, method), 0, atol=1e-2)


def test_the_batch_is_not_changed() -> None:
    batch = np.random.default_rng(3).random((2, 8, 8), dtype=np.float32)
    before = batch.copy()
    result = normalise_slices(batch, "none")
    result += 1
    normalise_slices(batch)
    np.testing.assert_array_equal(batch, before)


def test_an_unknown_normalisation_is_refused() -> None:
    with pytest.raises(SettingsError, match="foreground-zscore, zscore, none, got 'minmax'"):
        normalise_slices(np.zeros((1, 2, 2), dtype=np.float32), "minmax")
