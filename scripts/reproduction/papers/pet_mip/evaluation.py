"""Evaluation of PET models on simulated bodies and on the open PET collections; the place that reads their masks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import MM3_PER_ML, Grid, GridError, InputError, Volume
from CAMLocalizerLib.io import read_volume
from CAMLocalizerLib.localizer import Localizer
from CAMLocalizerLib.localizer.findings import Findings
from CAMLocalizerLib.metrics import dice
from CAMLocalizerLib.views import PROJECTIONS, ProjectionPair

from ...datasets.simulated_pet.projected import ProjectionOptions

SARCOMA, WHOLE_BODY, PHANTOM = "pet_sts_cropped", "pet_wholebody_sts001", "pet_nema_phantom"
# At this share of the hottest voxel, which noise raises, the spheres have the volumes of their inner diameters: 25.7,
# 10.7, 5.6, 2.5, 1.0 and 0.4 ml for 26.5, 11.5, 5.6, 2.6, 1.2 and 0.5 ml.
PHANTOM_SPHERES_FROM = 0.3
PHANTOM_BACKGROUND_SUV = 1.0
PHANTOM_END_SLICES = 12  # noise alone


@dataclass(frozen=True, eq=False)
class PETCase:
    """A PET volume with its truth.

    Args:
        name: case.
        volume: what the model sees.
        truth_kji: mask on the volume's grid, bool.
        label: index of the class; None where the collection has another tumour.
    """

    name: str
    volume: Volume
    truth_kji: NDArray[np.bool_]
    label: int | None = None


@dataclass(frozen=True)
class PETOutcome:
    """How well a label map and the maps agree with the truth.

    Args:
        name: case.
        label: index of the true class, None where there is none.
        found_label: index of the most probable class.
        dice: Dice coefficient in 3D.
        hit: whether the label map touches the tumour.
        peak_inside: whether the voxel of highest evidence times uptake lies in the tumour.
        hottest_inside: whether the hottest voxel of the whole volume does: what a threshold alone would find.
        found_ml: volume of the label map.
        truth_ml: volume of the truth.
        distance_mm: from the peak to the nearest voxel of the tumour.
    """

    name: str
    label: int | None
    found_label: int
    dice: float
    hit: bool
    peak_inside: bool
    hottest_inside: bool
    found_ml: float
    truth_ml: float
    distance_mm: float


def simulated_cases(seeds: Sequence[int], options: ProjectionOptions) -> Iterator[PETCase]:
    """Simulate patients one after another."""
    for seed in seeds:
        case = options.simulate(seed)
        yield PETCase(case.volume.name, case.volume, case.truth.array_kji > 0, case.label)


def sarcoma_cases(folder: Path) -> Iterator[PETCase]:
    """Read the cropped sarcoma scans: PET in SUV and the contour drawn on MR.

    Raises:
        InputError: an image without its mask.
    """
    for image in sorted(folder.glob("*_PET_image.nii.gz")):
        mask = image.with_name(image.name.replace("_image", "_mask"))
        yield _case(image.name.removesuffix("_PET_image.nii.gz"), image, mask)


def whole_body_case(folder: Path) -> PETCase:
    """Read the whole-body scan of one patient with a sarcoma; the truth is the mass without its oedema."""
    return _case("STS_001 whole body", folder / "STS_001_PET_SUVbw.nii.gz", folder / "STS_001_GTV_Mass.nii.gz")


def phantom_case(folder: Path) -> PETCase:
    """Read the NEMA phantom, scaled so that its background has SUV 1; the truth is its hot spheres.

    The file is in arbitrary units and brings no mask. The background, 1 by choice, is that of soft tissue and makes the
    spheres as hot as the tumours that the model knows. The truth is every voxel of the inner slices above three tenths
    of their maximum.

    Raises:
        InputError: the file is missing.
    """
    volume = _read(folder / "nema_iq_recon1.nii.gz")
    inner = volume.array_kji.copy()
    inner[:PHANTOM_END_SLICES], inner[-PHANTOM_END_SLICES:] = 0, 0
    background = float(np.median(inner[inner > 0.2 * np.percentile(inner, 99)]))
    suv = Volume(inner * np.float32(PHANTOM_BACKGROUND_SUV / background), volume.grid, name=volume.name, unit="SUVbw")
    return PETCase("NEMA phantom", suv, suv.array_kji > PHANTOM_SPHERES_FROM * suv.array_kji.max())


def _read(path: Path) -> Volume:
    if not path.is_file():
        raise InputError(f"{path} is missing; see the data's README for where it comes from")
    return read_volume(path)


def _case(name: str, image: Path, mask: Path) -> PETCase:
    volume, truth = _read(image), _read(mask)
    if not volume.grid.matches(truth.grid):
        raise GridError(f"{mask} lies on another grid than {image.name}")
    suv = Volume(volume.array_kji, volume.grid, name=name, unit="SUVbw")  # NIfTI names no unit; the data's README does
    return PETCase(name, suv, truth.array_kji > 0.5)


def assess_pet(case: PETCase, found: Findings, label_kji: NDArray) -> PETOutcome:
    """Compare what was found with the truth.

    Args:
        case: with the truth.
        found: the maps.
        label_kji: the label map made from them.
    """
    evidence = found.activation() * case.volume.array_kji
    return outcome(case, label_kji > 0, evidence, int(found.probabilities.mean(axis=0).argmax()))


def outcome(case: PETCase, found_kji: NDArray[np.bool_], evidence: NDArray[np.float32], found_label: int) -> PETOutcome:
    """Compare a mask and the evidence it was made from with the truth; arguments on the volume's grid."""
    grid, truth = case.volume.grid, case.truth_kji
    peak = np.unravel_index(int(evidence.argmax()), evidence.shape)
    hottest = np.unravel_index(int(case.volume.array_kji.argmax()), evidence.shape)
    ml = grid.voxel_volume_mm3 / MM3_PER_ML
    return PETOutcome(
        name=case.name,
        label=case.label,
        found_label=found_label,
        dice=dice(found_kji, truth),
        hit=bool((found_kji & truth).any()),
        peak_inside=bool(truth[peak]),
        hottest_inside=bool(truth[hottest]),
        found_ml=float(found_kji.sum()) * ml,
        truth_ml=float(truth.sum()) * ml,
        distance_mm=_distance_mm(grid, peak, truth),
    )


def _distance_mm(grid: Grid, peak: tuple[np.intp, ...], truth: NDArray[np.bool_]) -> float:
    offsets = (np.argwhere(truth) - np.array(peak)) * np.array(grid.spacing_mm[::-1])
    return float(np.sqrt((offsets**2).sum(axis=1)).min()) if len(offsets) else float("nan")


def evaluate_pet(localizer: Localizer, cases: Iterable[PETCase]) -> Iterator[tuple[PETCase, PETOutcome]]:
    """Run the main job with the bundle's own settings over cases and assess each."""
    for case in cases:
        found = localizer.run(case.volume)
        yield case, assess_pet(case, found, found.label_map().array_kji)


def projected_mask(case: PETCase, pair: ProjectionPair) -> NDArray[np.bool_]:
    """Project a truth onto both planes, for pictures: (2, height, width)."""
    truth = case.truth_kji.astype(np.float32)
    if not truth.any():
        return np.zeros((len(PROJECTIONS), *pair.pixels[::-1]), dtype=bool)
    return ProjectionPair(Volume(truth, case.volume.grid), spacing_mm=pair.spacing_mm, size=pair.pixels).images >= 0.5
