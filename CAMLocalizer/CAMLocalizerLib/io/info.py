"""describe: describe a volume without identifying the patient."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np

from ..core import Grid
from .image import prefix_path
from .names import case_name
from .reader import read_image, to_volume

TIE_TOLERANCE = 1e-3
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))
_PLANES = ("sagittal", "coronal", "axial")


@dataclass(frozen=True)
class VolumeInfo:
    """Description of a volume, as printed by ``camlocalizer info``.

    Args:
        name: case name.
        format: file format.
        size: voxels along i, j, k.
        spacing_mm: voxel distance along i, j, k.
        origin_mm: LPS position of the first voxel's centre.
        orientation: letters of the anatomical directions of increasing i, j and k, such as ``LPS``.
        oblique_deg: largest angle between a storage axis and its anatomical axis, degrees.
        acquisition_plane: plane of the finest in-plane spacing: ``axial``, ``coronal`` or ``sagittal``.
        intensity_range: lowest and highest intensity.
        percentiles: intensity at each of 1, 5, 25, 50, 75, 95 and 99 percent of the voxels.
        unit: unit of the intensities, empty if arbitrary.
        modality: DICOM modality, empty for other formats.
        notes: assumptions made when reading.
    """

    name: str
    format: str
    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    orientation: str
    oblique_deg: float
    acquisition_plane: str
    intensity_range: tuple[float, float]
    percentiles: dict[int, float]
    unit: str
    modality: str
    notes: tuple[str, ...]


def describe(path: str | Path, *, series: str | None = None) -> VolumeInfo:
    """Read a volume and describe it; arguments and errors as for :func:`read_volume`."""
    path = Path(path)
    raw, name = read_image(path, series=series), case_name(path)
    with prefix_path(path, name):
        volume = to_volume(raw, name, raw.unit)
    values = np.percentile(volume.array_kji, (0, *PERCENTILES, 100)).tolist()
    return VolumeInfo(
        name=name,
        format=raw.format,
        size=raw.grid.size,
        spacing_mm=raw.grid.spacing_mm,
        origin_mm=raw.grid.origin_mm,
        orientation=orientation_code(raw.grid),
        oblique_deg=_oblique_deg(raw.grid),
        acquisition_plane=_acquisition_plane(raw.grid),
        intensity_range=(values[0], values[-1]),
        percentiles=dict(zip(PERCENTILES, values[1:-1], strict=True)),
        unit=raw.unit,
        modality=raw.modality,
        notes=raw.notes,
    )


def orientation_code(grid: Grid) -> str:
    """Return the letters of the anatomical directions of increasing i, j and k; ``LPS`` for an identity direction."""
    return "".join(_LETTERS[axis][int(grid.direction[axis, k] > 0)] for k, axis in enumerate(_nearest_axes(grid)))


def _nearest_axes(grid: Grid) -> tuple[int, int, int]:
    """Return the anatomical axis of each storage axis: the permutation with the largest sum of cosines."""
    cosines = np.abs(grid.direction)
    first, second, third = max(permutations(range(3)), key=lambda axes: cosines[axes, range(3)].sum())
    return first, second, third


def _oblique_deg(grid: Grid) -> float:
    cosines = [abs(grid.direction[axis, k]) for k, axis in enumerate(_nearest_axes(grid))]
    return float(np.degrees(np.arccos(min(1.0, *cosines))))


def _acquisition_plane(grid: Grid) -> str:
    """Return the plane normal to an axis of one voxel, or else to the coarsest axis; the last one of several."""
    single = [axis for axis in range(3) if grid.size[axis] == 1]
    coarsest = max(grid.spacing_mm) * (1 - TIE_TOLERANCE)
    thick = [axis for axis in range(3) if grid.spacing_mm[axis] >= coarsest]
    return _PLANES[_nearest_axes(grid)[(single or thick)[-1]]]
