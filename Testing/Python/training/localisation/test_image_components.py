"""Components of an image that agree with a map."""

import numpy as np
import pytest

from CAMLocalizerLib.training.localisation.components import best_component, foreground, largest, soft_jaccard


def disc(size: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def phantom(lesion: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    body, tumour = disc((48, 56), (24, 28), 20), disc((48, 56), (20, 34), 6)
    noise = np.random.default_rng(0).normal(0, 0.01, body.shape)
    return (body * (0.35 + noise) + tumour * (lesion - 0.35)).astype(np.float32), body, tumour


@pytest.mark.parametrize("lesion", [0.8, 0.12])
def test_a_coarse_map_takes_the_border_of_the_bright_or_dark_component_below_it(lesion):
    image, body, tumour = phantom(lesion)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    coarse = np.exp(-((rows - 20) ** 2 + (columns - 34) ** 2) / (2 * 3.5**2)).astype(np.float32)

    found, agreement = best_component(image, coarse, body)

    assert soft_jaccard(found, tumour.astype(np.float32)) > 0.8
    assert agreement == pytest.approx(soft_jaccard(found, coarse))


def test_an_image_without_structure_or_body_has_no_component():
    image, body, _ = phantom(0.8)
    nothing = np.zeros_like(body)

    assert best_component(image, np.zeros_like(image), body)[1] == 0.0
    found, agreement = best_component(image, np.ones_like(image), nothing)
    assert agreement == 0.0
    assert not found.any()


def test_a_component_that_fills_most_of_the_body_does_not_count():
    image, body, _ = phantom(0.35)
    image[body] = 0.4 + 0.2 * (np.indices(body.shape)[1][body] > 10)

    found, _ = best_component(image, body.astype(np.float32), body)

    assert found.sum() <= 0.2 * body.sum()


def test_soft_jaccard_is_the_sum_of_minima_over_the_sum_of_maxima():
    generator = np.random.default_rng(1)
    mask, evidence = generator.random((5, 7)) > 0.5, generator.random((5, 7)).astype(np.float32)

    assert soft_jaccard(mask, evidence) == pytest.approx(
        np.minimum(mask, evidence).sum() / np.maximum(mask, evidence).sum()
    )
    assert soft_jaccard(np.zeros((2, 2), bool), np.zeros((2, 2), np.float32)) == 0.0


def test_the_largest_component_may_be_judged_by_weight():
    mask = np.zeros((6, 12), bool)
    mask[1:4, 1:4] = mask[1:3, 8:10] = True
    weights = np.where(np.arange(12) > 6, 10.0, 1.0) * np.ones((6, 1))

    assert largest(mask).sum() == 9
    assert largest(mask, weights).sum() == 4


def test_the_foreground_has_no_specks_and_no_small_gaps():
    body = disc((40, 40), (20, 20), 12)
    image = body * 0.4
    image[20, 20] = 0.0
    image[2, 2] = 0.9

    found = foreground(image.astype(np.float32), 0.05)

    assert found[20, 20]
    assert not found[2, 2]
