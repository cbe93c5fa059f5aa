"""ImageSet: what classifiers learn from, and its division into folds by patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with one label each. There is deliberately no field for a mask; a centre point is the finest there is.

    Args:
        images: normalised, float32, shape (N, C, H, W).
        labels: index into ``classes`` of each image, shape (N,).
        classes: names of the classes, at least two.
        patients: identifier of each image's patient, shape (N,).
        folds: cross-validation fold of each image, from 1, shape (N,); a patient lies in one fold.
        names: what reports call each image, shape (N,).
        points: centre of the tumour as (column, row) in pixels, pixel centres at whole numbers, shape (N, 2); NaN
            where it is not known.
        sites: where each image was made, shape (N,); None where that is not known.
        planes: plane of each image, shape (N,); None where that does not matter.
        untyped: whether an image is only known to show a tumour of some class, shape (N,); its label is then one of
            the tumour classes. None where every label is known.

    Raises:
        InputError: fields of different lengths or shapes, a label that no class has, or a patient in two folds.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    patients: NDArray[np.str_]
    folds: NDArray[np.int64]
    names: NDArray[np.str_]
    points: NDArray[np.float32] | None = None
    sites: NDArray[np.str_] | None = None
    planes: NDArray[np.str_] | None = None
    untyped: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self._per_image().items()}
        if len(set(lengths.values())) != 1:
            raise InputError(f"an image set needs as many entries in every field, got {lengths}")
        if self.images.ndim != 4:
            raise InputError(f"images must have the shape (N, C, H, W), got {self.images.shape}")
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            got = f"{self.labels.min()} to {self.labels.max()}"
            raise InputError(f"labels must be 0 to {len(self.classes) - 1}, an index into the classes, got {got}")
        if divided := patients_in_several_folds(self.patients.tolist(), self.folds.tolist()):
            raise InputError(f"patients in two folds: {', '.join(divided)}; give every patient one fold")

    def _per_image(self) -> dict[str, NDArray]:
        return {name: value for name, value in vars(self).items() if name != "classes" and value is not None}

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, selected: NDArray[np.bool_]) -> ImageSet:
        """Return the images for which ``selected``, shape (N,), is true."""
        chosen: dict[str, Any] = {name: values[selected] for name, values in self._per_image().items()}
        return replace(self, **chosen)

    def in_folds(self, folds: Collection[int]) -> ImageSet:
        """Return the images of some folds."""
        return self.where(np.isin(self.folds, list(folds)))

    def split(self, held_out: Collection[int]) -> tuple[ImageSet, ImageSet]:
        """Return the images of all folds but ``held_out``, and those of ``held_out``."""
        outside = np.isin(self.folds, list(held_out))
        return self.where(~outside), self.where(outside)


def patients_in_several_folds(patients: Sequence[str], folds: Sequence[int]) -> list[str]:
    """Name the patients, sorted, whose images lie in more than one fold."""
    pairs = set(zip(patients, folds, strict=True))
    counts = Counter(patient for patient, _ in pairs)
    return sorted(patient for patient, count in counts.items() if count > 1)


def patient_folds(patients: NDArray[np.str_], labels: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Deal patients into folds of about equal size in which every class has about its share.

    Patients are dealt class by class (a patient counts for the commonest of its labels), those with most images
    first, each to the fold with the fewest images of that class, then with the fewest of all.

    Args:
        patients: identifier of each image's patient, shape (N,).
        labels: class of each image, shape (N,).
        count: number of folds, at least 2.
        seed: decides the order of patients with equally many images.

    Returns:
        Fold of each image, 1 to ``count``, shape (N,).

    Raises:
        InputError: fewer than two folds, or a class with fewer patients than folds.
    """
    if count < 2:
        raise InputError(f"cross-validation needs at least 2 folds, got {count}")
    names, of_image = np.unique(patients, return_inverse=True)
    classes, column = np.unique(labels, return_inverse=True)
    table = np.zeros((len(names), len(classes)), dtype=np.int64)  # images of each patient and class
    np.add.at(table, (of_image, column), 1)
    main = table.argmax(axis=1)
    if scarce := [str(classes[index]) for index in range(len(classes)) if (table[:, index] > 0).sum() < count]:
        raise InputError(f"class {', '.join(scarce)} has fewer patients than the {count} folds; use fewer folds")
    shuffled = np.random.default_rng(seed).permutation(len(names))
    folds = np.zeros(len(names), dtype=np.int64)
    filled = np.zeros((count, len(classes)), dtype=np.int64)
    for patient in sorted(shuffled.tolist(), key=lambda index: (main[index], -table[index].sum())):
        fold = min(range(count), key=lambda index: (filled[index, main[patient]], filled[index].sum()))
        folds[patient] = fold + 1
        filled[fold] += table[patient]
    return folds[of_image]
