"""Measures of the components of a label map: size, position, intensities and peak activation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..core import MM3_PER_ML, Grid, GridError, LabelMap, SuvMeasures, Volume, is_suv, label_components
from .suv_meter import SuvMeter

FEW_POINTS = 500  # up to here all pairs of them are compared


@dataclass(frozen=True)
class ComponentMeasures:
    """Measures of one component.

    Args:
        label: 1 for the largest component, then in descending order of volume; 0 for all components together.
        voxels: number of voxels.
        volume_mm3: volume in cubic millimetres.
        centre_lps_mm: unweighted centre of the voxels, LPS in mm.
        longest_diameter_mm: largest distance between two voxel centres (Feret diameter) in mm; 0 for a single voxel.
        surface_mm2: surface area in square millimetres, estimated with Crofton's formula.
        mean: mean intensity, in ``unit``.
        sd: standard deviation of the intensities, with n - 1; 0 for a single voxel.
        minimum: lowest intensity.
        maximum: highest intensity.
        median: median intensity.
        unit: unit of the volume's intensities; empty if arbitrary.
        peak_activation: highest activation, 0 to 1; None without activation.
        peak_lps_mm: position of the peak (the first one in storage order), LPS in mm; None without activation.
        suv: PET measures; None unless the volume is a PET in SUV.
    """

    label: int
    voxels: int
    volume_mm3: float
    centre_lps_mm: tuple[float, float, float]
    longest_diameter_mm: float
    surface_mm2: float
    mean: float
    sd: float
    minimum: float
    maximum: float
    median: float
    unit: str
    peak_activation: float | None
    peak_lps_mm: tuple[float, float, float] | None
    suv: SuvMeasures | None = None

    @property
    def volume_ml(self) -> float:
        """Volume in millilitres."""
        return self.volume_mm3 / MM3_PER_ML


def measure_components(
    label_map: LabelMap, volume: Volume, activation: NDArray[np.float32] | None = None
) -> tuple[ComponentMeasures, ...]:
    """Measure every component (26 neighbours) of all labelled voxels, largest first.

    Args:
        label_map: label map on the volume's grid.
        volume: volume to measure.
        activation: activation for the peaks, shape of the volume.

    Returns:
        The measures, components of equal volume in storage order; empty for an empty label map.

    Raises:
        GridError: the label map is not on the volume's grid, or the activation has another shape.
    """
    _check(label_map, volume, activation)
    found, count = label_components(label_map.array_kji != 0)
    sizes = np.bincount(found.ravel(), minlength=count + 1)[1:]
    rank = np.zeros(count + 1, dtype=found.dtype)
    rank[np.argsort(-sizes, kind="stable") + 1] = np.arange(1, count + 1)
    return tuple(_measured(rank[found], volume, activation))


def measure_union(
    label_map: LabelMap, volume: Volume, activation: NDArray[np.float32] | None = None
) -> ComponentMeasures | None:
    """Measure all labelled voxels together.

    Args:
        label_map: label map on the volume's grid.
        volume: volume to measure.
        activation: activation for the peak, shape of the volume.

    Returns:
        The measures with label 0; None for an empty label map.

    Raises:
        GridError: the label map is not on the volume's grid, or the activation has another shape.
    """
    _check(label_map, volume, activation)
    every = (label_map.array_kji != 0).astype(np.int32)
    return next(_measured(every, volume, activation, first=0), None)


def measure_segments(
    label_map: LabelMap, volume: Volume, activation: NDArray[np.float32] | None = None
) -> tuple[ComponentMeasures, ...]:
    """Measure each segment, connected or not.

    Args:
        label_map: label map on the volume's grid.
        volume: volume to measure.
        activation: activation for the peaks, shape of the volume.

    Returns:
        The measures of non-empty segments, with their labels in the label map.

    Raises:
        GridError: the label map is not on the volume's grid, or the activation has another shape.
    """
    _check(label_map, volume, activation)
    return tuple(_measured(label_map.array_kji.astype(np.int32), volume, activation))


def _check(label_map: LabelMap, volume: Volume, activation: NDArray | None) -> None:
    if not label_map.grid.matches(volume.grid):
        raise GridError(f"the label map is not on the grid of {volume.name}; measure it on its own volume")
    if activation is not None and activation.shape != volume.grid.shape_kji:
        raise GridError(f"activation has shape {activation.shape}, the volume {volume.grid.shape_kji}")


def _measured(
    labels: NDArray[np.int32], volume: Volume, activation: NDArray[np.float32] | None, first: int = 1
) -> Iterator[ComponentMeasures]:
    boxes = ndimage.find_objects(labels)
    surfaces = _surfaces_mm2(labels, volume.grid)
    meter = SuvMeter(volume) if is_suv(volume) else None
    for label, box in enumerate(boxes, start=1):
        if box is None:
            continue
        inside = labels[box] == label
        start = np.array([axis.start for axis in box])
        kji = np.argwhere(inside) + start
        values = volume.array_kji[box][inside].astype(np.float64)
        peak = None if activation is None else activation[box][inside]
        flat = np.ravel_multi_index(tuple(kji.T), volume.grid.shape_kji)
        yield ComponentMeasures(
            label=label - 1 + first,
            voxels=len(kji),
            volume_mm3=len(kji) * volume.grid.voxel_volume_mm3,
            centre_lps_mm=_lps(volume.grid, kji.mean(axis=0)),
            longest_diameter_mm=_longest_diameter_mm(_row_ends(inside) + start, volume.grid),
            surface_mm2=surfaces[label],
            mean=float(values.mean()),
            sd=float(values.std(ddof=1)) if len(values) > 1 else 0.0,
            minimum=float(values.min()),
            maximum=float(values.max()),
            median=float(np.median(values)),
            unit=volume.unit,
            peak_activation=None if peak is None else float(peak.max()),
            peak_lps_mm=None if peak is None else _lps(volume.grid, kji[int(peak.argmax())]),
            suv=None if meter is None else meter.lesions(flat, np.zeros(len(flat), np.intp), 1)[0],
        )


def _lps(grid: Grid, kji: NDArray) -> tuple[float, float, float]:
    x, y, z = grid.to_lps(kji[::-1]).tolist()
    return x, y, z


def _row_ends(inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the first and last voxel of each row along i, shape (n, 3) as k, j, i; the farthest pair is among them."""
    rows = np.argwhere(inside.any(axis=2))
    used = inside[rows[:, 0], rows[:, 1]]
    last = inside.shape[2] - 1 - used[:, ::-1].argmax(axis=1)
    ends = np.concatenate([used.argmax(axis=1), last])
    return np.concatenate([np.tile(rows, (2, 1)), ends[:, None]], axis=1)


def _longest_diameter_mm(kji: NDArray[np.int64], grid: Grid) -> float:
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist

    points = np.unique(kji, axis=0)[:, ::-1] * np.array(grid.spacing_mm)
    if len(points) == 1:
        return 0.0
    if len(points) > FEW_POINTS:
        points = points[ConvexHull(points, qhull_options="QJ").vertices]  # QJ: joggled, as flat ones have no hull
    return float(pdist(points).max())


def _surfaces_mm2(labels: NDArray[np.int32], grid: Grid) -> dict[int, float]:
    """Return the surface area of each label.

    Source:
        ITK, LabelShapeStatisticsImageFilter (Crofton's formula, after Lehmann and Legland).
    """
    import SimpleITK

    box = next(iter(ndimage.find_objects((labels > 0).astype(np.uint8))), None)
    if box is None:
        return {}
    padded = np.pad(labels[box], 1)  # components at the border have a surface there too
    image = SimpleITK.GetImageFromArray(padded)
    image.SetSpacing(grid.spacing_mm)
    shape = SimpleITK.LabelShapeStatisticsImageFilter()
    shape.ComputePerimeterOn()
    shape.Execute(image)
    return {int(label): float(shape.GetPerimeter(label)) for label in shape.GetLabels()}
