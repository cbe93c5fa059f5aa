"""Each slice is normalised separately."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.filters

from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.views import normalise_slices


def test_foreground_zscore_equals_its_formula() -> None:
    batch = np.random.default_rng(1).gamma(2.0, 50.0, (3, 20, 24)).astype(np.float32)
    for image, got in zip(batch, normalise_slices(batch), strict=True):
        values = image[image > image.mean()]
        values = np.clip(values, None, np.percentile(values, 99))
        expected = np.clip((image - values.mean()) / (values.std() + 1e-6), -4, 6)
        np.testing.assert_allclose(got, expected - expected.mean(), atol=1e-4)


def head(seed: int) -> np.ndarray:
    """A noisy disc, darker in the middle, in an almost empty background."""
    rng = np.random.default_rng(seed)
    row, column = np.indices((48, 40))
    radius = np.hypot(row - 26, column - 18)
    return np.where(radius < 15, 200 + 8 * radius, 6) + rng.normal(0, 4, radius.shape)


@pytest.mark.parametrize("brightness", [1.0, 2.5, 0.6])
def test_foreground_gamma_equals_its_formula(brightness: float) -> None:
    image = (np.maximum(head(4), 0) ** brightness).astype(np.float32)
    above = np.clip(image - np.percentile(image, 0.5), 0, None)
    inside = above > 0.5 * skimage.filters.threshold_otsu(above)
    relative = above / np.percentile(above[inside], 99.5)
    gamma = np.clip(np.log(0.35) / np.log(np.median(relative[inside])), 0.4, 2.5)
    got = normalise_slices(image[None], "foreground-gamma")[0]
    np.testing.assert_allclose(got, np.minimum(relative**gamma, 1.25), atol=1e-5)
    if 0.4 < gamma < 2.5:
        assert np.median(got[inside]) == pytest.approx(0.35, abs=1e-3)


@pytest.mark.parametrize(("scale", "offset"), [(1e-4, 0.0), (60.0, 0.0), (1.0, -300.0), (0.02, -1000.0)])
def test_foreground_gamma_supports_any_scale_and_negative_backgrounds(scale: float, offset: float) -> None:
    image = head(5).astype(np.float32)[None]
    got = normalise_slices((scale * image + offset).astype(np.float32), "foreground-gamma")
    np.testing.assert_allclose(got, normalise_slices(image, "foreground-gamma"), atol=5e-3)


def test_foreground_gamma_of_a_few_bright_pixels_is_zero() -> None:
    image = np.zeros((1, 20, 20), dtype=np.float32)
    image[0, 3:6, 4:9] = 1.0
    assert not normalise_slices(image, "foreground-gamma").any()
    image[0, 6, 4] = 1.0
    assert normalise_slices(image, "foreground-gamma")[0, 4, 5] > 0


@pytest.mark.parametrize("method", ["foreground-zscore", "foreground-gamma", "zscore"])
def test_normalisation_does_not_depend_on_scale_and_offset(method: str) -> None:
    batch = np.random.default_rng(2).gamma(2.0, 50.0, (2, 16, 16)).astype(np.float32)
    np.testing.assert_allclose(normalise_slices(3 * batch + 70, method), normalise_slices(batch, method), atol=1e-3)


@pytest.mark.parametrize("method", ["foreground-zscore", "foreground-gamma", "zscore"])
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
