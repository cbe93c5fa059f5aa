"""Evaluation of `brain-t1ce` on whole volumes; besides the labelling of slices the one place that reads masks."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import Volume
from ..io import read_volume
from ..localizer import Localization
from ..metrics import dice, iou
from ..views import plane_axes
from .brain_data import (
    FIGSHARE,
    FIGSHARE_LABELS,
    FIGSHARE_SPACING_MM,
    PROGRESSION,
    PROGRESSION_FOLDS,
    image_volume,
    progression_cases,
    read_png,
    read_rows,
)

FIGSHARE_STEP_MM = 7.0


@dataclass(frozen=True, eq=False)
class TestCase:
    """A volume with its truth.

    Args:
        volume: what the model sees.
        truth_kji: mask on the volume's grid, bool.
        plane: plane of acquisition.
        site: collection.
        label: index of the tumour's class.
        patient: patient of the collection.
        fold: cross-validation fold.
    """

    __test__ = False

    volume: Volume
    truth_kji: NDArray[np.bool_]
    plane: str
    site: str
    label: int
    patient: str
    fold: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a label map agrees with the truth of one case.

    Args:
        iou, dice: of the whole volume.
        slice_ious: IoU of each slice that shows a tumour.
        tumour_probabilities: of every slice that is not blank.
        slice_truths: whether the slice shows a tumour, for the same slices.
        right_type: share of tumour slices whose most probable class is the right one.
    """

    case: TestCase
    iou: float
    dice: float
    slice_ious: tuple[float, ...]
    tumour_probabilities: tuple[float, ...]
    slice_truths: tuple[bool, ...]
    right_type: float


def figshare_cases(folder: Path, folds: Collection[int]) -> Iterator[TestCase]:
    """Give the pseudo-stacks of the patients of ``folds``: neighbouring slices of one patient and plane."""
    rows = [row for row in read_rows(folder / "labels.csv") if int(row["group_fold"]) in folds]
    rows.sort(key=lambda row: (int(row["run"]), int(row["id"])))
    with zipfile.ZipFile(folder / "images_256.zip") as images, zipfile.ZipFile(folder / "masks_256.zip") as masks:
        for run, members in groupby(rows, key=lambda row: int(row["run"])):
            yield _figshare_case(run, list(members), images, masks)


def _figshare_case(
    run: int, rows: Sequence[dict[str, str]], images: zipfile.ZipFile, masks: zipfile.ZipFile
) -> TestCase:
    first = rows[0]
    names = [f"{int(row['id']):04d}.png" for row in rows]
    pixels = np.stack([read_png(images, name) for name in names])
    truth = np.stack([read_png(masks, name) for name in names]) > 0
    spacing = float(first["pixel_mm_256"] or FIGSHARE_SPACING_MM)
    volume = image_volume(
        pixels, first["plane"], spacing_mm=spacing, step_mm=FIGSHARE_STEP_MM, name=f"figshare-run-{run:03d}"
    )
    label = FIGSHARE_LABELS[first["tumor"]]
    return TestCase(volume, truth, first["plane"], FIGSHARE, label, first["patient_group"], int(first["group_fold"]))


def progression_test_cases(folder: Path, folds: Collection[int]) -> Iterator[TestCase]:
    """Give the volumes of Brain-Tumor-Progression whose patients are in ``folds``."""
    for case in progression_cases(folder):
        patient = case.split("_")[0]
        if PROGRESSION_FOLDS[patient] in folds:
            volume = read_volume(folder / f"{case}_T1post.nii.gz")
            truth = read_volume(folder / f"{case}_mask.nii.gz").array_kji > 0
            yield TestCase(volume, truth, "axial", PROGRESSION, 2, patient, PROGRESSION_FOLDS[patient])


def judge(case: TestCase, localization: Localization, found_kji: NDArray[np.uint8]) -> Outcome:
    """Compare a label map on the case's grid with the truth, and the slices' probabilities with what they show."""
    axes = plane_axes(case.volume.grid, localization.view)
    truths, founds = axes.as_slices(case.truth_kji), axes.as_slices(found_kji)
    shown = np.array([bool(truth.any()) for truth in truths])
    present = np.ptp(axes.as_slices(case.volume.array_kji), axis=(1, 2)) > 0
    types = localization.pyramid.probabilities.argmax(axis=1)
    return Outcome(
        case,
        iou(case.truth_kji, found_kji),
        dice(case.truth_kji, found_kji),
        tuple(iou(truth, found) for truth, found, tumour in zip(truths, founds, shown, strict=True) if tumour),
        tuple(localization.pyramid.tumour_probabilities[present].tolist()),
        tuple(shown[present].tolist()),
        float((types[shown] == case.label).mean()) if shown.any() else float("nan"),
    )
