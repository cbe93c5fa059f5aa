"""The tumour of a simulated patient: a lobulated, uneven mass in a lung or along the oesophagus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from .anatomy import LUNG_CENTRES, LUNG_SEMI, OESOPHAGUS, Painter
from .canvas import Box, Canvas, Point

VOLUME_ML = (5.0, 60.0)
NECROSIS_FROM_ML = 20.0
GRAIN_MM = 7.0  # correlation length of the uneven uptake


@dataclass(frozen=True, eq=False)
class Lesion:
    """Where the tumour lies.

    Args:
        box: voxels around it.
        share: share of each voxel of ``box`` that is tumour, before the scanner.
    """

    box: Box
    share: NDArray[np.float32]

    def mask(self, shape_kji: tuple[int, int, int]) -> NDArray[np.bool_]:
        """Voxels of which at least half is tumour."""
        mask = np.zeros(shape_kji, dtype=bool)
        mask[self.box] = self.share >= 0.5
        return mask


def lung_lesion(painter: Painter, volume_ml: float | None = None) -> Lesion:
    """Paint a mass somewhere in the right or left lung: several overlapping lobes, spicules left out."""
    random = painter.random
    volume = _volume_mm3(random, volume_ml)
    side = "right" if random.random() < 0.55 else "left"  # the right lung is larger
    radius = float(np.cbrt(volume * 3 / (4 * np.pi)))
    place = random.normal(size=3)
    place *= random.random() ** (1 / 3) / np.linalg.norm(place)
    reach = np.maximum(np.asarray(LUNG_SEMI[side]) - 0.8 * radius, 8.0) * (1.0, 0.95, 0.8)
    centre = np.asarray(LUNG_CENTRES[side]) + place * reach - (0, 0, 12)
    if side == "left" and centre[2] > 440 and centre[1] < 0:
        centre[0] = max(centre[0], 92.0)  # beside the heart, not in it
    lobes = int(random.integers(4, 8))
    centres = centre + random.normal(0, 0.34 * radius, (lobes, 3)) * (1.0, 1.0, 1.15)
    radii = radius * random.uniform(0.55, 0.85, lobes)
    return _paint(painter, _scaled_to(painter.canvas, centres, radii, volume), "lung cancer", volume)


def oesophageal_lesion(painter: Painter, volume_ml: float | None = None) -> Lesion:
    """Paint a mass along a stretch of the oesophagus, thicker at places and off its axis."""
    random = painter.random
    volume = _volume_mm3(random, volume_ml)
    length = float(np.clip(random.normal(50, 11), 30, 80) * np.cbrt(volume / 18000))
    first, last = OESOPHAGUS[1, 2] + length / 2, OESOPHAGUS[-1, 2] - 0.3 * length
    middle = first + (last - first) * random.beta(2.0, 1.3)  # lower thirds are commoner
    levels = np.linspace(middle - length / 2, middle + length / 2, max(6, int(length / 4)))
    line = np.stack([np.interp(levels, OESOPHAGUS[:, 2], OESOPHAGUS[:, axis]) for axis in (0, 1, 2)], axis=1)
    line += gaussian_filter1d(random.normal(0, 5.0, line.shape), 2.0, axis=0)
    radius = np.sqrt(volume / (np.pi * length))
    profile = np.sin(np.linspace(0.25, np.pi - 0.25, len(levels))) ** 0.5
    radii = radius * profile * (1 + gaussian_filter1d(random.normal(0, 0.5, len(levels)), 2.0))
    return _paint(painter, _scaled_to(painter.canvas, line, radii, volume), "oesophageal cancer", volume)


def reactive_nodes(painter: Painter) -> None:
    """Paint small hilar or mediastinal nodes of faint uptake, which belong to no tumour, in a third of patients."""
    if not painter.chance(0.33):
        return
    for _ in range(int(painter.random.integers(1, 4))):
        centre = painter.jitter((painter.random.choice((-28.0, 30.0, 0.0)), 6.0, 405.0), 10)
        painter.organ("blood pool", centre, (6, 6, 7), share=painter.random.uniform(1.2, 2.2))


def _volume_mm3(random: np.random.Generator, volume_ml: float | None) -> float:
    """Draw a volume, also where one is given, so that all else about the patient stays the same."""
    low, high = np.log(VOLUME_ML)
    drawn = float(np.exp(random.uniform(low, high)))
    return 1000.0 * (drawn if volume_ml is None else volume_ml)


def _share(canvas: Canvas, centres: NDArray, radii: NDArray) -> tuple[Box, NDArray[np.float32]]:
    reach = radii[:, None]
    low, high = (centres - reach).min(axis=0), (centres + reach).max(axis=0)
    box = canvas.box(tuple(low), tuple(high))
    inside = np.full([part.stop - part.start for part in box], -np.inf, dtype=np.float32)
    for centre, radius in zip(centres, radii, strict=True):
        left, back, down = canvas.offsets(box, tuple(centre))
        np.maximum(inside, np.float32(radius) - np.sqrt(left**2 + back**2 + down**2), out=inside)
    return box, canvas.soften(inside)


def _scaled_to(canvas: Canvas, centres: NDArray, radii: NDArray, volume: float) -> tuple[Box, NDArray[np.float32]]:
    """Change the lobes' radii, so that their union has about ``volume`` in mm3 of the standard body."""
    voxel = canvas.voxel_volume_mm3
    for _ in range(3):
        _, share = _share(canvas, centres, radii)
        radii = radii * np.clip(np.cbrt(volume / max(float(share.sum()) * voxel, 1.0)), 0.5, 2.0)
    return _share(canvas, centres, radii)


def _paint(painter: Painter, shape: tuple[Box, NDArray[np.float32]], organ: str, volume: float) -> Lesion:
    canvas, random = painter.canvas, painter.random
    box, share = shape
    grain = gaussian_filter(random.standard_normal(share.shape).astype(np.float32), GRAIN_MM / canvas.voxel_mm)
    grain /= max(float(grain.std()), 1e-6)
    uptake = painter.suv[organ] * np.clip(1 + 0.18 * grain, 0.5, 1.6)
    if volume > 1000 * NECROSIS_FROM_ML and random.random() < 0.35:
        uptake *= 1 - 0.55 * _core(canvas, box, share, volume)
    canvas.paint(box, share, uptake.astype(np.float32))
    return Lesion(box, share)


def _core(canvas: Canvas, box: Box, share: NDArray, volume: float) -> NDArray[np.float32]:
    centre = centroid(canvas, Lesion(box, share))
    left, back, down = canvas.offsets(box, centre)
    radius = 0.45 * np.cbrt(volume * 3 / (4 * np.pi))
    return canvas.soften(np.float32(radius) - np.sqrt(left**2 + back**2 + down**2))


def centroid(canvas: Canvas, lesion: Lesion) -> Point:
    """Centre of mass of the tumour in the standard body, mm."""
    weights = lesion.share / lesion.share.sum()
    left, back, down = canvas.offsets(lesion.box, (0.0, 0.0, 0.0))
    return float((weights * left).sum()), float((weights * back).sum()), float((weights * down).sum())
