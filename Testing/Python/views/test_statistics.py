"""Image statistics equal their formulas and do not depend on the scale of intensities."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.views import STATISTICS, image_statistics, sampled_images


def ramp_on_nothing() -> np.ndarray:
    """A square of 40 x 40 pixels whose columns grow from 101 to 140, on nothing."""
    image = np.zeros((80, 100), dtype=np.float32)
    image[20:60, 30:70] = np.arange(101, 141)
    return image


def test_share_spread_and_sharpness_of_a_ramp_are_known() -> None:
    found = image_statistics(ramp_on_nothing()[None])
    assert tuple(found) == STATISTICS
    assert found["foreground_share"] == pytest.approx(1600 / 8000)
    assert found["spread"] == pytest.approx(20 / 140, rel=0.05)
    assert found["sharpness"] == pytest.approx(0.0, abs=1e-5)


def test_blurring_reduces_the_sharpness_of_noise() -> None:
    noise = np.random.default_rng(0).uniform(50, 150, (82, 102)).astype(np.float32)
    noise[:20] = noise[60:] = 0
    blurred = sum(noise[i : i + 80, j : j + 100] for i in range(3) for j in range(3)) / 9
    sharp, smooth = (image_statistics(image[None])["sharpness"] for image in (noise[1:-1, 1:-1], blurred))
    assert smooth < 0.35 * sharp


@pytest.mark.parametrize(("scale", "offset"), [(0.01, 0.0), (30.0, -900.0)])
def test_scale_and_offset_do_not_matter(scale: float, offset: float) -> None:
    image = np.random.default_rng(1).gamma(2.0, 40.0, (1, 60, 60)).astype(np.float32)
    expected = image_statistics(image)
    assert image_statistics((scale * image + offset).astype(np.float32)) == pytest.approx(expected, rel=1e-2)


def test_the_median_ignores_images_with_little_foreground() -> None:
    wide = np.zeros((80, 100), dtype=np.float32)
    wide[10:70, 10:90] = 1.0
    speck = np.zeros_like(wide)
    speck[0, :10] = 1.0
    found = image_statistics(np.stack([ramp_on_nothing(), wide, wide, speck, speck, speck, speck]))
    assert found["foreground_share"] == pytest.approx(0.6)
    assert image_statistics(speck[None]) == {}


def test_sampled_images_are_few_and_evenly_spaced() -> None:
    assert sampled_images(1) == [0]
    assert sampled_images(5) == [0, 1, 2, 3, 4]
    many = sampled_images(300)
    assert (len(many), many[0], many[-1]) == (24, 0, 299)
    assert set(np.diff(many)) == {13}
