"""Sampling weights of images, and the labels that are ignored because the site explains them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..images import ImageSet


def explained_by_site(images: ImageSet, tumours: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which images bear a tumour class that their site explains.

    Where every image of a site bears the same tumour class, a network that recognises the site is right without
    looking at the tumour. Such labels teach nothing if other sites have the class too; the images still serve as
    examples of what other classes are not.

    Args:
        images: with their sites; without sites nothing is explained.
        tumours: indices of the tumour classes.

    Returns:
        Shape (N,).
    """
    if images.sites is None or len(np.unique(images.sites)) < 2:
        return np.zeros(len(images), dtype=bool)
    explained = np.zeros(len(images), dtype=bool)
    for site in np.unique(images.sites):
        here = images.sites == site
        classes = np.unique(images.labels[here])
        elsewhere = np.isin(classes, images.labels[~here]).all()
        explained |= here & bool(len(classes) == 1 and classes[0] in tumours and elsewhere)
    return explained


def groups(images: ImageSet) -> NDArray[np.int64]:
    """Number the pairs of class and site, shape (N,)."""
    sites = np.zeros(len(images), dtype=np.int64)
    if images.sites is not None:
        sites = np.unique(images.sites, return_inverse=True)[1]
    pairs = images.labels * (sites.max(initial=0) + 1) + sites
    return np.unique(pairs, return_inverse=True)[1]


def sampling_weights(images: ImageSet) -> Tensor:
    """Weigh images so that every class is drawn as often, and within a class every site by the root of its images.

    Returns:
        float64, shape (N,), mean 1.
    """
    number = groups(images)
    counts = np.bincount(number)
    weights = 1.0 / np.sqrt(counts[number])
    for label in np.unique(images.labels):
        of_class = images.labels == label
        weights[of_class] /= weights[of_class].sum()
    return torch.from_numpy(weights / weights.mean())


def most_certain(confidence: NDArray[np.float64], group: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Choose the share of each group with the highest confidence; what has none is never chosen.

    Args:
        confidence: at least 0, shape (N,).
        group: number of each one's group, shape (N,).
        share: above 0 to 1, of all of a group.
    """
    chosen = np.zeros(len(confidence), dtype=bool)
    for number in np.unique(group):
        members = np.flatnonzero(group == number)
        order = members[np.argsort(-confidence[members], kind="stable")]
        chosen[order[: round(share * len(order))]] = True
    return chosen & (confidence > 0)
