"""The collections that brain-t1ce is measured on, as tables of `camlocalizer evaluate` with images and masks."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from CAMLocalizerLib.io import read_volume, write_nifti

from ...datasets.figshare.stacks import figshare_stacks
from .cases import FIGSHARE_FOLDER, PROGRESSION_FOLDER, progression_images, progression_mask, progression_patient
from .preparation import copied, figshare_labels

FIGSHARE, PROGRESSION, SCLEROSIS = "figshare", "progression", "sclerosis"
BRATS, LOW_GRADE = "brats", "low-grade"
CROSS_VALIDATED, ELSEWHERE = (FIGSHARE, PROGRESSION, SCLEROSIS), (BRATS, LOW_GRADE)
COLUMNS = ("file", "slice", "view", "label", "patient", "site", "plane")
OEDEMA = 2  # label of the BraTS masks; T1 after contrast does not outline it
Line = dict[str, Any]


def figshare(data: Path, work: Path) -> Iterator[Line]:
    """Write slices and masks as the stacks of the training, and give a line per slice."""
    for stack in figshare_stacks(data / FIGSHARE_FOLDER):
        volume, file = stack.volume(), f"{stack.name}.nii.gz"
        write_nifti(volume.array_kji, volume.grid, work / file)
        write_nifti(stack.truth_kji().astype("uint8"), volume.grid, work / "masks" / file)
    for row in figshare_labels(data):
        yield {name: row[name] for name in COLUMNS if name in row} | {"file": Path(row["file"]).name}


def progression(data: Path, work: Path) -> Iterator[Line]:
    """Copy volumes and masks; a line per volume."""
    for path in progression_images(data / PROGRESSION_FOLDER):
        copied(path, work / path.name)
        copied(progression_mask(path), work / "masks" / path.name)
        yield line(path.name, "glioma", progression_patient(path), "progression")


def sclerosis(data: Path, work: Path) -> Iterator[Line]:
    """Copy the brains without tumour; a line per brain."""
    for path in sorted((data / "brain_ms_t1post").glob("*/t1post.nii.gz")):
        patient = path.parent.name
        copied(path, work / f"{patient}.nii.gz")
        yield line(f"{patient}.nii.gz", "no tumour", patient, "sclerosis")


def brats(data: Path, work: Path) -> Iterator[Line]:
    """Copy volumes and masks; a line per volume."""
    for path in sorted((data / "brain_brats_t1c").glob("*/t1c.nii.gz")):
        patient = path.parent.name
        copied(path, work / f"{patient}.nii.gz")
        truth = read_volume(path.with_name("seg.nii.gz"))
        tumour = (truth.array_kji > 0) & (truth.array_kji != OEDEMA)
        write_nifti(tumour.astype("uint8"), truth.grid, work / "masks" / f"{patient}.nii.gz")
        yield line(f"{patient}.nii.gz", "tumour", patient, "brats")


def low_grade(data: Path, work: Path) -> Iterator[Line]:
    """Unpack the slices; a line per slice. Their masks outline another sequence, so they are left alone."""
    folder = data / "brain_lgg_t1ce_slices"
    with (
        (folder / "slices.csv").open(newline="", encoding="utf-8") as file,
        zipfile.ZipFile(folder / "images.zip") as archive,
    ):
        names = {Path(name).name: name for name in archive.namelist()}
        for row in csv.DictReader(file):
            with Image.open(BytesIO(archive.read(names[row["file"]]))) as image:
                image.convert("L").save(work / row["file"])
            label = "tumour" if row["tumour"] == "1" else "no tumour"
            yield line(row["file"], label, row["patient"], row["site"], plane="axial")


def line(file: str, label: str, patient: str, site: str, **more: Any) -> Line:
    """Make a line of a table."""
    return {"file": file, "label": label, "patient": patient, "site": site} | more


COLLECTIONS: Mapping[str, Callable[[Path, Path], Iterator[Line]]] = {
    FIGSHARE: figshare,
    PROGRESSION: progression,
    SCLEROSIS: sclerosis,
    BRATS: brats,
    LOW_GRADE: low_grade,
}
