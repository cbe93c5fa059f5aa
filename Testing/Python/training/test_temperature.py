"""The temperature that makes probabilities as often right as they say."""

import numpy as np
import pytest

from CAMLocalizerLib.training.calibration import fit_temperature


def drawn(temperature: float, count: int = 20000) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of logits z, and labels drawn from the probabilities of z / temperature."""
    generator = np.random.default_rng(3)
    logits = generator.normal(0, 2, (count, 3))
    given, true = (np.exp(each) / np.exp(each).sum(1, keepdims=True) for each in (logits, logits / temperature))
    labels = (true.cumsum(1) < generator.random((count, 1))).sum(1)
    return given, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_of_the_labels_is_found(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.05)


def test_certain_answers_that_are_all_right_or_all_wrong_stay_within_bounds():
    certain = np.eye(2)[[0, 1, 0, 1]]

    assert 0.05 <= fit_temperature(certain, np.array([0, 1, 0, 1])) <= 20
    assert fit_temperature(certain, np.array([1, 0, 1, 0])) == pytest.approx(20, rel=0.01)


def test_without_images_nothing_is_changed():
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, np.int64)) == 1.0
