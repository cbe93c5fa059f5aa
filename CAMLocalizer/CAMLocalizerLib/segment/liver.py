"""The liver's uptake, the yardstick of a PET, found without any other image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core import MM3_PER_ML, Volume, label_components
from ..views import isotropic
from .candidates import EDGE_MM
from .depths import depths

SMOOTHING_MM = 3.0  # standard deviation of the Gaussian; noise is not to count as unevenness
RADIUS_MM = 15.0  # of the sphere that is measured, 3 cm across as in PERCIST
LEAST_SUV, MOST_SUV = 1.0, 5.0
EVENNESS = 0.15  # highest standard deviation within the sphere, of the mean
LEAST_ML = 300.0  # of the middles of even spheres that hang together: a liver holds many
LIMIT_FACTOR, LIMIT_DEVIATIONS = 1.5, 2.0


@dataclass(frozen=True)
class LiverUptake:
    """Uptake in a sphere of 3 cm in the liver.

    Args:
        centre_lps_mm: middle of the sphere.
        mean: SUV.
        deviation: standard deviation, SUV.
    """

    centre_lps_mm: tuple[float, float, float]
    mean: float
    deviation: float

    @property
    def limit(self) -> float:
        """Uptake from which on a lesion counts: 1.5 times the mean plus two standard deviations."""
        return LIMIT_FACTOR * self.mean + LIMIT_DEVIATIONS * self.deviation


def find_liver(volume: Volume) -> LiverUptake | None:
    """Find the liver: the place of highest even uptake in the right half of a body, of those that are large enough.

    Args:
        volume: PET in SUV.

    Returns:
        Its uptake; None where no such place is large enough.

    Source:
        Sphere and limit: Wahl et al., From RECIST to PERCIST, J Nucl Med 50 Suppl 1:122S, 2009.
    """
    from scipy import ndimage  # only here: it takes long to import

    uptake = isotropic(volume, EDGE_MM)
    smoothed = ndimage.gaussian_filter(np.maximum(uptake.array_kji, 0), SMOOTHING_MM / EDGE_MM)
    reach = int(RADIUS_MM / EDGE_MM)
    if min(smoothed.shape) <= 2 * reach:
        return None
    size = 2 * reach + 1
    mean = ndimage.uniform_filter(smoothed, size)
    variance = np.maximum(ndimage.uniform_filter(smoothed**2, size) - mean**2, 0)
    even = (mean > LEAST_SUV) & (mean < MOST_SUV) & (np.sqrt(variance) < EVENNESS * mean)
    body = np.flatnonzero((smoothed > 0.3).any(axis=(0, 1)))
    if not body.size:
        return None
    even[:, :, (body[0] + body[-1]) // 2 :] = False  # axis i runs to the left
    labels, count = label_components(even, faces_only=True)
    if not count:
        return None
    large = np.bincount(labels.ravel())[1:] * EDGE_MM**3 / MM3_PER_ML >= LEAST_ML
    if not large.any():
        return None
    uptakes = ndimage.mean(smoothed, labels, np.arange(1, count + 1))
    inside = labels == np.where(large, uptakes, 0).argmax() + 1
    depth = depths(inside)
    middle = np.unravel_index(int(depth.argmax()), depth.shape)
    lines = np.ogrid[tuple(slice(0, length) for length in smoothed.shape)]
    away = sum((line - place) ** 2 for line, place in zip(lines, middle, strict=True))
    sphere = uptake.array_kji[away <= (RADIUS_MM / EDGE_MM) ** 2]
    x, y, z = uptake.grid.to_lps(np.array(middle[::-1], dtype=float)).tolist()
    return LiverUptake((x, y, z), float(sphere.mean()), float(sphere.std()))
