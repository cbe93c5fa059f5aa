"""Uptake: the tumour's voxels where an activation points at them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError, LabelMap, SettingsError, label_components
from .components import filter_components
from .threshold import Threshold, apply_threshold
from .uptake_border import UptakeBorder
from .voxel_runs import Box, Runs

UPTAKE_BORDER = "41%"
MARGIN_MM = 16.0


def label_map_from_uptake(
    activation: NDArray[np.float32],
    uptake: NDArray[np.float32],
    grid: Grid,
    threshold: Threshold | str | float,
    *,
    border: UptakeBorder | str = UPTAKE_BORDER,
    reference_suv: float | None = None,
    margin_mm: float = MARGIN_MM,
    min_volume_ml: float = 0.0,
    keep_largest: int | None = None,
    segment_name: str = "Tumour",
) -> LabelMap:
    """Restrict an activation to uptake and keep the connected regions that are large enough.

    Args:
        activation: evidence in 0..1, shape ``grid.shape_kji``.
        uptake: SUV, the same shape.
        grid: where the voxels lie.
        threshold: rule for the activation or its text: ``"0.4"``, ``"200/255"``, ``"q95"``, ``"otsu"``.
        border: as for :func:`uptake_regions`.
        reference_suv: as for :func:`uptake_regions`.
        margin_mm: as for :func:`uptake_regions`.
        min_volume_ml: regions below this volume in millilitres are left out; at least 0.
        keep_largest: number of regions to keep, at least 1; None for all.
        segment_name: name of label 1.

    Returns:
        Label map on ``grid``; empty where the activation is zero everywhere.

    Raises:
        GridError: a shape that is not the grid's.
        SettingsError: a setting out of range.
    """
    regions = apply_threshold(activation, threshold)
    mask = uptake_regions(
        regions,
        activation,
        uptake,
        grid.spacing_mm[::-1],
        border=border,
        reference_suv=reference_suv,
        margin_mm=margin_mm,
    )
    kept = filter_components(mask, grid, min_volume_ml, keep_largest)
    return LabelMap(kept.view(np.uint8), grid, (segment_name,))


def uptake_regions(
    regions: NDArray[np.bool_],
    activation: NDArray[np.float32],
    uptake: NDArray[np.float32],
    spacing_kji_mm: tuple[float, float, float],
    *,
    border: UptakeBorder | str = UPTAKE_BORDER,
    reference_suv: float | None = None,
    margin_mm: float = MARGIN_MM,
) -> NDArray[np.bool_]:
    r"""Find in every connected region of high activation the voxels around its hottest spot.

    With A the activation and U the uptake, each connected region R (26 neighbours) gives one seed s and the place p of
    the local maximum on the slope of which it lies, and the label L is what is connected with p at the uptake b that
    the border asks for, no further than a margin m beyond R:

    .. math::
        s = \arg\max_{v \in R} A(v)\,U(v), \qquad
        p = \arg\max U(\mathrm{connected}_s \{v \in R : U(v) \ge U(s)\}), \qquad
        L = \mathrm{connected}_p \{v : d(v, R) \le m,\; U(v) \ge b(U(p))\}

    The seed is weighed by the activation because a map of cells of 32 mm spills over into organs beside the tumour:
    heart or bladder at the edge of R must not outbid a tumour in its middle. What is not connected with its maximum is
    left out, for the same reason. The margin is half such a cell, the accuracy of the map's border: a tumour that
    crosses it is kept whole, and uptake of an adjoining organ ends there.

    Args:
        regions: where the activation is high, shape (k, j, i).
        activation: evidence, at least 0, the same shape.
        uptake: SUV, the same shape.
        spacing_kji_mm: distance of neighbouring voxels along k, j and i.
        border: rule for the lowest uptake of a label, or its text.
        reference_suv: what the border compares with, see :meth:`UptakeBorder.lowest`.
        margin_mm: how far the label may reach beyond its region; at least 0.

    Returns:
        A new mask, bool, the same shape; regions without positive uptake give nothing.

    Raises:
        GridError: shapes that differ.
        SettingsError: a border that is not understood or lacks its reference, or a margin out of range.

    Source:
        Amyar et al., Weakly supervised tumor detection in PET using class response, 2020: maps of two projections
        locate the tumour in 3D; how the volume is outlined there is left open. 41 % of the maximum: Boellaard et
        al., EANM procedure guidelines for tumour PET imaging 2.0, Eur J Nucl Med Mol Imaging 42:328-354, 2015.
    """
    if not regions.shape == activation.shape == uptake.shape:
        raise GridError(f"shapes differ: regions {regions.shape}, activation {activation.shape}, uptake {uptake.shape}")
    rule = UptakeBorder.parse(border)
    rule.lowest(np.zeros(1, np.float32), reference_suv)  # says at once what is missing
    if not (np.isfinite(margin_mm) and margin_mm >= 0):
        raise SettingsError(f"margin around regions must be at least 0 mm, got {margin_mm}")
    reach = [int(margin_mm / spacing) for spacing in spacing_kji_mm]
    result = np.zeros(regions.shape, dtype=bool)
    for box, first in Runs.of(regions).boxes():
        part = _widened(box, reach)
        region = _connected(regions[part], tuple(index - line.start for index, line in zip(first, part, strict=True)))
        result[part] |= _around_seed(
            region, activation[part], uptake[part], spacing_kji_mm, rule, reference_suv, margin_mm
        )
    return result


def _around_seed(
    region: NDArray[np.bool_],
    activation: NDArray[np.float32],
    uptake: NDArray[np.float32],
    spacing_kji_mm: tuple[float, float, float],
    border: UptakeBorder,
    reference_suv: float | None,
    margin_mm: float,
) -> NDArray[np.bool_]:
    evidence = np.where(region, activation * uptake, -np.inf)
    seed = np.unravel_index(int(evidence.argmax()), region.shape)
    if uptake[seed] <= 0:
        return np.zeros_like(region)
    slope = _connected(region & (uptake >= uptake[seed]), seed)
    top = np.unravel_index(int(np.where(slope, uptake, -np.inf).argmax()), region.shape)
    hot = _connected(uptake >= min(border.lowest(uptake[top], reference_suv), uptake[top]), top)
    return _connected(hot & _near(region, hot, spacing_kji_mm, margin_mm), top)


def _near(
    region: NDArray[np.bool_], wanted: NDArray[np.bool_], spacing_kji_mm: tuple[float, float, float], margin_mm: float
) -> NDArray[np.bool_]:
    """Tell which voxels lie within the margin of the region; measured only around those wanted."""
    from scipy import ndimage  # only here: it takes long to import

    part = _widened(ndimage.find_objects(wanted.view(np.uint8))[0], [int(margin_mm / step) for step in spacing_kji_mm])
    near = np.zeros_like(region)
    near[part] = ndimage.distance_transform_edt(~region[part], sampling=spacing_kji_mm) <= margin_mm
    return near


def _widened(box: Box, by: list[int]) -> Box:
    k, j, i = (slice(max(0, line.start - n), line.stop + n) for line, n in zip(box, by, strict=True))
    return k, j, i


def _connected(mask: NDArray[np.bool_], seed: tuple[int | np.intp, ...]) -> NDArray[np.bool_]:
    labels, _ = label_components(mask)
    connected: NDArray[np.bool_] = labels == labels[seed]
    return connected
