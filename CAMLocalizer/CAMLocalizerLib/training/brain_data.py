"""The two collections behind `brain-t1ce`, read without their masks."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, InputError, Volume
from ..io import read_volume
from ..views import SliceStack, normalise_slices
from .slices import SliceSet, join

CLASSES = ("no tumour", "meningioma", "glioma", "pituitary tumour")
TUMOUR_CLASSES = CLASSES[1:]
SPACING_MM = 1.96
SIZE = (128, 128)
NORMALISATION = "foreground-zscore"
FIGSHARE, PROGRESSION = "figshare", "brain-tumor-progression"
FIGSHARE_SPACING_MM = 0.98  # of the slices whose row gives none
FIGSHARE_LABELS = {"meningioma": 1, "glioma": 2, "pituitary": 3}
PROGRESSION_FOLDS = {"P01": 1, "P03": 2, "P04": 3, "P06": 4, "P07": 1, "P08": 2, "P10": 3, "P11": 4}

# Stored axes i and j of an image that shows this plane as a radiologist sees it; k completes them.
PLANE_DIRECTIONS = {
    "axial": np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]]).T,
    "coronal": np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]).T,
    "sagittal": np.array([[0, 1, 0], [0, 0, -1], [1, 0, 0]]).T,
}


def image_volume(pixels: NDArray, plane: str, *, spacing_mm: float, step_mm: float, name: str) -> Volume:
    """Place images of one plane, shape (slices, rows, columns), in the body as a stack of slices."""
    size = (pixels.shape[2], pixels.shape[1], pixels.shape[0])
    grid = Grid(size, (spacing_mm, spacing_mm, step_mm), (0.0, 0.0, 0.0), PLANE_DIRECTIONS[plane])
    return Volume(pixels, grid, name=name)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV with a header line.

    Raises:
        InputError: the file is missing.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing; see the data's README for where it comes from")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_png(archive: zipfile.ZipFile, name: str) -> NDArray[np.float32]:
    """Read one grey image of a zip archive as float32, shape (rows, columns)."""
    from PIL import Image

    with Image.open(BytesIO(archive.read(name))) as image:
        return np.asarray(image.convert("L"), dtype=np.float32)


def prepare(volume: Volume, plane: str) -> NDArray[np.float32]:
    """Give the slices of a volume as the network sees them, float32, shape (slices, height, width)."""
    stack = SliceStack(volume, plane, spacing_mm=SPACING_MM, size=SIZE)
    return normalise_slices(stack.batch(0, len(stack)), NORMALISATION)


def read_figshare(folder: Path) -> SliceSet:
    """Read slices and tumour types of the figshare collection; boxes, pixel counts and masks are left alone."""
    rows = read_rows(folder / "labels.csv")
    with zipfile.ZipFile(folder / "images_256.zip") as archive:
        images = [_figshare_image(archive, row) for row in rows]
    return SliceSet(
        np.concatenate(images),
        np.array([FIGSHARE_LABELS[row["tumor"]] for row in rows]),
        np.array([row["plane"] for row in rows]),
        np.array([row["patient_group"] for row in rows]),
        np.array([FIGSHARE] * len(rows)),
        np.array([int(row["group_fold"]) for row in rows]),
    )


def _figshare_image(archive: zipfile.ZipFile, row: dict[str, str]) -> NDArray[np.float32]:
    name = f"{int(row['id']):04d}.png"
    pixels = read_png(archive, name)[None]
    spacing = float(row["pixel_mm_256"] or FIGSHARE_SPACING_MM)
    return prepare(image_volume(pixels, row["plane"], spacing_mm=spacing, step_mm=7.0, name=name), row["plane"])


def read_progression(folder: Path, slice_labels: Path) -> SliceSet:
    """Read Brain-Tumor-Progression: the slices that ``slice_labels`` names (case, plane, slice, tumour 0 or 1)."""
    chosen: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for row in read_rows(slice_labels):
        chosen.setdefault((row["case"], row["plane"]), []).append((int(row["slice"]), int(row["tumour"])))
    return join([_progression_plane(folder, case, plane, entries) for (case, plane), entries in chosen.items()])


def _progression_plane(folder: Path, case: str, plane: str, entries: list[tuple[int, int]]) -> SliceSet:
    indices, tumour = np.array(entries).T
    images = prepare(read_volume(folder / f"{case}_T1post.nii.gz"), plane)[indices]
    patient = case.split("_")[0]
    count = len(indices)
    return SliceSet(
        images,
        np.where(tumour == 1, CLASSES.index("glioma"), 0),
        np.array([plane] * count),
        np.array([patient] * count),
        np.array([PROGRESSION] * count),
        np.array([PROGRESSION_FOLDS[patient]] * count),
    )


def progression_cases(folder: Path) -> Iterator[str]:
    """Give the names of the cases in ``folder``, sorted."""
    yield from sorted(path.name.removesuffix("_T1post.nii.gz") for path in folder.glob("*_T1post.nii.gz"))


def read_brain_slices(data: Path, slice_labels: Path) -> SliceSet:
    """Read both collections from the folder that holds ``figshare_brain_tumor`` and ``brain3d_btp``."""
    return join([read_figshare(data / "figshare_brain_tumor"), read_progression(data / "brain3d_btp", slice_labels)])
