"""Candidates: the places of uptake in a PET that may be tumours, and the voxels that belong to each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core import Volume
from ..views import isotropic

EDGE_MM = 4.0
SMOOTHING_MM = 4.0  # standard deviation of the Gaussian
NEIGHBOURHOOD = 5  # voxels along each axis, within which a candidate is the highest
LEAST_SUV, LEAST_SHARE = 1.8, 0.8  # a candidate reaches this SUV, or this share of the volume's highest one if less
BASIN_SHARE = 0.4  # of that limit, down to which a basin reaches


@dataclass(frozen=True, eq=False)
class Candidates:
    """Local maxima of a PET's uptake with their basins, on voxels of 4 mm.

    Args:
        uptake: the PET on these voxels, axis i to the left, j to posterior, k to superior.
        smoothed: its uptake smoothed, SUV, shape (k, j, i).
        peaks: index (k, j, i) of each candidate, highest first, shape (N, 3).
        basins: number of the candidate, from 1, that each voxel belongs to, 0 for none; int32, shape (k, j, i).
    """

    uptake: Volume
    smoothed: NDArray[np.float32]
    peaks: NDArray[np.int64]
    basins: NDArray[np.int32]

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
        return Candidates(uptake, smoothed, np.zeros((0, 3), np.int64), np.zeros(smoothed.shape, np.int32))
    highest = (smoothed == ndimage.maximum_filter(smoothed, NEIGHBOURHOOD)) & (smoothed >= least)
    plateaus, count = ndimage.label(highest, np.ones((3, 3, 3)))
    first = np.unique(plateaus[highest], return_index=True)[1]
    peaks = np.argwhere(highest)[first]
    peaks = peaks[np.argsort(-smoothed[tuple(peaks.T)], kind="stable")]
    markers = np.zeros(smoothed.shape, dtype=np.int32)
    markers[tuple(peaks.T)] = np.arange(1, count + 1)
    basins = watershed(-smoothed, markers, mask=smoothed > BASIN_SHARE * least)
    return Candidates(uptake, smoothed, peaks, basins.astype(np.int32))
