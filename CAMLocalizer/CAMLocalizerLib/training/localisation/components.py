"""Connected components of an image at many brightness levels, and the one that agrees best with a map."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...core import label_components

SMOOTHING = 1.0  # standard deviation in cells
LEVELS = 18
BRIGHT_QUANTILES, DARK_QUANTILES = (0.35, 0.995), (0.02, 0.5)  # of the foreground's brightness
FEWEST_CELLS = 12
LARGEST_SHARE = 0.2  # of the foreground
FEWEST_FOREGROUND_CELLS = 50


def foreground(image: NDArray[np.float32], level: float) -> NDArray[np.bool_]:
    """Return what is brighter than ``level``, with small gaps closed and small specks removed, shape (h, w)."""
    closed = ndimage.binary_closing(image > level, iterations=2)
    opened: NDArray[np.bool_] = ndimage.binary_opening(closed, iterations=1)
    return opened


def components(image: NDArray[np.float32], body: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.int32], int]]:
    """Label the bright and the dark components of an image at each of 18 levels.

    Args:
        image: brightness, shape (h, w).
        body: the foreground; levels are quantiles of its brightness.

    Yields:
        Labels, shape (h, w), 0 for what is not in a component, and their number, at least 1.
    """
    smooth = ndimage.gaussian_filter(image, SMOOTHING)
    values = smooth[body]
    if values.size < FEWEST_FOREGROUND_CELLS:
        return
    for level in np.quantile(values, np.linspace(*BRIGHT_QUANTILES, LEVELS)):
        yield from _labelled(smooth > level)
    for level in np.quantile(values, np.linspace(*DARK_QUANTILES, LEVELS)):
        yield from _labelled((smooth < level) & body)


def _labelled(mask: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.int32], int]]:
    labels, count = label_components(mask, faces_only=True)
    if count:
        yield labels, count


def best_component(
    image: NDArray[np.float32], evidence: NDArray[np.float32], body: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], float]:
    """Find the component of the image that agrees best with a map.

    Components of fewer than 12 cells or more than a fifth of the foreground do not count. Holes of the best one are
    filled and thin bridges cut where that agrees no worse.

    Args:
        image: brightness, shape (h, w).
        evidence: 0 .. 1, shape (h, w).
        body: the foreground.

    Returns:
        The component, shape (h, w), all False if there is none, and its agreement: the soft Jaccard index
        sum(min) / sum(max) of component and map, 0 .. 1.
    """
    best, chosen, total = 0.0, np.zeros(image.shape, dtype=bool), float(evidence.sum())
    most = LARGEST_SHARE * np.count_nonzero(body)
    for labels, count in components(image, body):
        cells = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        inside = np.bincount(labels.ravel(), weights=evidence.ravel(), minlength=count + 1)[1:]
        agreement = np.where((cells >= FEWEST_CELLS) & (cells <= most), inside / (cells + total - inside), 0.0)
        if (highest := float(agreement.max())) > best:
            best, chosen = highest, labels == int(agreement.argmax()) + 1
    return _tidied(chosen, evidence, best, most) if best else (chosen, 0.0)


def soft_jaccard(mask: NDArray[np.bool_], evidence: NDArray[np.float32]) -> float:
    """Return sum(min) / sum(max) of a mask and a map in 0 .. 1; 0 if both are empty."""
    inside = float(evidence[mask].sum())
    union = np.count_nonzero(mask) + float(evidence.sum()) - inside
    return inside / union if union else 0.0


def _tidied(
    mask: NDArray[np.bool_], evidence: NDArray[np.float32], agreement: float, most: float
) -> tuple[NDArray[np.bool_], float]:
    filled = ndimage.binary_fill_holes(mask)
    if np.count_nonzero(filled) > most:
        filled = mask
    core = largest(ndimage.binary_opening(filled))
    opened = ndimage.binary_dilation(core) & filled
    if (other := soft_jaccard(opened, evidence)) >= agreement:
        return opened, other
    return filled, soft_jaccard(filled, evidence)


def largest(mask: NDArray[np.bool_], weights: NDArray[np.float32] | None = None) -> NDArray[np.bool_]:
    """Keep the largest connected component of a mask, or the one with the largest sum of ``weights``."""
    labels, count = label_components(mask, faces_only=True)
    if count < 2:
        return mask.astype(bool)
    sums = np.bincount(labels.ravel(), None if weights is None else weights.ravel(), minlength=count + 1)[1:]
    return labels == int(sums.argmax()) + 1
