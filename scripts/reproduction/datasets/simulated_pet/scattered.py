"""Lesions anywhere: lobulated, uneven, some with a cold core, in a simulated body or in a real scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .scanner import FWHM_TO_SIGMA

USUAL_MM, USUAL_SPREAD, SMALLEST_MM, LARGEST_MM = 20.0, 0.45, 8.0, 40.0
BULKY_SHARE, BULKY_MM = 0.15, (30.0, 75.0)
USUAL_SUV, SUV_SPREAD, LOWEST_SUV, MAX_SUV = 6.5, 0.55, 2.0, 30.0
ABOVE_SURROUNDINGS = 1.5
FEWEST_VOXELS = 1


@dataclass(frozen=True, eq=False)
class Scattered:
    """Lesions on the voxels of an image.

    Args:
        share: of each voxel that is a lesion, before any blur, float32, shape (k, j, i).
        uptake: SUV where ``share`` is above 0, the same shape.
        numbers: which lesion fills most of a voxel of which at least half is a lesion, from 1; uint8, 0 elsewhere.
    """

    share: NDArray[np.float32]
    uptake: NDArray[np.float32]
    numbers: NDArray[np.uint8]


def scatter_lesions(
    random: np.random.Generator,
    image: NDArray[np.float32],
    allowed: NDArray[np.bool_],
    count: int,
    voxel_mm: float,
) -> Scattered:
    """Draw lesions and where they lie.

    Diameters and uptake are log-normal around 20 mm and SUV 6.5; one in seven is 30 to 75 mm wide, and of those above
    28 mm four in ten have a cold core. Seven in ten are clearly hotter than what they displace. Four in ten of those
    after the first lie near another one.

    Args:
        random: draws everything.
        image: SUV, shape (k, j, i), isotropic.
        allowed: where a lesion's centre may lie, the same shape.
        count: number of lesions, 0 to 255; fewer where little is allowed.
        voxel_mm: edge of the voxels.
    """
    share, uptake = np.zeros_like(image), np.zeros_like(image)
    numbers = np.zeros(image.shape, dtype=np.uint8)
    places = np.argwhere(allowed)
    centres: list[NDArray[np.int64]] = []
    for _ in range(count if len(places) else 0):
        centre = places[random.integers(len(places))]
        if centres and random.random() < 0.4:
            beside = centres[random.integers(len(centres))] + random.normal(0, 32 / voxel_mm, 3).astype(int)
            beside = np.clip(beside, 0, np.array(image.shape) - 1)
            if not allowed[tuple(beside)]:
                continue
            centre = beside
        box, part = _shape(random, image.shape, centre, diameter := _diameter(random), voxel_mm)
        if np.count_nonzero(part >= 0.5) < FEWEST_VOXELS:
            continue
        centres.append(centre)
        value = _uptake(random, image[box], part, diameter, voxel_mm)
        numbers[box][(part >= 0.5) & (part >= share[box])] = len(centres)
        uptake[box] = np.where(part > share[box], value, uptake[box])
        np.maximum(share[box], part, out=share[box])
    return Scattered(share, uptake, numbers)


def insert_lesions(
    random: np.random.Generator,
    scan: NDArray[np.float32],
    lesions: Scattered,
    voxel_mm: float,
) -> NDArray[np.float32]:
    """Put lesions into a scan as a scanner would have shown them: blurred, and with its noise.

    Args:
        random: draws resolution (5 to 9 mm full width at half maximum) and noise (4 to 12 %).
        scan: SUV of a real scan, shape (k, j, i), isotropic.
        lesions: on the same voxels.
        voxel_mm: edge of the voxels.

    Returns:
        SUV, at least 0, a new array.
    """
    sigma = random.uniform(5, 9) * FWHM_TO_SIGMA / voxel_mm
    share = ndimage.gaussian_filter(lesions.share, sigma)
    hot = ndimage.gaussian_filter(lesions.share * lesions.uptake, sigma)
    grain = ndimage.gaussian_filter(random.standard_normal(scan.shape, dtype=np.float32), sigma)
    grain *= random.uniform(0.04, 0.12) / max(float(grain.std()), 1e-6)
    found: NDArray[np.float32] = np.maximum((1 - share) * scan + hot * (1 + grain), 0)
    return found


def _diameter(random: np.random.Generator) -> float:
    usual = float(np.clip(np.exp(random.normal(np.log(USUAL_MM), USUAL_SPREAD)), SMALLEST_MM, LARGEST_MM))
    return float(random.uniform(*BULKY_MM)) if random.random() < BULKY_SHARE else usual


def _shape(
    random: np.random.Generator, size: tuple[int, ...], centre: NDArray, diameter_mm: float, voxel_mm: float
) -> tuple[tuple[slice, ...], NDArray[np.float32]]:
    """Draw overlapping lobes; gives the voxels around them and the share of each that they fill."""
    radius = diameter_mm / 2 / voxel_mm
    lobes = int(random.integers(1, 6))
    offsets = random.normal(0, 0.35 * radius, (lobes, 3)) if lobes > 1 else np.zeros((1, 3))
    radii = radius * random.uniform(0.6, 1.0, lobes) if lobes > 1 else np.array([radius])
    if random.random() < 0.35:  # stretched along some axis
        offsets *= random.uniform(0.4, 2.2, 3)
    reach = int(np.ceil(3 * radius)) + 2
    low, high = np.maximum(0, centre - reach), np.minimum(size, centre + reach + 1)
    box = tuple(slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
    lines = np.ogrid[box]
    inside = np.full([part.stop - part.start for part in box], -np.inf)
    for offset, lobe in zip(offsets, radii, strict=True):
        squares = sum((line - middle) ** 2 for line, middle in zip(lines, centre + offset, strict=True))
        np.maximum(inside, lobe - np.sqrt(squares), out=inside)
    return box, np.clip(inside + 0.5, 0, 1).astype(np.float32)


def _uptake(
    random: np.random.Generator,
    around: NDArray[np.float32],
    share: NDArray[np.float32],
    diameter_mm: float,
    voxel_mm: float,
) -> NDArray[np.float32]:
    suv = float(np.clip(np.exp(random.normal(np.log(USUAL_SUV), SUV_SPREAD)), LOWEST_SUV, MAX_SUV))
    if random.random() < 0.7:
        suv = max(suv, ABOVE_SURROUNDINGS * float((around * share).sum() / max(float(share.sum()), 1e-3)))
    grain = ndimage.gaussian_filter(random.standard_normal(share.shape), 7.2 / voxel_mm)
    value = suv * np.clip(1 + 0.2 * grain / max(float(grain.std()), 1e-6), 0.5, 1.6)
    if diameter_mm > 28 and random.random() < 0.4:
        depth = ndimage.distance_transform_edt(share > 0.5)
        value *= 1 - 0.7 * np.clip((depth - 0.45 * depth.max()) / 1.5, 0, 1)
    return value.astype(np.float32)
