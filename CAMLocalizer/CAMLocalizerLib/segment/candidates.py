"""Candidates: the places of uptake in a PET that may be tumours, and the voxels that belong to each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core import Volume, label_components
from ..views import isotropic

EDGE_MM = 4.0
SMOOTHING_MM = 4.0  # standard deviation of the Gaussian
NEIGHBOURHOOD = 5  # voxels along each axis, within which a candidate is the highest
LEAST_SUV, LEAST_SHARE = 1.8, 0.8  # a candidate reaches this SUV, or this share of the volume's highest one if less
BASIN_SHARE = 0.4  # of that limit, down to which a basin reaches
SADDLE_SHARE = 0.9  # a maximum that rises less above the saddle to a higher one belongs to it


@dataclass(frozen=True, eq=False)
class Candidates:
    """Local maxima of a PET's uptake with their basins, on voxels of 4 mm.

    Args:
        uptake: the PET on these voxels, axis i to the left, j to posterior, k to superior.
        smoothed: its uptake smoothed, SUV, shape (k, j, i).
        peaks: index (k, j, i) of each candidate, highest first, shape (N, 3).
        basins: number of the candidate, from 1, that each voxel belongs to, 0 for none; int32, shape (k, j, i).
        saddles: highest smoothed uptake at which each candidate meets another one, 0 for none, SUV, shape (N,).
    """

    uptake: Volume
    smoothed: NDArray[np.float32]
    peaks: NDArray[np.int64]
    basins: NDArray[np.int32]
    saddles: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.peaks)

    @property
    def heights(self) -> NDArray[np.float32]:
        """Smoothed uptake at each candidate, SUV, shape (N,)."""
        return self.smoothed[tuple(self.peaks.T)]


def find_candidates(volume: Volume) -> Candidates:
    """Find where uptake has a local maximum, and divide the uptake around among these maxima.

    Args:
        volume: PET in SUV; any storage order.

    Returns:
        The candidates; none where nothing has taken up anything.

    Source:
        Basins of a watershed: Beucher and Lantuéjoul, Use of watersheds in contour detection, 1979.
    """
    from scipy import ndimage
    from skimage.segmentation import watershed  # both only here: they take long to import

    uptake = isotropic(volume, EDGE_MM)
    smoothed = ndimage.gaussian_filter(np.maximum(uptake.array_kji, 0), SMOOTHING_MM / EDGE_MM)
    least = min(LEAST_SUV, LEAST_SHARE * float(smoothed.max()))
    if least <= 0:
        empty = np.zeros(0, np.float32)
        return Candidates(uptake, smoothed, np.zeros((0, 3), np.int64), np.zeros(smoothed.shape, np.int32), empty)
    highest = (smoothed == ndimage.maximum_filter(smoothed, NEIGHBOURHOOD)) & (smoothed >= least)
    plateaus, count = label_components(highest)
    first = np.unique(plateaus[highest], return_index=True)[1]
    peaks = np.argwhere(highest)[first]
    peaks = peaks[np.argsort(-smoothed[tuple(peaks.T)], kind="stable")]
    markers = np.zeros(smoothed.shape, dtype=np.int32)
    markers[tuple(peaks.T)] = np.arange(1, count + 1)
    basins = watershed(-smoothed, markers, mask=smoothed > BASIN_SHARE * least).astype(np.int32)
    owner, saddles = _merged(_meetings(smoothed, basins), smoothed[tuple(peaks.T)])
    kept = np.unique(owner)
    numbers = np.concatenate([[0], np.searchsorted(kept, owner) + 1]).astype(np.int32)
    return Candidates(uptake, smoothed, peaks[kept], numbers[basins], saddles[kept])


def _meetings(smoothed: NDArray[np.float32], basins: NDArray[np.int32]) -> dict[tuple[int, int], float]:
    """Find the highest place at which each pair of neighbouring basins meets, numbers from 0, the lower one first."""
    pairs, heights = [], []
    for axis in range(3):
        near, far = (
            tuple(slice(start, stop) if line == axis else slice(None) for line in range(3))
            for start, stop in ((None, -1), (1, None))
        )
        first, second = basins[near], basins[far]
        meet = (first != second) & (first > 0) & (second > 0)
        pairs.append(np.sort(np.stack([first[meet], second[meet]]), axis=0) - 1)
        heights.append(np.minimum(smoothed[near][meet], smoothed[far][meet]))
    both, height = np.concatenate(pairs, axis=1), np.concatenate(heights)
    order = np.argsort(height, kind="stable")  # the highest comes last, and is the one that is kept
    return {
        (int(low), int(high)): float(value) for low, high, value in zip(*both[:, order], height[order], strict=True)
    }


def _merged(
    meetings: dict[tuple[int, int], float], heights: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Add each maximum that hardly rises above a saddle to the higher one beyond, highest saddles first.

    Returns:
        For each maximum the one that it belongs to, itself or a higher one, and its highest saddle that is left.
    """
    owner = np.arange(len(heights))
    saddles = np.zeros(len(heights), dtype=np.float32)

    def top(number: int) -> int:
        while owner[number] != number:
            number = owner[number]
        return number

    for (first, second), saddle in sorted(meetings.items(), key=lambda entry: -entry[1]):
        high, low = sorted((top(first), top(second)))  # maxima are numbered from the highest
        if high == low:
            continue
        if saddle >= SADDLE_SHARE * heights[low]:
            owner[low] = high
        else:
            saddles[[high, low]] = np.maximum(saddles[[high, low]], saddle)
    return np.array([top(number) for number in range(len(heights))], dtype=np.int64), saddles
