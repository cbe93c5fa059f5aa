"""Nodules of LIDC-IDRI as patches of their central slice: images and labels without any mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import InputError, SettingsError
from CAMLocalizerLib.training.images import ImageSet, patient_folds
from CAMLocalizerLib.views import normalise_slices

from ..csv_rows import read_rows
from ..figshare.images import read_pictures
from .crops import ONE_SLICE_SCALES, SHIFT, SIZE, Square, cut_scales, nodule_square

TABLE, IMAGES = "nodules.csv", "images_128.zip"
CLASSES = ("benign", "malignant")
LEFT_OUT = "indeterminate"
COLUMNS = ("id", "patient", "label", "equiv_diam_px", "cx", "cy", "in_zip")


@dataclass(frozen=True)
class Nodule:
    """One nodule with what its readers said of it as a whole.

    Args:
        name: identifier.
        patient: identifier of its patient.
        label: index into `CLASSES`.
        column, row: annotated centre in its patch, in pixels.
        diameter_px: diameter of the circle of the same area.
    """

    name: str
    patient: str
    label: int
    column: float
    row: float
    diameter_px: float


def read_nodules(folder: Path) -> tuple[Nodule, ...]:
    """Read the benign and malignant nodules whose patches are there; a median rating of 3 belongs to neither.

    Raises:
        InputError: the table is missing, lacks columns, or has rows that cannot be understood: all of them are named.
    """
    path = folder / TABLE
    rows = read_rows(path)
    if missing := [name for name in COLUMNS if not rows or name not in rows[0]]:
        raise InputError(f"{path} lacks the columns {', '.join(missing)}; expected {', '.join(COLUMNS)}")
    nodules: list[Nodule] = []
    problems: list[str] = []
    for line, row in enumerate(rows, start=2):
        if row["in_zip"] == "1" and row["label"] != LEFT_OUT:
            try:
                nodules.append(_nodule(row))
            except ValueError as error:
                problems.append(f"line {line} ({row['id']}): {error}")
    if problems:
        raise InputError(f"{path}: {'; '.join(problems)}")
    return tuple(nodules)


def _nodule(row: dict[str, str]) -> Nodule:
    if row["label"] not in CLASSES:
        raise ValueError(f"label must be one of {', '.join((*CLASSES, LEFT_OUT))}, got {row['label']!r}")
    column, across, diameter = float(row["cx"]), float(row["cy"]), float(row["equiv_diam_px"])
    if not diameter > 0:
        raise ValueError(f"equiv_diam_px must be above 0, got {diameter}")
    return Nodule(row["id"], row["patient"], CLASSES.index(row["label"]), column, across, diameter)


def nodule_squares(nodules: Sequence[Nodule], seed: int, shift: float = SHIFT) -> list[Square]:
    """Place the region of interest of every nodule; the same seed gives the same squares, whoever asks."""
    random = np.random.default_rng(seed)
    return [nodule_square(each.column, each.row, each.diameter_px, random, shift=shift) for each in nodules]


def read_nodule_images(
    folder: Path, *, channels: int = 1, folds: int = 5, seed: int = 0, shift: float = SHIFT, size: int = SIZE
) -> ImageSet:
    """Read nodules as classifiers see them: squares of two diameters, each normalised by itself.

    Scaling by the diameter hides the size from which the label could be told, though not all of it: a small nodule is
    enlarged and so smoother.

    Args:
        folder: holds ``nodules.csv`` and ``images_128.zip``.
        channels: 1 (two diameters) or 3 (two, three and four diameters of the same slice).
        folds: number of cross-validation folds, dealt by patient.
        seed: of folds and shifts.
        shift: how far the squares lie off the nodules' centres at most, in diameters.
        size: pixels of a side.

    Returns:
        Benign (0) and malignant (1) nodules; points are their centres.

    Raises:
        InputError: files that are missing or damaged, or too few patients for the folds.
        SettingsError: other numbers of channels, which one slice cannot give.

    Source:
        Lei et al., Soft Activation Mapping of Lung Nodules in Low-dose CT Images, 2018, Data Preparation and Table 2;
        LIDC-IDRI, doi:10.7937/K9/TCIA.2015.LO9QL9SX.
    """
    if channels not in ONE_SLICE_SCALES:
        raise SettingsError(f"one slice gives 1 or 3 channels, got {channels}; read more from the original LIDC-IDRI")
    nodules = read_nodules(folder)
    squares = nodule_squares(nodules, seed, shift)
    patches = read_pictures(folder / IMAGES, [each.name for each in nodules])
    return image_set(
        [cut_scales(patch, square, channels, size) for patch, square in zip(patches, squares, strict=True)],
        [square.place(each.column, each.row, size) for each, square in zip(nodules, squares, strict=True)],
        labels=[each.label for each in nodules],
        patients=[each.patient for each in nodules],
        names=[each.name for each in nodules],
        folds=folds,
        seed=seed,
    )


def image_set(
    crops: Sequence[NDArray[np.float32]],
    points: Sequence[tuple[float, float]],
    *,
    labels: Sequence[int],
    patients: Sequence[str],
    names: Sequence[str],
    folds: int,
    seed: int,
) -> ImageSet:
    """Put crops (C, H, W) into a set with folds by patient; every channel of a crop gets mean 0 and deviation 1."""
    stacked = np.stack(crops)
    flat = normalise_slices(stacked.reshape(-1, *stacked.shape[2:]), "zscore")  # (N * C, H, W)
    truth = np.array(labels, dtype=np.int64)
    return ImageSet(
        images=flat.reshape(stacked.shape),
        labels=truth,
        classes=CLASSES,
        patients=np.array(patients),
        folds=patient_folds(np.array(patients), truth, folds, seed),
        names=np.array(names),
        points=np.array(points, dtype=np.float32),
    )
