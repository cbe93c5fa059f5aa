"""Storage axes of a volume along the columns, rows and slices of an anatomical plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, SettingsError
from ..option_names import PLANES

TIE_TOLERANCE = 1e-3

# Anatomical axis (0: left, 1: posterior, 2: superior) and sign of increasing columns, rows and slices.
_DISPLAY = {
    "axial": ((0, 1), (1, 1), (2, 1)),
    "coronal": ((0, 1), (2, -1), (1, 1)),
    "sagittal": ((1, 1), (2, -1), (0, 1)),
}


@dataclass(frozen=True)
class PlaneAxes:
    """Storage axes of a grid in display order.

    Args:
        axes: storage axis (0: i, 1: j, 2: k) of the columns, rows and slices.
        signs: 1 if storage index and display index increase together, -1 if they are opposite.
    """

    axes: tuple[int, int, int]
    signs: tuple[int, int, int]

    @property
    def slice_axis_kji(self) -> int:
        """Axis of an ``array_kji`` along the slices."""
        return 2 - self.axes[2]

    def as_slices(self, array_kji: NDArray) -> NDArray:
        """Return a view (slices, rows, columns): slices in display order, rows and columns in storage order."""
        columns, rows, slices = (2 - axis for axis in self.axes)
        view = array_kji.transpose(slices, rows, columns)  # (slices, rows, columns)
        return view[:: self.signs[2]]

    def pixel_at(self, grid: Grid, lps_mm: Sequence[float]) -> tuple[float, float]:
        """Return the column and the row at which an LPS position in mm is displayed."""
        ijk = grid.to_ijk(lps_mm)
        column, row = (
            float(ijk[axis]) if sign > 0 else grid.size[axis] - 1 - float(ijk[axis])
            for axis, sign in zip(self.axes[:2], self.signs[:2], strict=True)
        )
        return column, row

    def per_slice(self, values: NDArray) -> NDArray:
        """Reshape one value per slice, in display order, to broadcast against an ``array_kji``."""
        shape = [1, 1, 1]
        shape[self.slice_axis_kji] = -1
        return values[:: self.signs[2]].reshape(shape)


def check_plane(plane: str) -> None:
    """Check the name of an anatomical plane.

    Raises:
        SettingsError: ``plane`` is not one of :data:`PLANES`.
    """
    if plane not in PLANES:
        raise SettingsError(f"view must be one of {', '.join(PLANES)}, got {plane!r}")


def anatomical_axes(grid: Grid) -> tuple[int, int, int]:
    """Return the storage axes nearest to left-right, anterior-posterior and inferior-superior.

    Each storage axis is used once; the assignment has the largest sum of cosines.
    """
    cosines = np.abs(grid.direction)
    first, second, third = max(permutations(range(3)), key=lambda axes: cosines[range(3), axes].sum())
    return first, second, third


def plane_axes(grid: Grid, plane: str) -> PlaneAxes:
    """Find the storage axes of the columns, rows and slices of an anatomical plane.

    Args:
        grid: grid of the volume, possibly oblique, flipped or permuted.
        plane: ``axial`` (columns to the left, rows to posterior, slices to superior), ``coronal`` (left, inferior,
            posterior) or ``sagittal`` (posterior, inferior, left).

    Returns:
        The axes nearest to the anatomical ones; there is no oblique resampling.

    Raises:
        SettingsError: ``plane`` is not one of :data:`PLANES`.
    """
    check_plane(plane)
    nearest = anatomical_axes(grid)
    axes = [nearest[anatomical] for anatomical, _ in _DISPLAY[plane]]
    signs = [sense if grid.direction[a, nearest[a]] >= 0 else -sense for a, sense in _DISPLAY[plane]]
    return PlaneAxes((axes[0], axes[1], axes[2]), (signs[0], signs[1], signs[2]))


def acquisition_plane(grid: Grid) -> str:
    """Return the plane with the finest in-plane spacing, in which the volume was most likely acquired.

    The slice axis is an axis of one voxel if there is one (a single 2D image), otherwise the axis with the largest
    spacing. If several axes qualify, as in isotropic volumes, it is the last of them in storage order.
    """
    single = [axis for axis in range(3) if grid.size[axis] == 1]
    largest = max(grid.spacing_mm) * (1 - TIE_TOLERANCE)
    thick = [axis for axis in range(3) if grid.spacing_mm[axis] >= largest]
    through = (single or thick)[-1]
    anatomical = anatomical_axes(grid).index(through)
    return next(plane for plane in PLANES if _DISPLAY[plane][2][0] == anatomical)
