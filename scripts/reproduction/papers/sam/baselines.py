"""Baselines without a network: size of the nodule, smoothness of its crop, and the more frequent class."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.training.images import ImageSet

MAJORITY, DIAMETER, SMOOTHNESS = "The commoner class", "Diameter alone", "Smoothness of the crop alone"


@dataclass(frozen=True)
class Baseline:
    """Accuracy of a rule, 0 to 1, on each held-out fold."""

    name: str
    accuracies: dict[int, float]

    def mean(self, folds: Collection[int]) -> float:
        """Mean accuracy over some folds."""
        return float(np.mean([self.accuracies[fold] for fold in folds]))


def baselines(images: ImageSet, diameters_px: NDArray[np.float64] | None) -> list[Baseline]:
    """Measure all rules, each fitted to the other folds.

    Args:
        images: crops scaled by the diameter, first channel used.
        diameters_px: of each nodule, shape (N,), where known.

    Returns:
        The commoner class, a logistic regression of the logarithm of the diameter, and one of the crop's smoothness:
        crops of small nodules are enlarged, so that what scaling by the diameter hides comes back as blur.
    """
    rules = [Baseline(MAJORITY, {fold: _majority(images, fold) for fold in _folds(images)})]
    measures = {SMOOTHNESS: np.log(roughness(images.images[:, 0]))}
    if diameters_px is not None:
        measures = {DIAMETER: np.log(diameters_px), **measures}
    for name, values in measures.items():
        rules.append(Baseline(name, {fold: _logistic(images, values, fold) for fold in _folds(images)}))
    return rules


def roughness(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean absolute second difference along rows and columns of normalised images (N, H, W), shape (N,)."""
    across, down = (np.abs(np.diff(images, 2, axis=axis)).mean(axis=(1, 2), dtype=np.float64) for axis in (1, 2))
    return across + down


def _folds(images: ImageSet) -> list[int]:
    return np.unique(images.folds).tolist()


def _majority(images: ImageSet, fold: int) -> float:
    train, held_out = images.split([fold])
    return float(np.mean(held_out.labels == np.bincount(train.labels).argmax()))


def _logistic(images: ImageSet, values: NDArray[np.float64], fold: int) -> float:
    from sklearn.linear_model import LogisticRegression

    outside = images.folds == fold
    model = LogisticRegression().fit(values[~outside, None], images.labels[~outside])
    return float(model.score(values[outside, None], images.labels[outside]))
