"""From the probabilities of slices to those of their volume."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..core import ActivationPyramid

SLAB_MM = 10.0
# Log-odds beyond this are cut, so that no single slice decides for a whole slab.
MOST_LOG_ODDS = 10.0
# An image is said to show a tumour from this summed probability on, and so is a volume.
TUMOUR_PROBABILITY = 0.5


def volume_probability(pyramid: ActivationPyramid) -> float:
    """Return the probability of a tumour anywhere in a volume.

    The tumour log-odds of the slices are averaged over a slab of 10 mm around each slice, and the highest mean is
    taken: a tumour is thicker than a single slice of 1 mm, while one slice of 6.5 mm counts for most of its slab.
    Slices without content do not count.

    Args:
        pyramid: probabilities of all slices.

    Returns:
        0 to 1; 0 if no slice has content, 1 if every class is a tumour.
    """
    columns = [name in pyramid.tumour_classes for name in pyramid.classes]
    if all(columns):
        return 1.0
    tumour = pyramid.probabilities[:, columns].sum(axis=1, dtype=np.float64)
    others = pyramid.probabilities[:, np.logical_not(columns)].sum(axis=1, dtype=np.float64)
    seen = np.flatnonzero(tumour > 0)  # a network never gives exactly 0, a blank slice does
    if not seen.size:
        return 0.0
    with np.errstate(divide="ignore"):
        odds = np.clip(np.log(tumour[seen]) - np.log(others[seen]), -MOST_LOG_ODDS, MOST_LOG_ODDS)
    thickness_mm = pyramid.maps[0].grid.spacing_mm[2]
    highest = float((slab_weights(seen * thickness_mm, thickness_mm) @ odds).max())
    return 1.0 / (1.0 + float(np.exp(-highest)))


def slab_weights(positions_mm: NDArray[np.floating], thickness_mm: float, slab_mm: float = SLAB_MM) -> NDArray:
    """Return the matrix that averages slices over a slab centred on each, by how much of them lies in it.

    Args:
        positions_mm: centres of the slices, shape (n,).
        thickness_mm: of a slice, positive.
        slab_mm: thickness of the slab, positive.

    Returns:
        float64, shape (n, n); rows sum to 1.
    """
    distances = np.abs(positions_mm[:, None] - positions_mm)
    reach = (slab_mm + thickness_mm) / 2 - distances
    weights = np.clip(reach, 0.0, min(slab_mm, thickness_mm))
    return weights / weights.sum(axis=1, keepdims=True)


def type_probabilities(
    probabilities: NDArray[np.float32], classes: tuple[str, ...], tumour_classes: tuple[str, ...]
) -> Mapping[str, float]:
    """Return how probable each type of tumour is, given that there is a tumour.

    Args:
        probabilities: of the classes, shape (images, classes).
        classes: names of the columns.
        tumour_classes: those of ``classes`` that are tumours.

    Returns:
        Probability of each of ``tumour_classes``, summing to 1: the mean over the images with a tumour probability of
        at least 0.5, or over all if there are none, each weighted by its tumour probability.
    """
    tumours = probabilities[:, [classes.index(name) for name in tumour_classes]].astype(np.float64)
    probable = tumours.sum(axis=1) >= TUMOUR_PROBABILITY
    sums = tumours[probable if probable.any() else slice(None)].sum(axis=0)  # (tumour classes,)
    shares = sums / sums.sum() if sums.sum() > 0 else np.full(len(sums), 1.0 / len(sums))
    return dict(zip(tumour_classes, shares.tolist(), strict=True))
