"""The foreground is what exceeds half of Otsu's threshold."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.filters

from CAMLocalizerLib.views.foreground import image_foreground, otsu_level


@pytest.mark.parametrize("seed", range(5))
def test_otsu_level_equals_that_of_scikit_image(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(60, 12, 700), rng.normal(150, 25, 300)]).round()
    counts, edges = np.histogram(values, bins=64)
    expected = skimage.filters.threshold_otsu(values, nbins=64)
    assert edges[0] + otsu_level(counts) * (edges[1] - edges[0]) == pytest.approx(expected)


def test_otsu_level_of_a_single_bin_is_its_middle() -> None:
    assert otsu_level(np.array([7])) == 0.5


def test_the_foreground_of_an_image_is_above_half_of_its_threshold() -> None:
    image = np.random.default_rng(3).gamma(2.0, 40.0, (40, 50)).astype(np.float32) - 90
    raised, inside = image_foreground(image)
    np.testing.assert_allclose(raised, np.clip(image - np.percentile(image, 0.5), 0, None), atol=1e-4)
    np.testing.assert_array_equal(inside, raised > 0.5 * skimage.filters.threshold_otsu(raised))


def test_a_constant_image_has_no_foreground() -> None:
    assert not image_foreground(np.full((5, 4), -3.0, dtype=np.float32))[1].any()
