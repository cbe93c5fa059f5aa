"""Simulated patients: a whole body from the top of the head to mid-thigh, with one tumour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import Grid, InputError, LabelMap, Volume

from .anatomy import BOTTOM_MM, Painter, paint_body
from .canvas import Canvas, Point
from .lesions import centroid, lung_lesion, oesophageal_lesion, reactive_nodes
from .scanner import Scanner
from .uptake import draw_uptake

CLASSES = ("lung cancer", "oesophageal cancer")
SPACING_MM = (4.06, 4.06, 2.0)  # the published system's scanner
FIELD_MM = (512.0, 340.0, 1088.0)
DIAPHRAGM_MM, BREATHING_REACH_MM = 530.0, 130.0
CROP_MARGIN_MM = (40.0, 260.0)


@dataclass(frozen=True, eq=False)
class SimulatedCase:
    """A patient whose tumour is known.

    Args:
        volume: SUV (body weight).
        truth: the tumour, voxels of which at least half is tumour before the scanner blurs it.
        centre_lps_mm: the tumour's centre of mass, which the point loss is given.
        label: index into `CLASSES`.
    """

    volume: Volume
    truth: LabelMap
    centre_lps_mm: tuple[float, float, float]
    label: int


def simulate(
    seed: int,
    label: int | None = None,
    *,
    spacing_mm: Sequence[float] = SPACING_MM,
    volume_ml: float | None = None,
) -> SimulatedCase:
    """Simulate a patient.

    The body lies on its back and is asymmetric as bodies are: liver right, heart, spleen and stomach left, so that an
    image shown the wrong way round is recognised.

    Args:
        seed: the same seed gives the same patient on every machine with the same versions; at least 0.
        label: 0 lung, 1 oesophagus; drawn from the seed if not given.
        spacing_mm: spacing along i, j, k. Coarse ones make tests quick.
        volume_ml: about how large the tumour is, above 0; drawn from the seed if not given. The same seed with several
            volumes is one patient whose tumour grows.

    Returns:
        The patient; axis i points left, j to the back, k to the head.

    Raises:
        InputError: another label, or a volume that is not above 0.
    """
    if volume_ml is not None and not volume_ml > 0:
        raise InputError(f"volume of a simulated tumour must be above 0 ml, got {volume_ml}")
    if label not in (None, *range(len(CLASSES))):
        raise InputError(f"label of a simulated patient must be 0 or 1 ({', '.join(CLASSES)}), got {label}")
    random = np.random.default_rng([seed, 20211])
    chosen = int(random.integers(2)) if label is None else label
    grid, canvas = blank_body(random, spacing_mm)
    painter = Painter(canvas, draw_uptake(random), random)
    paint_body(painter)
    reactive_nodes(painter)
    lesion = (lung_lesion, oesophageal_lesion)[chosen](painter, volume_ml)
    mask = lesion.mask(grid.shape_kji)
    spacing = (grid.spacing_mm[2], grid.spacing_mm[1], grid.spacing_mm[0])
    image = Scanner.drawn(random).scan(canvas.array_kji, spacing, breathing(canvas.down_mm), random)
    name = f"simulated-{CLASSES[chosen].split()[0]}-{seed}"
    return SimulatedCase(
        Volume(image, grid, name=name, unit="SUVbw"),
        LabelMap(mask.astype(np.uint8), grid),
        _lps(canvas, grid, centroid(canvas, lesion)),
        chosen,
    )


def breathing(down_mm: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share of the breathing motion by level: all of it at the diaphragm, none at shoulders and pelvis."""
    share: NDArray[np.float32] = np.clip(1 - np.abs(down_mm - DIAPHRAGM_MM) / BREATHING_REACH_MM, 0, 1)
    return share.astype(np.float32)


def blank_body(random: np.random.Generator, spacing_mm: Sequence[float]) -> tuple[Grid, Canvas]:
    """Draw the sizes of a body, and give its grid and an empty canvas on it."""
    spacing = np.asarray(spacing_mm, dtype=float)
    size = np.round(np.asarray(FIELD_MM) / spacing).astype(int)
    scales = np.clip(random.normal(1, (0.06, 0.08, 0.04)), (0.86, 0.84, 0.9), (1.16, 1.2, 1.1))
    shift = random.normal(0, (6, 6, 12))
    bottom = min(FIELD_MM[2] - 30.0, BOTTOM_MM * scales[2] - 20) + shift[2]
    down_of_first = bottom / scales[2]
    first = -(size[:2] - 1) / 2 * spacing[:2]
    left, back = ((first[a] + np.arange(size[a]) * spacing[a] - shift[a]) / scales[a] for a in (0, 1))
    down = down_of_first - np.arange(size[2]) * spacing[2] / scales[2]
    origin = (float(first[0]), float(first[1]), float(-down_of_first * scales[2]))
    grid = Grid((int(size[0]), int(size[1]), int(size[2])), tuple(spacing), origin, np.eye(3))
    air = np.full(grid.shape_kji, 0.02, dtype=np.float32)
    return grid, Canvas(left.astype(np.float32), back.astype(np.float32), down.astype(np.float32), air)


def _lps(canvas: Canvas, grid: Grid, centre: Point) -> tuple[float, float, float]:
    left = np.interp(centre[0], canvas.left_mm, np.arange(grid.size[0]))
    back = np.interp(centre[1], canvas.back_mm, np.arange(grid.size[1]))
    down = np.interp(-centre[2], -canvas.down_mm, np.arange(grid.size[2]))
    x, y, z = grid.to_lps((left, back, down))
    return float(x), float(y), float(z)


def cropped_around_lesion(case: SimulatedCase, seed: int, *, in_plane: bool = False) -> SimulatedCase:
    """Cut a piece of the scan that holds the tumour, as scans of a trunk or around a lesion do.

    Args:
        case: the patient.
        seed: draws how much is kept beyond the tumour on each side, 40 to 260 mm.
        in_plane: crop to the sides and front and back too, not only head and feet.

    Returns:
        The same patient on the smaller grid.
    """
    random = np.random.default_rng([seed, 7717])
    grid, mask = case.volume.grid, case.truth.array_kji > 0
    where = []
    for axis in (2, 1, 0):  # (i, j, k)
        found = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        low, high = random.uniform(*CROP_MARGIN_MM, 2) / grid.spacing_mm[2 - axis]
        whole = axis != 0 and not in_plane
        size = mask.shape[axis]
        start = 0 if whole else max(0, int(found[0] - low))
        where.append(slice(start, size if whole else min(size, int(found[-1] + 1 + high))))
    part = (where[2], where[1], where[0])
    size = tuple(axis.stop - axis.start for axis in where)
    origin = tuple(grid.to_lps([axis.start for axis in where]))
    smaller = Grid(size, grid.spacing_mm, origin, grid.direction)
    volume = Volume(case.volume.array_kji[part], smaller, name=case.volume.name, unit=case.volume.unit)
    return SimulatedCase(volume, LabelMap(case.truth.array_kji[part], smaller), case.centre_lps_mm, case.label)
