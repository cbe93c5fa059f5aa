"""Simulated lesions inserted into real scans, beside the real ones, whose centres are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import Grid, Volume
from CAMLocalizerLib.segment import find_candidates
from CAMLocalizerLib.segment.candidates import EDGE_MM
from CAMLocalizerLib.views import isotropic

from ...datasets.simulated_pet.scattered import insert_lesions, scatter_lesions
from .labelling import PHYSIOLOGICAL, TUMOUR, UNCLEAR, lesion_labels, point_labels
from .samples import CandidateSamples, samples_of

BODY_SUV, BODY_ROUGH = 0.3, 1.5  # uptake of a body smoothed by so many voxels
KEEP_AWAY = 5  # voxels around a real lesion
SCALE_SPREAD = 0.1  # logarithmic
FEWEST_SLICES = 40
CUT, LOCAL = 0.6, 0.35  # shares of copies cut at top and bottom, and to a part of the body
LOCAL_REACH = (14, 34)  # voxels
FEWEST_CUT = 60  # slices of a scan that is worth cutting


@dataclass(frozen=True, eq=False)
class _Copy:
    uptake: NDArray[np.float32]
    lesions: NDArray[np.uint8]
    points: NDArray[np.float64]


def inserted_samples(
    volume: Volume, points_lps_mm: Sequence[Sequence[float]], body: int, *, copies: int, seed: int = 0
) -> CandidateSamples | None:
    """Describe the candidates of a real scan, as it is and in copies with further lesions.

    Copies have up to 9 lesions more and another scale of the SUV; half of them are mirrored, large ones are often cut.

    Args:
        volume: PET in SUV.
        points_lps_mm: a point in each real lesion.
        body: number of the body.
        copies: number of copies beside the scan itself.
        seed: of the copies.

    Returns:
        The samples; None if there is nothing to learn from.
    """
    scan = isotropic(volume, EDGE_MM)
    points = np.array([scan.grid.to_ijk(point)[::-1] for point in points_lps_mm], dtype=float).reshape(-1, 3)
    around = _around(scan, points)
    parts = []
    for number in range(copies + 1):
        random = np.random.default_rng([seed, body, number])
        copy = _Copy(scan.array_kji, np.zeros(scan.grid.shape_kji, np.uint8), points)
        if number:
            copy = _changed(_inserted(copy, around, random), random)
        grid = Grid(copy.uptake.shape[::-1], (EDGE_MM,) * 3, (0.0, 0.0, 0.0), np.eye(3))
        candidates = find_candidates(Volume(np.ascontiguousarray(copy.uptake), grid, unit="SUVbw"))
        labels = point_labels(candidates, copy.points.tolist())
        drawn = lesion_labels(candidates, copy.lesions)
        labels[(drawn == UNCLEAR) & (labels == PHYSIOLOGICAL)] = UNCLEAR
        labels[drawn == TUMOUR] = TUMOUR
        part = samples_of(candidates, labels, body, random)
        parts += [part] if part is not None else []
    return CandidateSamples.joined(parts) if parts else None


def _around(scan: Volume, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Find what hangs together with a real lesion, and what is near."""
    from scipy import ndimage

    near = np.zeros(scan.grid.shape_kji, dtype=bool)
    candidates = find_candidates(scan)
    for number in np.flatnonzero(point_labels(candidates, points.tolist()) != PHYSIOLOGICAL):
        near |= (candidates.basins == number + 1) & (candidates.smoothed >= 0.41 * candidates.heights[number])
    return ndimage.binary_dilation(near, iterations=KEEP_AWAY)


def _inserted(copy: _Copy, around: NDArray[np.bool_], random: np.random.Generator) -> _Copy:
    from scipy import ndimage

    body = ndimage.gaussian_filter(copy.uptake, BODY_ROUGH) > BODY_SUV
    allowed = ndimage.binary_erosion(body) & ~around
    count = int(min(10, random.geometric(0.3))) - 1
    lesions = scatter_lesions(random, copy.uptake, allowed, count, EDGE_MM)
    uptake = insert_lesions(random, copy.uptake, lesions, EDGE_MM) if lesions.numbers.any() else copy.uptake
    return replace(copy, uptake=uptake * np.float32(np.exp(random.normal(0, SCALE_SPREAD))), lesions=lesions.numbers)


def _changed(copy: _Copy, random: np.random.Generator) -> _Copy:
    """Mirror and cut by chance."""
    if random.random() < 0.5:
        points = copy.points.copy()
        points[:, 2] = copy.uptake.shape[2] - 1 - points[:, 2]
        copy = _Copy(copy.uptake[:, :, ::-1], copy.lesions[:, :, ::-1], points)
    slices = len(copy.uptake)
    if slices < FEWEST_CUT:
        return copy
    if random.random() < CUT:
        low, high = np.sort(random.uniform(0, 1, 2))
        start, stop = int(CUT * low * slices), int(slices - CUT * (1 - high) * slices)
        if stop - start > FEWEST_SLICES:
            copy = _cut(copy, (start, 0, 0), (stop, *copy.uptake.shape[1:]))
    if random.random() < LOCAL:
        lesions = np.argwhere(copy.lesions > 0)
        places = lesions if len(lesions) and random.random() < 0.5 else np.argwhere(copy.uptake > BODY_SUV)
        centre, reach = places[random.integers(len(places))], random.integers(*LOCAL_REACH, 3)
        copy = _cut(copy, np.maximum(0, centre - reach), centre + reach)
    return copy


def _cut(copy: _Copy, low: Sequence[int] | NDArray, high: Sequence[int] | NDArray) -> _Copy:
    box = tuple(slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
    uptake = copy.uptake[box]
    points = copy.points - np.asarray(low, dtype=float)
    inside = np.all((points >= 0) & (points < uptake.shape), axis=1) if len(points) else np.zeros(0, bool)
    return _Copy(uptake, copy.lesions[box], points[inside])
