"""SuvMeter: SUVmax, SUVmean, SUVpeak, MTV and TLG of lesions in one volume."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core import MM3_PER_ML, SettingsError, SuvMeasures, Volume, is_suv
from .suv_peak import SphereMeans


class SuvMeter:
    """Measures lesions of a PET; intermediate results of SUVpeak are cached for the next label map.

    Args:
        volume: PET in standardised uptake values by body weight.

    Raises:
        SettingsError: a volume in another unit or without a unit.
    """

    def __init__(self, volume: Volume) -> None:
        if not is_suv(volume):
            raise SettingsError(
                f"{volume.name}: uptake is measured in SUVbw, got {volume.unit or 'no unit'}; give a PET in SUVbw"
            )
        self._values = np.ascontiguousarray(volume.array_kji).reshape(-1)
        self._voxel_ml = volume.grid.voxel_volume_mm3 / MM3_PER_ML
        self._spheres = SphereMeans(volume)

    def lesions(self, voxels: NDArray[np.intp], lesion: NDArray[np.intp], count: int) -> tuple[SuvMeasures, ...]:
        """Measure several lesions.

        Args:
            voxels: flat indices of their voxels in storage order, shape (n,).
            lesion: index of the lesion of each voxel, from 0, shape (n,).
            count: number of lesions, each with at least one voxel.

        Returns:
            The measures of the lesions, in order.
        """
        values = self._values[voxels].astype(np.float64)
        number = np.bincount(lesion, minlength=count)
        means = np.bincount(lesion, weights=values, minlength=count) / number
        highest, peaks = np.full(count, -np.inf), np.full(count, -np.inf)
        np.maximum.at(highest, lesion, values)
        np.maximum.at(peaks, lesion, self._spheres.at(voxels))
        volumes_ml = number * self._voxel_ml
        rows = zip(highest.tolist(), means.tolist(), peaks.tolist(), volumes_ml.tolist(), strict=True)
        return tuple(
            SuvMeasures(most, mean, peak if np.isfinite(peak) else None, volume_ml, mean * volume_ml)
            for most, mean, peak, volume_ml in rows
        )

    def mask(self, mask_kji: NDArray) -> SuvMeasures:
        """Measure all non-zero voxels of a mask as one lesion; an empty mask has volumes of 0 and no uptake."""
        voxels = np.flatnonzero(mask_kji)
        found = self.lesions(voxels, np.zeros(len(voxels), np.intp), 1) if len(voxels) else ()
        return SuvMeasures.total(found)
