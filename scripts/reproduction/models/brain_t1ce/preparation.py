"""The images and labels that brain-t1ce is trained on, from three public collections."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.io import read_volume, write_nifti
from CAMLocalizerLib.views import plane_axes

from ...datasets.figshare.stacks import figshare_stacks
from ...paths import TRAINING_RESOURCES
from .cases import FIGSHARE_FOLDER, PROGRESSION_FOLDER, progression_images, progression_mask, progression_patient

TABLE = TRAINING_RESOURCES / "brain-t1ce" / "labels.csv"
COLUMNS = ("file", "slice", "view", "label", "patient", "fold", "site")
# In figshare, patients whose identifiers begin so were examined at another hospital than all others.
OTHER_HOSPITAL = "MR"
PROGRESSION_FOLDS = {"P01": 1, "P03": 2, "P04": 3, "P06": 4, "P07": 1, "P08": 2, "P10": 3, "P11": 4}
SCLEROSIS_FOLDS = {"patient07": 1, "patient26": 2}
EVERY_MM = {"axial": 0.0, "coronal": 7.0, "sagittal": 7.0}  # distance of the slices taken; 0 takes every one
SCLEROSIS_STEP_MM = 3.0
LEAST_HEAD_SHARE, LEAST_BRIGHTNESS, LEAST_VALUE = 0.08, 0.1, 0.03  # of slices taken, relative to the volume's highest
UNCLEAR_BELOW = 4  # voxels of tumour in a reformatted slice: neither label would be honest


def write_labels(data: Path, table: Path = TABLE) -> None:
    """Write the table of labels; masks are read only to tell which slices of Brain-Tumor-Progression show a tumour.

    Args:
        data: folder with figshare_brain_tumor, brain3d_btp and brain_ms_t1post.
        table: CSV file to write.
    """
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*figshare_labels(data), *progression_labels(data)])
        writer.writerows(sclerosis_labels(data))


def write_images(data: Path, output: Path) -> None:
    """Write the volumes that the table names below ``output``; ``data`` as for :func:`write_labels`."""
    write_figshare(data / FIGSHARE_FOLDER, output / "figshare")
    for path in progression_images(data / PROGRESSION_FOLDER):
        copied(path, output / "progression" / path.name)
    for patient in SCLEROSIS_FOLDS:
        copied(data / "brain_ms_t1post" / patient / "t1post.nii.gz", output / sclerosis_file(patient))


def copied(source: Path, target: Path) -> None:
    """Copy a file and the folder above it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def write_figshare(folder: Path, output: Path) -> None:
    """Write the figshare slices as stacks that lie in the body as their plane says."""
    output.mkdir(parents=True, exist_ok=True)
    for stack in figshare_stacks(folder):
        volume = stack.volume()
        write_nifti(volume.array_kji, volume.grid, output / f"{stack.name}.nii.gz")


def figshare_labels(data: Path) -> Iterator[dict[str, Any]]:
    """Label the figshare slices by type of tumour; boxes, pixel counts and masks are left alone."""
    for stack in figshare_stacks(data / FIGSHARE_FOLDER):
        for index, row in enumerate(stack.rows):
            yield {
                "file": f"figshare/{stack.name}.nii.gz",
                "slice": index,
                "view": stack.plane,
                "label": stack.label,
                "patient": stack.patient,
                "fold": stack.fold,
                "site": "figshare-2" if row["pid"].startswith(OTHER_HOSPITAL) else "figshare-1",
            }


def progression_labels(data: Path) -> Iterator[dict[str, Any]]:
    """Label the slices of Brain-Tumor-Progression in three planes by whether they show a tumour."""
    for path in progression_images(data / PROGRESSION_FOLDER):
        volume, mask = read_volume(path), read_volume(progression_mask(path))
        patient = progression_patient(path)
        for plane, index in visible_slices(volume, EVERY_MM):
            tumour = int((plane_axes(volume.grid, plane).as_slices(mask.array_kji)[index] > 0).sum())
            if plane == "axial" or not 0 < tumour < UNCLEAR_BELOW:
                label = "glioma" if tumour else "no tumour"
                yield line(f"progression/{path.name}", index, plane, label, patient, PROGRESSION_FOLDS, "progression")


def sclerosis_labels(data: Path) -> Iterator[dict[str, Any]]:
    """Label slices of the brains without tumour."""
    for patient in SCLEROSIS_FOLDS:
        volume = read_volume(data / "brain_ms_t1post" / patient / "t1post.nii.gz")
        for plane, index in visible_slices(volume, dict.fromkeys(EVERY_MM, SCLEROSIS_STEP_MM)):
            yield line(sclerosis_file(patient), index, plane, "no tumour", patient, SCLEROSIS_FOLDS, "sclerosis")


def sclerosis_file(patient: str) -> str:
    """Return the name of a volume in the images' folder."""
    return f"sclerosis/{patient}.nii.gz"


def line(
    file: str, index: int, view: str, label: str, patient: str, folds: dict[str, int], site: str
) -> dict[str, Any]:
    """Make a line of the table."""
    values = (file, index, view, label, patient, folds[patient], site)
    return dict(zip(COLUMNS, values, strict=True))


def visible_slices(volume: Volume, every_mm: dict[str, float]) -> Iterator[tuple[str, int]]:
    """Name slices at about the given distances that show enough of the head."""
    highest = volume.array_kji.max()
    for plane, distance in every_mm.items():
        axes = plane_axes(volume.grid, plane)
        images = axes.as_slices(volume.array_kji)
        step = max(1, round(distance / volume.grid.spacing_mm[axes.axes[2]]))
        for index in range(0, len(images), step):
            image = images[index]
            bright = image.max() >= LEAST_BRIGHTNESS * highest
            if bright and (image > LEAST_VALUE * highest).mean() >= LEAST_HEAD_SHARE:
                yield plane, index
