"""Volume: a scalar image and its grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .arrays import read_only
from .errors import GridError, InputError
from .grid import Grid
from .nifti_matrices import NiftiMatrices


@dataclass(frozen=True, eq=False)
class Volume:
    """A scalar 3D image in patient space. A single 2D image is a volume of one slice.

    Args:
        array_kji: intensities, shape ``grid.shape_kji``; kept as read-only float32.
        grid: position of the voxels in patient space.
        name: name of the volume in messages and results; never a patient's name.
        unit: unit of the intensities (``"SUVbw"``, ``"HU"``), empty if arbitrary.
        notes: assumptions made when the volume was read, one sentence each.
        matrices: matrices of the source NIfTI file, to be written into results; None for other formats.
        inverted: whether low intensities are displayed bright, as in DICOM's MONOCHROME1.

    Raises:
        GridError: the array's shape differs from the grid's.
        InputError: NaN or infinite voxels, or a constant volume.
    """

    array_kji: NDArray[np.float32]
    grid: Grid
    name: str = "volume"
    unit: str = ""
    notes: tuple[str, ...] = ()
    matrices: NiftiMatrices | None = None
    inverted: bool = False

    def __post_init__(self) -> None:
        array = read_only(self.array_kji, np.float32)
        object.__setattr__(self, "array_kji", array)
        if array.shape != self.grid.shape_kji:
            raise GridError(f"{self.name}: array has shape {array.shape}, its grid expects {self.grid.shape_kji}")
        low, high = float(array.min()), float(array.max())  # NaN and infinity reach the extremes
        if not (np.isfinite(low) and np.isfinite(high)):
            bad = int(array.size - np.isfinite(array).sum())
            raise InputError(f"{self.name}: {bad} of {array.size} voxels are NaN or infinite; replace them first")
        if low == high:
            raise InputError(f"{self.name}: every voxel is {low:g}; give an image that is not constant")

    def displayed(self) -> Volume:
        """Return the volume with displayed intensities: unchanged, or mirrored within their range if inverted.

        Viewers and networks use these intensities. Measures use the original ones.

        Source: DICOM PS3.3 C.7.6.3.1.2.
        """
        if not self.inverted:
            return self
        mirrored = self.array_kji.min() + self.array_kji.max() - self.array_kji
        return replace(self, array_kji=mirrored, inverted=False)
