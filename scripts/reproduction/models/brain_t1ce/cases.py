"""The collections behind brain-t1ce, their masks, and the networks that did not see their patients."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import InputError, Volume
from CAMLocalizerLib.evaluation.networks_by_patient import NetworksByPatient, is_training_folder, networks_by_patient
from CAMLocalizerLib.io import read_volume
from CAMLocalizerLib.metrics import dice, iou, slice_ious
from CAMLocalizerLib.views import plane_axes

from ...datasets.figshare.stacks import figshare_stacks
from ...paths import RUNS

TRAINING = RUNS / "brain-t1ce"
FIGSHARE, PROGRESSION = "figshare", "brain-tumor-progression"
FIGSHARE_FOLDER, PROGRESSION_FOLDER = "figshare_brain_tumor", "brain3d_btp"
PROGRESSION_IMAGE, PROGRESSION_MASK = "_T1post", "_mask"  # endings of the files of an exam


@dataclass(frozen=True, eq=False)
class BrainCase:
    """A volume with its truth.

    Args:
        volume: what the model sees.
        truth_kji: mask on the volume's grid, bool.
        plane: plane of acquisition.
        site: collection.
        label: class of the tumour.
        patient: patient of the collection, as in the table of labels.
    """

    volume: Volume
    truth_kji: NDArray[np.bool_]
    plane: str
    site: str
    label: str
    patient: str


@dataclass(frozen=True)
class Overlap:
    """How a label map agrees with the truth of one case.

    Args:
        iou, dice: of the whole volume.
        slice_ious: IoU of each slice that shows a tumour.
    """

    iou: float
    dice: float
    slice_ious: tuple[float, ...]


def fold_networks(training: Path) -> NetworksByPatient:
    """Open the networks of a training's folds.

    Args:
        training: output folder of ``camlocalizer train``.

    Raises:
        InputError: another folder.
        ModelError: the training has no bundle yet, or a fold has no weights.
    """
    if not is_training_folder(training):
        raise InputError(
            f"{training} is not the output folder of a training; run camlocalizer train "
            f"Resources/training/brain-t1ce/config.toml --output {training}"
        )
    return networks_by_patient(str(training), "cpu")


def figshare_cases(folder: Path, patients: Collection[str]) -> Iterator[BrainCase]:
    """Yield the stacks of some patients of the figshare collection with their masks."""
    for stack in figshare_stacks(folder):
        if stack.patient in patients:
            yield BrainCase(stack.volume(), stack.truth_kji(), stack.plane, FIGSHARE, stack.label, stack.patient)


def progression_cases(folder: Path, patients: Collection[str]) -> Iterator[BrainCase]:
    """Yield the volumes of some patients of Brain-Tumor-Progression with their masks."""
    for path in progression_images(folder):
        patient = progression_patient(path)
        if patient in patients:
            truth = read_volume(progression_mask(path)).array_kji > 0
            yield BrainCase(read_volume(path), truth, "axial", PROGRESSION, "glioma", patient)


def progression_images(folder: Path) -> list[Path]:
    """Find the images of Brain-Tumor-Progression."""
    return sorted(folder.glob(f"*{PROGRESSION_IMAGE}.nii.gz"))


def progression_patient(image: Path) -> str:
    """Return whose image of Brain-Tumor-Progression a file is."""
    return image.name.split("_")[0]


def progression_mask(image: Path) -> Path:
    """Return where the mask of an image of Brain-Tumor-Progression lies."""
    return image.with_name(image.name.replace(PROGRESSION_IMAGE, PROGRESSION_MASK))


def measure_overlap(case: BrainCase, found_kji: NDArray[np.uint8]) -> Overlap:
    """Compare a label map on the case's grid with the truth."""
    axes = plane_axes(case.volume.grid, case.plane)
    slices = slice_ious(axes.as_slices(case.truth_kji), axes.as_slices(found_kji))
    return Overlap(iou(case.truth_kji, found_kji), dice(case.truth_kji, found_kji), slices)
