"""A PET scanner: blur by its resolution and by breathing, and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

FWHM_TO_SIGMA = 1.0 / 2.3548
REFERENCE_SUV = 2.2  # the liver, in which noise is usually stated


@dataclass(frozen=True)
class Scanner:
    """Blur and noise of one examination.

    Args:
        resolution_mm: full width at half maximum of a point source after reconstruction, 5 to 7.
        breathing_mm: standard deviation of the motion along the body at the diaphragm.
        noise: coefficient of variation of voxels at the liver's uptake, about 0.08 to 0.15 in practice.
        grain_mm: full width at half maximum of the noise's correlation.
    """

    resolution_mm: float = 6.0
    breathing_mm: float = 4.0
    noise: float = 0.1
    grain_mm: float = 6.0

    @classmethod
    def drawn(cls, random: np.random.Generator) -> Scanner:
        """Draw the scanner of one patient."""
        return cls(random.uniform(5, 7), random.uniform(2, 6), random.uniform(0.07, 0.16), random.uniform(5, 8))

    def scan(
        self,
        activity: NDArray[np.float32],
        spacing_kji_mm: tuple[float, float, float],
        breathing: NDArray[np.float32],
        random: np.random.Generator,
    ) -> NDArray[np.float32]:
        """Blur an activity and add noise.

        Args:
            activity: SUV, shape (k, j, i).
            spacing_kji_mm: spacing of the voxels.
            breathing: share of the breathing motion that each slice follows, 0 to 1, shape (k,).
            random: draws the noise.

        Returns:
            SUV, at least 0, float32. The noise has a variance proportional to the local uptake, as counts have, and is
            correlated over neighbouring voxels, as in a reconstructed image.
        """
        spacing = np.asarray(spacing_kji_mm)
        image = gaussian_filter(activity, self.resolution_mm * FWHM_TO_SIGMA / spacing, truncate=3.0)
        self._breathe(image, spacing[0], breathing)
        sigma = np.sqrt(np.maximum(image, 0.03) * REFERENCE_SUV) * np.float32(self.noise)
        image += sigma * self._grain(image.shape, spacing, random)
        return np.maximum(image, 0.0, out=image)

    def _breathe(self, image: NDArray[np.float32], spacing_mm: float, breathing: NDArray[np.float32]) -> None:
        moving = np.flatnonzero(breathing > 0)
        if not moving.size:
            return
        part = slice(int(moving[0]), int(moving[-1]) + 1)
        moved = gaussian_filter1d(image[part], self.breathing_mm / spacing_mm, axis=0, truncate=3.0, mode="nearest")
        weight = breathing[part, None, None]
        image[part] += weight * (moved - image[part])

    def _grain(
        self, shape: tuple[int, ...], spacing: NDArray[np.float64], random: np.random.Generator
    ) -> NDArray[np.float32]:
        white = random.standard_normal(shape, dtype=np.float32)
        grain = gaussian_filter(white, self.grain_mm * FWHM_TO_SIGMA / spacing, truncate=2.5)
        grain /= np.float32(grain[:: max(1, shape[0] // 16)].std())
        return grain
