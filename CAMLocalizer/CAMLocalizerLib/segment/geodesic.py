"""Geodesic expansion: which of the map's peaks and its surroundings is nearer, along the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..core import NEIGHBOURS

SMOOTHING_MM = 0.7
EDGE_COST = 10.0


def geodesic(
    peaks: NDArray[np.bool_],
    background: NDArray[np.bool_],
    intensities: NDArray[np.floating],
    inside: NDArray[np.bool_],
    spacing_mm: NDArray,
) -> NDArray[np.bool_]:
    r"""Expand peaks until the background is nearer, where ways across edges of the image are long.

    .. math:: d(u) = \min_{way} \int 1 + 10\, \frac{|\nabla I|}{\overline{|\nabla I|}}\, ds

    over all ways from the seeds to u through voxels that are not seeds, in mm along all 26 neighbours; the mean runs
    over the voxels inside, so that any unit of intensity gives the same result. Where both are equally near the voxel
    belongs to the peaks.

    Args:
        peaks: voxels that belong to the tumour, shape (k, j, i).
        background: voxels that do not; peaks win where both claim one.
        intensities: image of the same shape, finite.
        inside: voxels that may belong; the others are background.
        spacing_mm: along k, j and i.

    Returns:
        The peaks and what is nearer to them; nothing without a peak, all inside without a background.

    Source:
        Bai and Sapiro, A geodesic framework for fast interactive image segmentation, ICCV 2007, Eq. 1 and 2, with the
        gradient of the image itself.
    """
    outside = (background | ~inside) & ~peaks
    cost = _cost(intensities, inside, np.asarray(spacing_mm, dtype=np.float64))
    open_ = ~peaks & ~outside
    to_peaks = _distance(peaks, open_, cost, spacing_mm)
    return peaks | (open_ & np.isfinite(to_peaks) & (to_peaks <= _distance(outside, open_, cost, spacing_mm)))


def _cost(intensities: NDArray, inside: NDArray[np.bool_], spacing_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    smooth = ndimage.gaussian_filter(intensities.astype(np.float64), SMOOTHING_MM / spacing_mm, mode="nearest")
    slopes = [np.gradient(smooth, step, axis=axis) for axis, step in enumerate(spacing_mm) if smooth.shape[axis] > 1]
    steepness = np.sqrt(np.sum(np.square(slopes), axis=0)) if slopes else np.zeros(smooth.shape)
    mean = float(steepness[inside].mean()) if inside.any() else 0.0
    return 1 + EDGE_COST * steepness / (mean or 1.0)


def _distance(
    seeds: NDArray[np.bool_], open_: NDArray[np.bool_], cost: NDArray[np.float64], spacing_mm: NDArray
) -> NDArray[np.float64]:
    """Geodesic distance in mm from the seeds at the rim of the open voxels; infinite where no way leads."""
    from skimage.graph import MCP_Geometric  # only here: Slicer's Python lacks scikit-image until it is installed

    starts = seeds & ndimage.binary_dilation(open_, structure=NEIGHBOURS)
    if not starts.any():
        return np.full(seeds.shape, np.inf)
    passable = np.where(open_ | starts, cost, -1.0)
    distance, _ = MCP_Geometric(passable, sampling=tuple(spacing_mm)).find_costs(np.argwhere(starts))
    return np.asarray(distance)
