"""RoiSet: grey images with labels and true masks, from which filtered images are made."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from ..training.images import ImageSet
from ..views import normalise_slices

FIXED = "fixed"


@dataclass(frozen=True, eq=False)
class RoiSet:
    """Grey images as they are before normalisation, for studies of what a classifier uses.

    Args:
        grey: shape (N, H, W), float32, 0 to 1.
        labels: index into ``classes`` of each image, shape (N,).
        classes: names of the classes.
        patients: identifier of each image's patient, shape (N,).
        folds: cross-validation fold of each image, from 1, shape (N,).
        names: what reports call each image, shape (N,).
        truth: tumour, shape (N, H, W); None where it is not known.
        planes: plane of each image, shape (N,), where outlines of one plane would not do in another; else None.

    Raises:
        InputError: shapes that do not fit, or grey values outside 0 to 1.
    """

    grey: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    patients: NDArray[np.str_]
    folds: NDArray[np.int64]
    names: NDArray[np.str_]
    truth: NDArray[np.bool_] | None = None
    planes: NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        lengths = {entry.name: len(getattr(self, entry.name)) for entry in self._per_image()}
        if self.grey.ndim != 3 or len(set(lengths.values())) != 1:
            raise InputError(f"grey images (N, H, W) and N of all else expected, got {self.grey.shape} and {lengths}")
        if self.truth is not None and self.truth.shape != self.grey.shape:
            raise InputError(f"images have shape {self.grey.shape}, masks {self.truth.shape}; both must be the same")
        if len(self) and not (self.grey.min() >= 0 and self.grey.max() <= 1):
            raise InputError(f"grey values range from {self.grey.min()} to {self.grey.max()}, expected 0 to 1")

    def _per_image(self) -> list[Any]:
        return [each for each in fields(self) if each.name != "classes" and getattr(self, each.name) is not None]

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, selected: NDArray[np.bool_]) -> RoiSet:
        """Return the images for which ``selected``, shape (N,), is true."""
        chosen: dict[str, Any] = {entry.name: getattr(self, entry.name)[selected] for entry in self._per_image()}
        return replace(self, **chosen)

    def in_folds(self, folds: Collection[int]) -> RoiSet:
        """Return the images of some folds."""
        return self.where(np.isin(self.folds, list(folds)))

    def image_set(
        self, weights: NDArray[np.float32] | None = None, *, normalisation: str = FIXED, channels: int = 1
    ) -> ImageSet:
        """Return what a classifier learns from: the images, normalised, without their masks.

        Args:
            weights: each image is multiplied by these before it is normalised, shape (N, H, W), 0 to 1.
            normalisation: ``fixed``: 0 to 1 becomes -1 to 1 in every image, as the paper's networks take it, or a name
                of `normalise_slices`; those normalise each image by itself, so a black background that a filter left
                would change the brightness of what it kept.
            channels: channels of an image, all the same.

        Raises:
            InputError: weights of another shape or range.
        """
        grey = self.grey if weights is None else multiplied(self.grey, weights)
        scaled = 2 * grey - 1 if normalisation == FIXED else normalise_slices(grey, normalisation)
        images = scaled[:, None].repeat(channels, axis=1)  # (N, channels, H, W)
        return ImageSet(images, self.labels, self.classes, self.patients, self.folds, self.names)


def multiplied(grey: NDArray[np.float32], weights: NDArray) -> NDArray[np.float32]:
    """Filter grey images: what has weight 0 becomes black, what has weight 1 stays.

    Args:
        grey: shape (N, H, W), 0 to 1.
        weights: maps or masks of the same shape, 0 to 1.

    Raises:
        InputError: weights of another shape, not finite or outside 0 to 1.

    Source:
        Classifiers as segmenters (Guan and Loew), section II-B.
    """
    if weights.shape != grey.shape:
        raise InputError(f"images have shape {grey.shape}, what filters them {weights.shape}; both must be the same")
    if weights.size and not (weights.min() >= 0 and weights.max() <= 1):
        raise InputError(f"what filters images must be 0 to 1, got {weights.min()} to {weights.max()}")
    return (grey * weights).astype(np.float32)
