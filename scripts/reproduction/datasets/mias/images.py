"""Regions of the MIAS mammograms with and without an abnormality, and its circle as truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import InputError, SettingsError
from CAMLocalizerLib.evaluation.roi_set import RoiSet
from CAMLocalizerLib.training.images import patient_folds

from ..csv_rows import read_rows
from ..figshare.images import read_pictures, to_square

CLASSES = ("normal", "tumour")
ROWS, IMAGES, MASKS = "rois.csv", "roi_256.zip", "circle_masks_256.zip"
STORED = 256
WINDOW = 208  # pixels of 0.2 mm
NORMAL = "NORM"
HALF = 0.5 - 1e-6  # weights are float32: a pixel of exactly one half belongs


def read_mias(folder: Path, *, size: int, folds: int = 5, seed: int = 0) -> RoiSet:
    """Read the regions, each a random window of the stored one.

    An abnormality must not be where a map could guess it. Those stored here are off the middle already, by 10 mm on
    average, but for six that fill their region; a window of 208 of the 256 pixels, drawn for every region alike, shifts
    all of them by up to 4.8 mm more in both directions. Every window keeps the abnormality's centre. The truth is
    the circle that MIAS gives, which surrounds an abnormality loosely: an outline was never drawn.
    In the seven films with several abnormalities a region's truth is the circle of its own one alone.

    Both films of a patient (``patient_pair``) stay in one fold, which matters: one breast is often a region without
    and the other one with abnormality.

    Args:
        folder: holds ``rois.csv``, ``roi_256.zip`` and ``circle_masks_256.zip``.
        size: height and width wanted, at least 1.
        folds: folds to deal the patients into, at least 2.
        seed: of windows and folds.

    Returns:
        Regions of the classes ``normal`` and ``tumour``.

    Raises:
        InputError: a file is missing or damaged, a picture of another size, an abnormality without a circle, or too few
            patients for the folds.
        SettingsError: a size below 1.

    Source:
        MIAS v1.21, doi:10.17863/CAM.105113.
    """
    if size < 1:
        raise SettingsError(f"size of images must be at least 1, got {size}")
    rows = read_rows(folder / ROWS)
    names = [row["id"] for row in rows]
    labels = np.array([int(row["abnormality"] != NORMAL) for row in rows], dtype=np.int64)
    patients = np.array([row["patient_pair"] for row in rows])
    films = _windows(folder / IMAGES, names, seed)
    circles = _windows(folder / MASKS, names, seed)
    return RoiSet(
        grey=np.stack([np.clip(to_square(film, size) / 255, 0, 1) for film in films]),
        labels=labels,
        classes=CLASSES,
        patients=patients,
        folds=patient_folds(patients, labels, folds, seed),
        names=np.array(names),
        truth=_truth(circles, labels, names, size),
    )


def _windows(archive: Path, names: list[str], seed: int) -> list[NDArray[np.float32]]:
    """Cut the window of each picture; pictures of one name get the same."""
    cut = []
    for index, (name, picture) in enumerate(zip(names, read_pictures(archive, names), strict=True)):
        if picture.shape != (STORED, STORED):
            raise InputError(f"{name} in {archive} has {picture.shape} pixels, expected {STORED} x {STORED}")
        row, column = np.random.default_rng((seed, index)).integers(0, STORED - WINDOW + 1, 2)
        cut.append(picture[row : row + WINDOW, column : column + WINDOW])
    return cut


def _truth(
    circles: list[NDArray[np.float32]], labels: NDArray[np.int64], names: list[str], size: int
) -> NDArray[np.bool_]:
    truth = np.stack([to_square((circle > 0).astype(np.float32), size) for circle in circles])
    highest = truth.max(axis=(1, 2), keepdims=True)
    masks = (truth >= HALF) | ((truth == highest) & (highest > 0))  # the smallest circles keep their best pixel
    if lost := [name for name, label, mask in zip(names, labels, masks, strict=True) if mask.any() != bool(label)]:
        raise InputError(f"circle and label of {', '.join(lost[:8])} do not agree; get the data again")
    return masks
