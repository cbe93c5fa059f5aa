"""Nodules of LIDC-IDRI in its original layout: DICOM series and XML annotations, several slices as channels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import CAMLocalizerError, InputError, SettingsError, Volume
from CAMLocalizerLib.io import read_volume
from CAMLocalizerLib.io.quiet import quiet
from CAMLocalizerLib.training.images import ImageSet
from CAMLocalizerLib.views.resampling import linear_weights

from .agreement import RatedNodule, rated_nodules
from .annotations import ScanAnnotations, read_annotations
from .crops import ONE_SLICE_SCALES, SHIFT, SIZE, Square, cut, cut_scales, nodule_square
from .nodules import image_set

CHANNELS = (1, 3, 11, 21)
STEP_MM = 1.0
WINDOW_HU = (-1000.0, 400.0)
AXIAL = 0.99
SHOWN = 5


@dataclass(frozen=True)
class Series:
    """One CT series on disk.

    Args:
        folder: holds its slices and nothing else that is DICOM.
        uid: SeriesInstanceUID.
        patient: PatientID, ``LIDC-IDRI-0001`` and so on.
    """

    folder: Path
    uid: str
    patient: str


@dataclass(frozen=True, eq=False)
class OriginalImages:
    """What was read, and what could not be.

    Args:
        images: benign (0) and malignant (1) nodules.
        problems: a sentence for every scan that is not among them because it is damaged or incomplete.
    """

    images: ImageSet
    problems: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Crop:
    pixels: NDArray[np.float32]
    point: tuple[float, float]
    label: int
    patient: str
    name: str


def read_original_images(
    folder: Path, *, channels: int = 11, folds: int = 5, seed: int = 0, shift: float = SHIFT, size: int = SIZE
) -> OriginalImages:
    """Read nodules as the paper prepares them, from LIDC-IDRI as TCIA gives it.

    Nodules that three or four readers outlined are labelled by the mean rating, above 3 malignant and below 3 benign.
    The square of two diameters around the centre (moved by chance, see `nodule_square`) is cut from slices 1 mm apart,
    the middle one through the centre. Hounsfield units are cut to -1000 .. 400, then each channel is normalised by
    itself, as it must be for the prepared patches, which have no Hounsfield units.

    Args:
        folder: searched with its subfolders for DICOM series (one folder each) and XML annotations, which may lie
            beside the slices or in a folder of their own; they belong together by SeriesInstanceUID.
        channels: 1, 11 or 21 slices, or 3: one slice at two, three and four diameters.
        folds: number of cross-validation folds, dealt by patient.
        seed: of folds and shifts.
        shift: how far the squares lie off the nodules' centres at most, in diameters.
        size: pixels of a side.

    Returns:
        The nodules, and a sentence for each scan that could not be read.

    Raises:
        InputError: no series, no annotations, no nodule, or too few patients for the folds.
        SettingsError: other numbers of channels.

    Source:
        Lei et al., Soft Activation Mapping of Lung Nodules in Low-dose CT Images, 2018, Data Preparation and Table 2.
    """
    if channels not in CHANNELS:
        raise SettingsError(f"channels must be one of {', '.join(map(str, CHANNELS))}, got {channels}")
    annotations, problems = _all_annotations(folder)
    scans = find_series(folder)
    if not scans or not annotations:
        lacking = "CT series" if not scans else "annotations (XML files)"
        raise InputError(f"{folder}: no {lacking} of LIDC-IDRI in this folder{_some(problems)}")
    random = np.random.default_rng(seed)
    crops: list[_Crop] = []
    for scan in scans:
        try:
            crops += list(_crops(scan, annotations, channels, random, shift, size))  # all of a scan or none
        except CAMLocalizerError as error:
            problems.append(f"{scan.patient}: {error}")
    if not crops:
        raise InputError(f"{folder}: no nodule that three readers outlined and agree on{_some(problems)}")
    images = image_set(
        [crop.pixels for crop in crops],
        [crop.point for crop in crops],
        labels=[crop.label for crop in crops],
        patients=[crop.patient for crop in crops],
        names=[crop.name for crop in crops],
        folds=folds,
        seed=seed,
    )
    return OriginalImages(images, tuple(problems))


def find_series(folder: Path) -> list[Series]:
    """Find CT series by the first readable DICOM file of each subfolder, in the order of patients."""
    folders = sorted({path.parent for path in folder.rglob("*.dcm")})
    found = (_series(each) for each in folders)
    return sorted((each for each in found if each is not None), key=lambda series: (series.patient, series.uid))


def _series(folder: Path) -> Series | None:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    tags = ["Modality", "SeriesInstanceUID", "PatientID"]
    with quiet():
        for path in sorted(folder.glob("*.dcm")):
            try:
                header = dcmread(path, stop_before_pixels=True, specific_tags=tags)
            except (InvalidDicomError, OSError, EOFError):
                continue  # the series' other slices name it; reading its pixels will name this file
            if header.get("Modality") != "CT":
                return None
            return Series(folder, str(header.get("SeriesInstanceUID", "")), str(header.get("PatientID", "")))
    return None


def _all_annotations(folder: Path) -> tuple[dict[str, ScanAnnotations], list[str]]:
    found: dict[str, ScanAnnotations] = {}
    problems: list[str] = []
    for path in sorted(folder.rglob("*.xml")):
        try:
            scan = read_annotations(path)
        except InputError as error:
            problems.append(str(error))
            continue
        if scan is not None:
            found[scan.series_uid] = scan
    return found, problems


def _crops(
    scan: Series,
    annotations: dict[str, ScanAnnotations],
    channels: int,
    random: np.random.Generator,
    shift: float,
    size: int,
) -> Iterator[_Crop]:
    if scan.uid not in annotations:
        raise InputError(f"{scan.folder}: no annotations for series {scan.uid}; download the collection's XML files")
    drawn = annotations[scan.uid].annotations
    if not drawn:
        return
    volume = read_volume(scan.folder, series=scan.uid)
    _require_axial(volume)
    for number, nodule in enumerate(rated_nodules(drawn, volume.grid.spacing_mm[0])):
        _require_inside(nodule, volume)
        square = nodule_square(nodule.column, nodule.row, nodule.diameter_px, random, shift=shift)
        yield _Crop(
            nodule_crop(volume, nodule.z_mm, square, channels, size),
            square.place(nodule.column, nodule.row, size),
            int(nodule.malignant),
            scan.patient,
            f"{scan.patient}_{scan.uid.rsplit('.', 1)[-1]}_{number}",
        )


def nodule_crop(volume: Volume, z_mm: float, square: Square, channels: int, size: int = SIZE) -> NDArray[np.float32]:
    """Cut the channels of one nodule from an axial CT, Hounsfield units cut to `WINDOW_HU`.

    Args:
        volume: axial, in Hounsfield units.
        z_mm: LPS place of the middle slice.
        square: of two diameters, in pixels of a slice.
        channels: slices 1 mm apart, lowest first, or 3 for one slice at three scales.
        size: pixels of a side.

    Returns:
        Shape (channels, size, size); beyond the ends of the scan its last slice holds.
    """
    count = 1 if channels in ONE_SLICE_SCALES else channels
    offsets_mm = (np.arange(count) - count // 2) * STEP_MM
    step_mm = volume.grid.direction[2, 2] * volume.grid.spacing_mm[2]
    positions = (z_mm + offsets_mm - volume.grid.origin_mm[2]) / step_mm
    depth = volume.grid.size[2]
    weights = linear_weights(positions.clip(0, depth - 1), depth, width=STEP_MM / abs(step_mm))  # (count, depth)
    used = weights.any(axis=0)
    slices = np.tensordot(weights[:, used], volume.array_kji[used].clip(*WINDOW_HU), axes=1)  # (count, rows, columns)
    if channels in ONE_SLICE_SCALES:
        return cut_scales(slices[0], square, channels, size)
    return np.stack([cut(each, square, size) for each in slices])


def _require_axial(volume: Volume) -> None:
    if abs(volume.grid.direction[2, 2]) < AXIAL or abs(volume.grid.direction[0, 0]) < AXIAL:
        raise InputError(f"{volume.name}: the annotations belong to axial slices, this series is tilted")


def _require_inside(nodule: RatedNodule, volume: Volume) -> None:
    step_mm = volume.grid.direction[2, 2] * volume.grid.spacing_mm[2]
    place = (nodule.column, nodule.row, (nodule.z_mm - volume.grid.origin_mm[2]) / step_mm)
    if any(not -0.5 <= at <= count - 0.5 for at, count in zip(place, volume.grid.size, strict=True)):
        at = ", ".join(f"{value:.1f}" for value in place)
        raise InputError(f"{volume.name}: a nodule at voxel ({at}) lies outside the scan of {volume.grid.size} voxels")


def _some(problems: list[str]) -> str:
    more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return f"; {'; '.join(problems[:SHOWN])}{more}" if problems else ""
