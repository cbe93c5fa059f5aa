"""Physiological uptake that differs between bodies: inhomogeneous organs, tense muscles, degenerated joints."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .anatomy import Painter

PATCHES_MM = ((14.0, 0.12), (45.0, 0.16))  # length of a patch, and how much it differs at most, logarithmic
HEART = np.array([44.0, -34.0, 488.0])  # left, back, down
HEART_WALL = np.array([33.0, 33.0, 45.0])
MUSCLES = (  # left of the midline, back, down of both ends, and radius
    ((14, 22, 190), (60, 44, 300), 8.0),  # neck
    ((18, -26, 200), (26, -50, 300), 6.0),
    ((60, 60, 320), (120, 78, 380), 9.0),  # shoulder blade
    ((120, -40, 320), (70, -78, 370), 9.0),  # chest
    ((24, 70, 560), (30, 62, 760), 12.0),  # back
    ((44, 20, 640), (78, -10, 880), 14.0),  # psoas
    ((88, 70, 860), (100, 60, 940), 22.0),  # buttocks
    ((90, -40, 960), (84, -44, 1080), 18.0),  # thigh
    ((60, 20, 960), (70, 26, 1080), 16.0),
)
JOINTS = ((150, 12, 318), (92, 6, 925), (60, 30, 255), (20, 52, 780))
FOCI = (  # vocal cords, nipples, hiatus of the oesophagus, anus, vessels of the groin
    ((6, -22, 236), 5.0, 0.3),
    ((90, -106, 430), 6.0, 0.15),
    ((12, 20, 560), 9.0, 0.25),
    ((0, 60, 960), 9.0, 0.4),
    ((62, -52, 950), 7.0, 0.3),
)


def paint_varied_uptake(painter: Painter) -> None:
    """Paint what is physiological but not the same in every body, over the organs.

    The wall of the heart is cold in parts, muscles, joints and some small places are hot on one side or on both, and
    everything is patchy. How much of it there is, is drawn.

    Args:
        painter: of a body whose organs are painted.
    """
    _heart(painter)
    _muscles(painter)
    _foci(painter)
    _patches(painter)


def _heart(painter: Painter) -> None:
    """Take the uptake out of parts of the wall, as fasting does."""
    if not painter.chance(0.6):
        return
    random, canvas = painter.random, painter.canvas
    for _ in range(int(random.integers(1, 6))):
        direction = random.normal(size=3)
        place = HEART + HEART_WALL * direction / np.linalg.norm(direction)
        canvas.ellipsoid(place, random.uniform(10, 30, 3), random.uniform(0.8, 1.2) * painter.suv["blood pool"])


def _muscles(painter: Painter) -> None:
    random, canvas = painter.random, painter.canvas
    for start, stop, radius in MUSCLES:
        if not painter.chance(0.12):
            continue
        suv = float(np.exp(random.uniform(np.log(1.2), np.log(6.0))))
        alike = painter.chance(0.75)
        for side in (-1, 1) if alike else (random.choice((-1, 1)),):
            ends = np.array([start, stop], dtype=float) + random.normal(0, 5, (2, 3))
            ends[:, 0] *= side
            canvas.tube(ends, radius * random.uniform(0.4, 1.1), suv * random.uniform(0.7, 1.3))


def _foci(painter: Painter) -> None:
    random, canvas = painter.random, painter.canvas
    for left, back, down in JOINTS:
        for side in (-1, 1):
            if painter.chance(0.12):
                place = painter.jitter((side * left, back, down), 8)
                canvas.shell(place, painter.size((20, 20, 20), 0.3), 5, (random.uniform(1.2, 4.0), 0.8))
    for (left, back, down), radius, often in FOCI:
        suv = random.uniform(1.5, 6.0)
        for side in (-1, 1) if left else (1,):
            if painter.chance(often):
                place = painter.jitter((side * left, back, down), 5)
                canvas.ellipsoid(place, painter.size((radius, radius, radius), 0.3), suv * random.uniform(0.7, 1.3))


def _patches(painter: Painter) -> None:
    """Multiply the uptake by fields that vary smoothly."""
    activity = painter.canvas.array_kji
    for length_mm, most in PATCHES_MM:
        field = painter.random.standard_normal(activity.shape, dtype=np.float32)
        field = ndimage.gaussian_filter(field, length_mm / 2 / painter.canvas.voxel_mm)
        amount = painter.random.uniform(0.3, 1.0) * most / max(float(field.std()), 1e-6)
        activity *= np.exp(np.float32(amount) * field)
