"""Grid: the position of an array's voxels in patient space."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import GridError

ORTHOGONALITY_TOLERANCE = 1e-4
GEOMETRY_TOLERANCE_MM = 1e-3


@dataclass(frozen=True, eq=False)
class Grid:
    """An orthogonal voxel grid in patient space (LPS, millimetres).

    Args:
        size: number of voxels along i, j, k.
        spacing_mm: distance between neighbouring voxel centres along i, j, k; positive.
        origin_mm: LPS position of the centre of voxel (0, 0, 0).
        direction: 3x3 matrix whose columns are the unit LPS directions of i, j, k. Rotations and reflections
            are allowed, shear is not.

    Raises:
        GridError: a size below 1, a spacing that is not positive, a value that is not finite, or columns of
            ``direction`` that are not orthogonal unit vectors (deviation above 1e-4).
    """

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name, kind in (("size", int), ("spacing_mm", float), ("origin_mm", float)):
            values = tuple(kind(value) for value in getattr(self, name))
            if len(values) != 3:
                raise GridError(f"{name} must have three values, got {values}")
            object.__setattr__(self, name, values)
        direction = np.array(self.direction, dtype=np.float64)
        direction.setflags(write=False)
        object.__setattr__(self, "direction", direction)
        self._check()

    def _check(self) -> None:
        if min(self.size) < 1:
            raise GridError(f"size must be at least 1 voxel along each axis, got {self.size}")
        if not np.all(np.isfinite(self.spacing_mm)) or min(self.spacing_mm) <= 0:
            raise GridError(f"spacing must be positive, got {self.spacing_mm} mm")
        if not np.all(np.isfinite(self.origin_mm)):
            raise GridError(f"origin must be finite, got {self.origin_mm} mm")
        if self.direction.shape != (3, 3) or not np.all(np.isfinite(self.direction)):
            raise GridError(f"direction must be a finite 3x3 matrix, got {self.direction.tolist()}")
        deviation = np.abs(self.direction.T @ self.direction - np.eye(3)).max()
        if deviation > ORTHOGONALITY_TOLERANCE:
            raise GridError(
                f"direction must have orthogonal unit columns, got {self.direction.round(5).tolist()}: "
                "the volume is sheared or its header is damaged; resample it to an orthogonal grid first"
            )

    @classmethod
    def from_matrix(cls, ijk_to_lps: ArrayLike, size: tuple[int, int, int]) -> Grid:
        """Create a grid from the 4x4 matrix that maps voxel indices to LPS millimetres.

        Raises:
            GridError: a zero column (no spacing) or a sheared matrix.
        """
        matrix = np.asarray(ijk_to_lps, dtype=np.float64)
        spacing = np.linalg.norm(matrix[:3, :3], axis=0)
        if not np.all(np.isfinite(spacing)) or spacing.min() <= 0:
            raise GridError(f"spacing must be positive, got {tuple(spacing.tolist())} mm")
        return cls(size, tuple(spacing), tuple(matrix[:3, 3]), matrix[:3, :3] / spacing)

    @property
    def shape_kji(self) -> tuple[int, int, int]:
        """Shape of a numpy array on this grid."""
        return self.size[::-1]

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel in cubic millimetres."""
        return float(np.prod(self.spacing_mm))

    @cached_property
    def ijk_to_lps(self) -> NDArray[np.float64]:
        """4x4 matrix from voxel indices to LPS millimetres; voxel centres have integer indices."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.direction * self.spacing_mm
        matrix[:3, 3] = self.origin_mm
        matrix.setflags(write=False)
        return matrix

    @cached_property
    def lps_to_ijk(self) -> NDArray[np.float64]:
        """Inverse of :attr:`ijk_to_lps`."""
        matrix: NDArray[np.float64] = np.linalg.inv(self.ijk_to_lps).astype(np.float64)
        matrix.setflags(write=False)
        return matrix

    def to_lps(self, ijk: ArrayLike) -> NDArray[np.float64]:
        """Convert voxel indices, shape (..., 3), possibly fractional, to LPS positions in mm."""
        return _transformed(self.ijk_to_lps, ijk)

    def to_ijk(self, lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Convert LPS positions in mm, shape (..., 3), to fractional voxel indices."""
        return _transformed(self.lps_to_ijk, lps_mm)

    def matches(self, other: Grid, tolerance_mm: float = GEOMETRY_TOLERANCE_MM) -> bool:
        """Return whether both grids have the same size and corner voxels within ``tolerance_mm`` of each other."""
        if self.size != other.size:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.size])).reshape(3, -1).T
        return bool(np.abs(self.to_lps(corners) - other.to_lps(corners)).max() <= tolerance_mm)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and self.size == other.size and np.array_equal(self.ijk_to_lps, other.ijk_to_lps)

    def __hash__(self) -> int:
        return hash((self.size, self.ijk_to_lps.tobytes()))


def _transformed(matrix: NDArray[np.float64], points: ArrayLike) -> NDArray[np.float64]:
    moved: NDArray[np.float64] = np.asarray(points, dtype=np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    return moved
