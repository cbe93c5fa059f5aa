"""The foreground is above half of Otsu's threshold."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.filters

from CAMLocalizerLib.views.foreground import content_extent, foreground_counts, image_foreground, otsu_level


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


def body(shape: tuple[int, int, int], box: tuple[slice, slice, slice], seed: int = 0) -> np.ndarray:
    """A body with structure on a noisy, negative background."""
    rng = np.random.default_rng(seed)
    array = rng.normal(-500, 10, shape)
    array[box] += rng.uniform(250, 900, array[box].shape)
    return array.astype(np.float32)


def content_box(array: np.ndarray) -> tuple[tuple[int, int], ...]:
    return tuple(content_extent(counts) for counts in foreground_counts(array))


BOX = (slice(2, 7), slice(5, 17), slice(20, 27))


@pytest.mark.parametrize("scale", [1.0, 1e-3, 40.0])
def test_the_box_lies_around_the_body_whatever_the_scale(scale: float) -> None:
    assert content_box(scale * body((9, 40, 30), BOX)) == ((20, 26), (5, 16), (2, 6))


def test_the_box_does_not_depend_on_the_storage_order() -> None:
    array = body((9, 40, 30), BOX)
    i, j, k = content_box(array)
    assert content_box(array.transpose(1, 2, 0)) == (k, i, j)
    assert content_box(array[:, ::-1]) == (i, (39 - j[1], 39 - j[0]), k)


def test_a_few_bright_voxels_outside_the_body_are_ignored() -> None:
    array = body((9, 40, 30), BOX)
    array[3, 38, 2:5] = 400.0
    assert content_box(array) == ((20, 26), (5, 16), (2, 6))


def test_the_box_of_little_or_no_content_is_the_whole_volume() -> None:
    array = np.zeros((3, 4, 5), dtype=np.float32)
    assert content_box(array) == ((0, 4), (0, 3), (0, 2))
    array[1, 2, 3] = 1.0
    assert content_box(array) == ((0, 4), (0, 3), (0, 2))
