"""Numbers that describe a candidate: how high, how large, how shaped, and where in the body."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..core import MM3_PER_ML, Grid, label_components
from .candidates import EDGE_MM, Candidates
from .depths import depths
from .liver import LiverUptake, find_liver

VOXEL_ML = EDGE_MM**3 / MM3_PER_ML
SHARES = (0.41, 0.6, 0.8)  # of the candidate's height
REACHES = (2, 4, 8)  # voxels
LEVELS_SUV = (2.5, 4.0, 6.0)
MIRROR_REACH = 3  # voxels
LEAST_BODY_SUV = 0.2
OUTLINE_SHARE = 0.25  # of the body's median uptake
DEEPEST_MM = 80.0

FEATURES = (
    "height",
    "height over body",
    "share of the highest",
    *(f"volume at {share:.0%}" for share in SHARES),
    *(f"extent at 41% along {axis}" for axis in "kji"),
    *(f"{axis} axis at 41%" for axis in ("short", "middle", "long")),
    "saddle",
    *(f"surroundings within {EDGE_MM * reach:.0f} mm" for reach in REACHES),
    "mirrored uptake",
    "distance from the middle",
    "position to the left",
    "position to posterior",
    "body width",
    "body depth",
    "level in the field",
    "distance from the top",
    "distance from the bottom",
    "height of the field",
    "depth below the surface",
    "liver found",
    *(f"{where} the liver" for where in ("left of", "behind", "above")),
    *(f"{what} of what is connected at SUV {level:g}" for level in LEVELS_SUV for what in ("volume", "length")),
)


def candidate_features(candidates: Candidates) -> NDArray[np.float32]:
    """Describe each candidate by the numbers of `FEATURES`.

    Uptake enters as logarithm, volumes as log(1 + ml), lengths as logarithms of mm or in m; positions as shares of the
    body's width and depth in the candidate's slice.

    Args:
        candidates: of one volume.

    Returns:
        float32, shape (N, 37).
    """
    if not len(candidates):
        return np.zeros((0, len(FEATURES)), dtype=np.float32)
    body, liver = _Body(candidates), find_liver(candidates.uptake)
    shapes, connected = _Shapes(candidates), [_Connected(candidates, level) for level in LEVELS_SUV]
    rows = []
    for number, peak in enumerate(candidates.peaks):
        height = float(candidates.heights[number])
        row = [np.log1p(height), np.log(height / body.median_suv), height / float(candidates.heights[0])]
        row += shapes.of(number)
        row.append(np.log((float(candidates.saddles[number]) + 0.1) / height))
        row += body.around(peak, height)
        row += _beside(liver, candidates.uptake.grid, peak)
        for each in connected:
            row += each.at(peak)
        rows.append(row)
    return np.array(rows, dtype=np.float32)


class _Shapes:
    """Sizes of the candidates within their basins."""

    def __init__(self, candidates: Candidates) -> None:
        from scipy import ndimage

        self.candidates, self.boxes = candidates, ndimage.find_objects(candidates.basins)

    def of(self, number: int) -> Iterator[float]:
        box = self.boxes[number]
        own = self.candidates.basins[box] == number + 1
        relative = np.where(own, self.candidates.smoothed[box] / self.candidates.heights[number], 0.0)
        for share in SHARES:
            yield float(np.log1p(np.count_nonzero(relative >= share) * VOXEL_ML))
        places_mm = np.argwhere(relative >= SHARES[0]) * EDGE_MM
        yield from np.log(np.ptp(places_mm, axis=0) + EDGE_MM).tolist()
        spread = np.linalg.eigvalsh(np.cov(places_mm.T)) if len(places_mm) > 3 else np.zeros(3)
        yield from np.log1p(np.sqrt(np.maximum(spread, 0.0))).tolist()


class _Body:
    """The outline of the body, and where candidates lie in it."""

    def __init__(self, candidates: Candidates) -> None:
        from scipy import ndimage

        uptake = candidates.uptake.array_kji
        inside = uptake[uptake > LEAST_BODY_SUV]
        usual = max(float(np.median(inside)) if inside.size else 0.0, LEAST_BODY_SUV)
        self.smoothed = candidates.smoothed
        self.mask = ndimage.gaussian_filter(uptake, 1.5) > OUTLINE_SHARE * usual
        self.median_suv = max(float(np.median(uptake[self.mask])) if self.mask.any() else 0.0, LEAST_BODY_SUV)
        self.depth_mm = depths(self.mask) * EDGE_MM
        levels = np.flatnonzero(self.mask.any(axis=(1, 2)))
        self.bottom = int(levels[0]) if levels.size else 0
        self.top = int(levels[-1]) if levels.size else len(uptake) - 1

    def around(self, peak: NDArray[np.int64], height: float) -> Iterator[float]:
        k, j, i = (int(index) for index in peak)
        for reach in REACHES:
            yield float(np.log((self._box(k, j, i, reach).mean() + 0.1) / height))
        left, width = _middle_and_size(self.mask[k].any(axis=0))
        back, depth = _middle_and_size(self.mask[k].any(axis=1))
        mirrored = self._box(k, j, round(2 * left - i), MIRROR_REACH)
        yield float(np.log(((mirrored.max() if mirrored.size else 0.0) + 0.2) / (height + 0.2)))
        yield abs(i - left) / width * 2
        yield (i - left) / width * 2
        yield (j - back) / depth * 2
        yield width * EDGE_MM / 400
        yield depth * EDGE_MM / 250
        yield (k - self.bottom) / max(1, self.top - self.bottom)
        yield (self.top - k) * EDGE_MM / 1000
        yield (k - self.bottom) * EDGE_MM / 1000
        yield len(self.mask) * EDGE_MM / 1000
        yield min(float(self.depth_mm[k, j, i]), DEEPEST_MM) / (DEEPEST_MM / 2)

    def _box(self, k: int, j: int, i: int, reach: int) -> NDArray[np.float32]:
        box = tuple(slice(max(0, index - reach), max(0, index + reach + 1)) for index in (k, j, i))
        return self.smoothed[box]


class _Connected:
    """What is connected at a fixed uptake."""

    def __init__(self, candidates: Candidates, level_suv: float) -> None:
        from scipy import ndimage

        self.labels, _ = label_components(candidates.smoothed > level_suv)
        self.voxels = np.bincount(self.labels.ravel())
        self.lengths = [0] + [box[0].stop - box[0].start for box in ndimage.find_objects(self.labels)]

    def at(self, peak: NDArray[np.int64]) -> tuple[float, float]:
        label = int(self.labels[tuple(peak)])
        if not label:
            return 0.0, 0.0
        return float(np.log1p(self.voxels[label] * VOXEL_ML)), float(np.log1p(self.lengths[label] * EDGE_MM))


def _beside(liver: LiverUptake | None, grid: Grid, peak: NDArray[np.int64]) -> list[float]:
    """Tell where a candidate lies from the liver: to the left, behind and above, in decimetres."""
    if liver is None:
        return [0.0, 0.0, 0.0, 0.0]
    i, j, k = grid.to_ijk(liver.centre_lps_mm).tolist()
    away_mm = EDGE_MM * (peak[::-1] - np.array([i, j, k]))
    return [1.0, *(away_mm / 100).tolist()]


def _middle_and_size(line: NDArray[np.bool_]) -> tuple[float, int]:
    """Return the middle index and the number of cells from the first to the last one; those of the line if none is."""
    found = np.flatnonzero(line)
    if not found.size:
        return (len(line) - 1) / 2, len(line)
    return (found[0] + found[-1]) / 2, int(found[-1] - found[0]) + 1
