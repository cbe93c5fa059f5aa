"""SliceSet: the slices that a classifier learns from, with a label for the whole slice and nothing finer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core import InputError


@dataclass(frozen=True)
class SliceSet:
    """Slices with image-level labels. There is deliberately no field for a mask, a box or a point.

    Args:
        images: normalised slices, float32, shape (N, height, width).
        labels: index of the class of each slice, shape (N,).
        planes: ``axial``, ``coronal`` or ``sagittal`` of each slice.
        patients: identifier of each slice's patient; slices of one patient stay in one fold.
        sites: collection that each slice comes from.
        folds: cross-validation fold of each slice, from 1.

    Raises:
        InputError: fields of different lengths, or a patient in two folds.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    planes: NDArray[np.str_]
    patients: NDArray[np.str_]
    sites: NDArray[np.str_]
    folds: NDArray[np.int64]

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in vars(self).items()}
        if len(set(lengths.values())) != 1:
            raise InputError(f"a slice set needs as many entries in every field, got {lengths}")
        pairs = set(zip(self.sites.tolist(), self.patients.tolist(), self.folds.tolist(), strict=True))
        patients = [pair[:2] for pair in pairs]
        if torn := sorted({patient for patient in patients if patients.count(patient) > 1}):
            raise InputError(f"patients in two folds: {torn}; give every patient one fold")

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, selected: NDArray[np.bool_]) -> SliceSet:
        """Return the slices for which ``selected``, shape (N,), is true."""
        return SliceSet(*(values[selected] for values in vars(self).values()))


def join(sets: Sequence[SliceSet]) -> SliceSet:
    """Put several sets one after the other."""
    return SliceSet(*(np.concatenate(values) for values in zip(*(vars(entry).values() for entry in sets), strict=True)))
