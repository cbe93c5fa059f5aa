"""Simulated bodies that differ far more than patients of one clinic do, with several lesions or none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from CAMLocalizerLib.core import Grid, LabelMap, Volume

from .anatomy import Painter, paint_body
from .canvas import Canvas
from .case import blank_body, breathing
from .lesions import reactive_nodes
from .scanner import Scanner
from .scattered import scatter_lesions
from .uptake import draw_varied_uptake
from .varied_uptake import paint_varied_uptake

VOXEL_MM = 4.0
WITHOUT_LESION, MOST_LESIONS = 0.25, 14
HEAD_MM, BRAIN_SUV = 150.0, 3.0  # no lesion is put where the brain is hot
CUT_SHARE, LOCAL_SHARE = 0.4, 0.2
FROM_THE_EYES, EYES_MM = 0.5, (40.0, 170.0)  # share of bodies that are scanned from there on, below the top of the head
FEWEST_SLICES = 40
# Of each axis: how fast the scale changes along it, in mm, and by how much.
AXES = (("left_mm", 120.0, 0.10), ("back_mm", 100.0, 0.12), ("down_mm", 160.0, 0.18))


@dataclass(frozen=True, eq=False)
class SimulatedBody:
    """A body whose lesions are known.

    Args:
        volume: SUV (body weight), isotropic, axis i to the left, j to posterior, k to superior.
        lesions: number of the lesion in voxels of which at least half is one, 0 elsewhere.
    """

    volume: Volume
    lesions: LabelMap


def simulate_body(seed: int, *, whole: bool = False) -> SimulatedBody:
    """Simulate a body.

    Uptake of organs has wide ranges (heart 1 to 20, bladder 2 to 70, urine 2 to 40), sizes change along the axes, arms
    are up or down, the scanner's resolution is 5 to 9 mm and its noise 4 to 20 %, the scale of the SUV is off by 12 %.
    A quarter has no lesion, the others have up to 14. Half of the fields of view begin at the eyes, as is usual, of
    the others some are cut at top and bottom; a fifth shows a small part of the body only.

    Args:
        seed: the same seed gives the same body; at least 0.
        whole: leave the field of view uncut.
    """
    random = np.random.default_rng([seed, 20261])
    grid, canvas = blank_body(random, (VOXEL_MM,) * 3)
    _vary_axes(random, canvas)
    painter = Painter(canvas, draw_varied_uptake(random), random)
    paint_body(painter)
    paint_varied_uptake(painter)
    reactive_nodes(painter)
    activity = canvas.array_kji
    brain = (canvas.down_mm < HEAD_MM)[:, None, None] & (activity > BRAIN_SUV)
    allowed = ndimage.binary_erosion(activity > 0.2, iterations=2) & ~brain
    count = 0 if random.random() < WITHOUT_LESION else int(min(MOST_LESIONS, random.geometric(0.3)))
    lesions = scatter_lesions(random, activity, allowed, count, VOXEL_MM)
    activity += lesions.share * (lesions.uptake - activity)
    scanner = Scanner(random.uniform(5, 9), random.uniform(2, 6), random.uniform(0.04, 0.2), random.uniform(5, 8))
    scan = scanner.scan(activity, (VOXEL_MM,) * 3, breathing(canvas.down_mm), random)
    scan *= np.float32(np.exp(random.normal(0, 0.12)))
    part = (slice(None),) * 3 if whole else _field(random, scan, lesions.numbers)
    origin = grid.to_lps([axis.indices(size)[0] for axis, size in zip(part[::-1], grid.size, strict=True)])
    shown = Grid(scan[part].shape[::-1], grid.spacing_mm, tuple(origin), grid.direction)
    volume = Volume(np.ascontiguousarray(scan[part]), shown, name=f"simulated-body-{seed}", unit="SUVbw")
    names = tuple(f"lesion {number}" for number in range(1, max(1, int(lesions.numbers.max())) + 1))
    return SimulatedBody(volume, LabelMap(np.ascontiguousarray(lesions.numbers[part]), shown, names))


def _vary_axes(random: np.random.Generator, canvas: Canvas) -> None:
    """Stretch and compress the body along its axes, smoothly and by chance."""
    for name, wave_mm, amount in AXES:
        axis = getattr(canvas, name).astype(np.float64)
        step = float(np.abs(np.diff(axis)).mean())
        waves = ndimage.gaussian_filter1d(random.standard_normal(len(axis)), wave_mm / 4 / step, mode="nearest")
        scale = np.exp(amount * waves / max(float(waves.std()), 1e-6))
        places = np.concatenate([[0.0], np.cumsum(np.diff(axis) * (scale[1:] + scale[:-1]) / 2)])
        middle = len(axis) // 2
        setattr(canvas, name, (places - places[middle] + axis[middle]).astype(np.float32))


def _field(
    random: np.random.Generator, scan: NDArray[np.float32], numbers: NDArray[np.uint8]
) -> tuple[slice, slice, slice]:
    """Draw the field of view: cut at top and bottom in half of the bodies, in a fifth a box around some place."""
    slices = len(scan)
    start, stop = 0, slices
    if random.random() < FROM_THE_EYES:
        stop = slices - int(random.uniform(*EYES_MM) / VOXEL_MM)
    elif random.random() < CUT_SHARE:
        low, high = np.sort(random.uniform(0, 1, 2))
        start, stop = int(0.6 * low * slices), int(slices - 0.6 * (1 - high) * slices)
    if stop - start < FEWEST_SLICES:
        start, stop = 0, slices
    field = (slice(start, stop), slice(0, scan.shape[1]), slice(0, scan.shape[2]))
    if random.random() >= LOCAL_SHARE:
        return field
    shown = numbers[field] > 0
    places = np.argwhere(shown if shown.any() and random.random() < 0.7 else scan[field] > 0.3)
    if not len(places):
        return field
    centre = places[random.integers(len(places))] + (start, 0, 0)
    reach = random.integers(14, 34, 3)
    k, j, i = (
        slice(max(outer.start, int(place - size)), min(outer.stop, int(place + size)))
        for outer, place, size in zip(field, centre, reach, strict=True)
    )
    return k, j, i
