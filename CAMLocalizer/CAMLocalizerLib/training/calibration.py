"""Temperature scaling: one temperature for a classifier's logits calibrates its probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

LOWEST, HIGHEST = 0.05, 20.0
SMALLEST = 1e-12


def fit_temperature(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """Find what logits are to be divided by so that the labels become most likely.

    Args:
        probabilities: of images that the classifier was not trained on, rows sum to 1, shape (N, classes).
        labels: index of each image's class, shape (N,).

    Returns:
        Temperature, 0.05 to 20; above 1 where the classifier is too sure. 1 without images.

    Source:
        Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2.
    """
    if not len(labels):
        return 1.0
    logits = np.log(np.maximum(probabilities, SMALLEST))

    def negative_log_likelihood(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        highest = scaled.max(axis=1, keepdims=True)
        sums = np.log(np.exp(scaled - highest).sum(axis=1)) + highest[:, 0]
        return float((sums - scaled[np.arange(len(labels)), labels]).mean())

    found = minimize_scalar(negative_log_likelihood, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return float(np.exp(found.x))
