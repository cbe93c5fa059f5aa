"""PET scans with known lesions, real and simulated, for scripts that measure; the masks are read here alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import Grid, Volume
from CAMLocalizerLib.io import read_volume

from ...datasets.simulated_pet.projected import ProjectionOptions
from ...datasets.simulated_pet.varied import simulate_body
from ...papers.pet_mip.evaluation import phantom_case
from ...papers.pet_mip.evaluation import simulated_cases as papers

WHOLE, CROPS, FREE, LUNG, PHANTOM = (
    "whole bodies",
    "sarcoma crops",
    "tumour-free part of a body",
    "lung crop",
    "NEMA phantom",
)
SIMULATED, SIMULATED_FREE, PAPER = "simulated bodies", "simulated bodies without tumour", "the paper's task, simulated"
NECK = 225  # slices of QIN 0024 below it show no lesion
TEST_FROM = 900_000  # seeds of simulated bodies that nothing was trained on


@dataclass(frozen=True, eq=False)
class PETCase:
    """A PET with its lesions.

    Args:
        group: collection.
        name: case.
        volume: PET in SUV, unless its unit is unknown.
        lesions: mask on the volume's grid.
        fold: that held the patient out; 0 where no training saw the patient.
    """

    group: str
    name: str
    volume: Volume
    lesions: NDArray[np.bool_]
    fold: int = 0


def real_cases(data: Path, folds: dict[str, int]) -> Iterator[PETCase]:
    """Read the open collections.

    Args:
        data: folder with `pet_wholebody_sts001` and the others.
        folds: of each patient that was trained on.
    """
    sts, qin, crops, iowa = (
        data / name for name in ("pet_wholebody_sts001", "pet_wholebody_qin0024", "pet_sts_cropped", "pet_lung_iowa")
    )
    volume, lesions = _pair(sts / "STS_001_PET_SUVbw.nii.gz", sts / "STS_001_GTV_Mass.nii.gz")
    yield PETCase(WHOLE, "STS_001", volume, lesions, folds["STS_001"])
    volume, lesions = _pair(qin / "suv.nii.gz", qin / "lesions.nii.gz")
    yield PETCase(WHOLE, "QIN 0024", volume, lesions)
    yield PETCase(FREE, "QIN 0024 below the neck", _below(volume, NECK), np.zeros_like(lesions[:NECK]))
    for image in sorted(crops.glob("*_PET_image.nii.gz")):
        volume, lesions = _pair(image, image.with_name(image.name.replace("_image", "_mask")))
        patient = image.name.removesuffix("_PET_image.nii.gz")
        yield PETCase(CROPS, patient, volume, lesions, folds[patient])
    volume, lesions = _pair(iowa / "pet_raw.nii.gz", iowa / "gtv_on_pet.nii.gz", unit="")
    yield PETCase(LUNG, "Iowa 1", volume, lesions)
    yield phantom(data / "pet_nema_phantom")


def phantom(folder: Path) -> PETCase:
    """Read the NEMA phantom, scaled to a background of SUV 1; its lesions are the hot spheres."""
    case = phantom_case(folder)
    return PETCase(PHANTOM, case.name, case.volume, case.truth_kji)


def simulated_cases(count: int) -> Iterator[PETCase]:
    """Simulate bodies that no training saw: of wide variety, and those of the paper's task."""
    seed, missing = TEST_FROM, {SIMULATED: count, SIMULATED_FREE: count}
    while any(missing.values()):
        body = simulate_body(seed, whole=True)
        lesions = body.lesions.array_kji > 0
        group = SIMULATED if lesions.any() else SIMULATED_FREE
        if missing[group]:
            missing[group] -= 1
            yield PETCase(group, body.volume.name, body.volume, lesions)
        seed += 1
    for case in papers(range(TEST_FROM, TEST_FROM + count), ProjectionOptions()):
        yield PETCase(PAPER, case.name, case.volume, case.truth_kji)


def _pair(image: Path, mask: Path, unit: str = "SUVbw") -> tuple[Volume, NDArray[np.bool_]]:
    volume, lesions = read_volume(image), read_volume(mask)
    if not volume.grid.matches(lesions.grid):
        raise SystemExit(f"{mask} lies on another grid than {image}")
    return replace(volume, unit=unit), lesions.array_kji > 0.5


def _below(volume: Volume, slices: int) -> Volume:
    grid = volume.grid
    cut = Grid((*grid.size[:2], slices), grid.spacing_mm, grid.origin_mm, grid.direction)
    return replace(volume, array_kji=volume.array_kji[:slices], grid=cut)
