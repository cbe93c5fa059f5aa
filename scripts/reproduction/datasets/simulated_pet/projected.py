"""Simulated patients as pairs of projections with a class and a point: what the PET networks learn from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.training.images import ImageSet
from CAMLocalizerLib.views import PROJECTIONS, ProjectionPair, mip_images

from . import CLASSES, SimulatedCase, cropped_around_lesion, simulate
from .case import SPACING_MM as SCANNER_SPACING_MM

PROJECTION_MM = 2.0
PROJECTION_SIZE = (256, 544)  # width and height in pixels: 512 x 1088 mm, the whole simulated field


@dataclass(frozen=True)
class ProjectionOptions:
    """How patients become images.

    Args:
        spacing_mm: edge of the pixels.
        size: width and height in pixels, multiples of 16.
        scanner_spacing_mm: of the simulated volumes along i, j, k.
        trunk_share: share of the patients whose scan is cropped towards head and feet.
        box_share: share of the patients whose scan is cropped on all sides.
    """

    spacing_mm: float = PROJECTION_MM
    size: tuple[int, int] = PROJECTION_SIZE
    scanner_spacing_mm: tuple[float, float, float] = SCANNER_SPACING_MM
    trunk_share: float = 0.0
    box_share: float = 0.0

    def simulate(self, seed: int) -> SimulatedCase:
        """Simulate the patient of a seed; even seeds have the first class, odd ones the second."""
        case = simulate(seed, seed % len(CLASSES), spacing_mm=self.scanner_spacing_mm)
        draw = np.random.default_rng([seed, 31]).random()
        if draw < self.trunk_share:
            return cropped_around_lesion(case, seed)
        if draw < self.trunk_share + self.box_share:
            return cropped_around_lesion(case, seed, in_plane=True)
        return case


def projected(case: SimulatedCase, options: ProjectionOptions) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Project one patient.

    Returns:
        Images (2, height, width), coronal then sagittal, 0 to 1 for 0 to 30 SUV, and the tumour's centre in each as
        (column, row) in pixels, (2, 2).
    """
    pair = ProjectionPair(case.volume, spacing_mm=options.spacing_mm, size=options.size)
    points = [pair.to_pixels(plane, case.centre_lps_mm) for plane in PROJECTIONS]
    return mip_images(case.volume, options.spacing_mm, options.size), np.stack(points).astype(np.float32)


def projected_truth(case: SimulatedCase, options: ProjectionOptions) -> NDArray[np.bool_]:
    """Project the tumour's mask: for the supervised baseline and for pictures alone; (2, height, width)."""
    mask = Volume(case.truth.array_kji.astype(np.float32), case.truth.grid)
    return ProjectionPair(mask, spacing_mm=options.spacing_mm, size=options.size).images >= 0.5


def projected_patients(
    seeds: Sequence[int],
    folds: Sequence[int],
    options: ProjectionOptions,
    *,
    cache: Path | None = None,
    workers: int = 0,
) -> ImageSet:
    """Simulate patients and project them.

    Args:
        seeds: of the patients; even ones have lung cancer, odd ones oesophageal cancer.
        folds: fold of each patient, from 1.
        options: how they become images.
        cache: file (npz) that keeps the images, half precision; it is read if it holds the same seeds and options.
        workers: processes; 0 for none besides this one.

    Returns:
        Two images per patient, the coronal one first; the points are the tumours' centres. No mask is made.
    """
    key = f"{list(seeds)} {options}"
    images, points = _read(cache, key) or _made(seeds, options, workers)
    if cache is not None and not cache.is_file():
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.savez(cache, key=np.array(key), images=images.astype(np.float16), points=points)
    labels = np.repeat([seed % len(CLASSES) for seed in seeds], 2)
    return ImageSet(
        images=images.reshape(-1, 1, *images.shape[2:]).astype(np.float32),
        labels=labels.astype(np.int64),
        classes=CLASSES,
        patients=np.repeat([f"simulated-{seed}" for seed in seeds], 2),
        folds=np.repeat(np.asarray(folds, dtype=np.int64), 2),
        names=np.array([f"simulated-{seed}-{plane}" for seed in seeds for plane in PROJECTIONS]),
        points=points.reshape(-1, 2),
    )


def _read(cache: Path | None, key: str) -> tuple[NDArray, NDArray] | None:
    if cache is None or not cache.is_file():
        return None
    with np.load(cache) as stored:
        if str(stored["key"]) == key:
            return stored["images"], stored["points"]
    cache.unlink()
    return None


def _made(seeds: Sequence[int], options: ProjectionOptions, workers: int) -> tuple[NDArray, NDArray]:
    images, points = zip(*_each(partial(_one, options=options), seeds, workers), strict=True)
    return np.stack(images), np.stack(points)


def _one(seed: int, options: ProjectionOptions) -> tuple[NDArray, NDArray]:
    images, points = projected(options.simulate(seed), options)
    return images.astype(np.float16), points


def _each(function: partial[tuple[NDArray, NDArray]], seeds: Sequence[int], workers: int) -> Iterable:
    if not workers:
        return map(function, seeds)
    with get_context("spawn").Pool(workers) as pool:
        return pool.map(function, seeds, chunksize=4)


def truths_of(seeds: Sequence[int], options: ProjectionOptions) -> NDArray[np.bool_]:
    """Make the projected masks of patients, (2 * patients, height, width): for the supervised baseline alone."""
    return np.concatenate([projected_truth(options.simulate(seed), options) for seed in seeds])


def whole(options: ProjectionOptions) -> ProjectionOptions:
    """Return the same options without any cropping."""
    return replace(options, trunk_share=0.0, box_share=0.0)
