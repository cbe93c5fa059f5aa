"""Mean uptake within a sphere of 1 ml around voxels; SUVpeak is the highest of these means."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ..core import Volume

SPHERE_MM3 = 1000.0
RADIUS_MM = float(np.cbrt(3 * SPHERE_MM3 / (4 * np.pi)))  # 6.2035
STEP_MM = 0.1
MIN_STEPS = 8
VOXELS_PER_BLOCK = 1 << 15


@lru_cache(maxsize=8)
def sphere_weights(spacing_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    """Return the fraction of each voxel inside a sphere of 1 ml around the centre of a voxel.

    Args:
        spacing_mm: spacing of the grid along i, j, k; its direction does not matter.

    Returns:
        0 to 1, read-only, odd shape (k, j, i) with the sphere's centre in the middle; the total is 1 ml.
    """
    reach = [int(np.ceil(RADIUS_MM / spacing - 0.5)) for spacing in spacing_mm]
    first, *planes = [_intervals(steps, spacing) for steps, spacing in zip(reach, spacing_mm, strict=True)]
    (j_mm, j_step), (k_mm, k_step) = map(_midpoints, planes)  # each of shape (voxels, points)
    square = k_mm[:, :, None, None] ** 2 + j_mm[None, None] ** 2  # (k, k points, j, j points)
    half = np.sqrt(np.clip(RADIUS_MM**2 - square, 0, None))  # half of the chord along i
    weights = np.empty((len(k_mm), len(j_mm), len(first)))
    for index, (low, high) in enumerate(first):
        chord = np.clip(np.minimum(half, high) - np.maximum(-half, low), 0, None)
        weights[..., index] = np.einsum("kajb,k,j->kj", chord, k_step, j_step)
    weights /= float(np.prod(spacing_mm))
    weights.setflags(write=False)
    return weights


def _intervals(reach: int, spacing_mm: float) -> NDArray[np.float64]:
    """Return the ends of each voxel along an axis, in mm from the centre, shape (voxels, 2)."""
    middles = np.arange(-reach, reach + 1) * spacing_mm
    return np.stack([middles - spacing_mm / 2, middles + spacing_mm / 2], axis=1)


def _midpoints(intervals: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Divide the part of each interval inside the sphere into steps and return their midpoints and lengths, in mm."""
    ends = np.clip(intervals, -RADIUS_MM, RADIUS_MM)
    widths = ends[:, 1] - ends[:, 0]
    count = max(MIN_STEPS, int(np.ceil(widths.max() / STEP_MM)))
    return ends[:, :1] + widths[:, None] * (np.arange(count) + 0.5) / count, widths / count


class SphereMeans:
    """Means of a volume within 1 ml around voxels; each mean is computed once, on first use.

    The sphere is defined as in PERCIST: centred on voxels, 1 ml, with partial voxels at its border. It may extend
    beyond the lesion, since clipping would bias the mean, but not beyond the volume, where the uptake is unknown.

    Args:
        volume: volume in any unit.

    Source:
        Wahl et al., J Nucl Med 50 (Suppl 1):122S-150S, 2009, PERCIST 1.0: SUVpeak within a sphere of 1 cm3 at the
        hottest position of the tumour. The maximum over all voxels of the lesion is the global intensity peak of the
        Image Biomarker Standardisation Initiative (Zwanenburg et al., Radiology 295:328-338, 2020, code 0F91), except
        that IBSI includes whole voxels by their centres and clips the sphere at the border of the volume.
    """

    def __init__(self, volume: Volume) -> None:
        self._values = np.ascontiguousarray(volume.array_kji).reshape(-1)
        self._shape = volume.grid.shape_kji
        self._weights = sphere_weights(volume.grid.spacing_mm)
        self._means = np.full(self._values.size, np.nan, dtype=np.float32)

    def at(self, voxels: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the mean around each voxel.

        Args:
            voxels: flat indices in storage order, shape (n,).

        Returns:
            Shape (n,); -infinity if the sphere extends beyond the volume.
        """
        new = voxels[np.isnan(self._means[voxels])]
        for start in range(0, len(new), VOXELS_PER_BLOCK):
            part = new[start : start + VOXELS_PER_BLOCK]
            self._means[part] = self._compute(part)
        found: NDArray[np.float32] = self._means[voxels]
        return found

    def _compute(self, voxels: NDArray[np.intp]) -> NDArray[np.float64]:
        places = np.unravel_index(voxels, self._shape)
        reach = [size // 2 for size in self._weights.shape]
        inside = np.ones(len(voxels), dtype=bool)
        for place, steps, size in zip(places, reach, self._shape, strict=True):
            inside &= (place >= steps) & (place < size - steps)
        means = np.full(len(voxels), -np.inf)
        means[inside] = self._weighted_means(voxels[inside], reach)
        return means

    def _weighted_means(self, voxels: NDArray[np.intp], reach: list[int]) -> NDArray[np.float64]:
        _, rows, width = self._shape
        sums = np.zeros(len(voxels))
        for k, j, i in product(*(range(size) for size in self._weights.shape)):
            if weight := self._weights[k, j, i]:
                step = ((k - reach[0]) * rows + j - reach[1]) * width + i - reach[2]
                sums += weight * self._values[voxels + step]
        return sums / self._weights.sum()
