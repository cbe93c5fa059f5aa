"""The organs of the standard body, painted with the uptake of one patient.

Standard millimetres: left of the midline, back from the middle of the body, down from the top of the head of a person
of 172 cm who lies on the back. Sizes are those of an atlas to the centimetre; what matters is what a projection shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas, Point

BOTTOM_MM = 1080.0  # mid-thigh
LUNG_CENTRES: Mapping[str, Point] = {"right": (-78.0, 8.0, 415.0), "left": (80.0, 8.0, 418.0)}
LUNG_SEMI: Mapping[str, Point] = {"right": (60.0, 84.0, 122.0), "left": (54.0, 80.0, 118.0)}
OESOPHAGUS = np.array(
    [(2, 38, 245), (4, 44, 300), (6, 44, 360), (3, 42, 420), (8, 36, 480), (18, 22, 530), (30, 8, 556)], dtype=float
)
SPINE = np.array(
    [(0, 32, 185), (0, 44, 250), (0, 60, 330), (0, 68, 430), (0, 60, 540), (0, 48, 640), (0, 42, 740), (0, 56, 830)],
    dtype=float,
)
TORSO = np.array(
    [
        (268, 66, 60, 12),
        (292, 120, 72, 10),
        (330, 168, 92, 4),
        (420, 166, 108, 0),
        (540, 162, 112, -2),
        (660, 152, 108, -4),
        (770, 156, 104, -2),
        (870, 172, 108, 4),
        (930, 172, 106, 6),
        (965, 150, 96, 6),
    ],
    dtype=float,
)
NECK = np.array([(170, 56, 62, 8), (230, 58, 60, 12), (275, 66, 62, 12)], dtype=float)
ABDOMEN = np.array([(-114, -78, 640), (114, 50, 935)], dtype=float)  # where the bowel may lie
LEG = np.array([(925, 78, 92, 4), (980, 86, 92, 4), (BOTTOM_MM + 40, 74, 80, 2)], dtype=float)


@dataclass(frozen=True, eq=False)
class Painter:
    """Paints the organs of one patient.

    Args:
        canvas: where.
        suv: uptake of each organ, as `draw_uptake` gives it.
        random: draws shapes and positions.
    """

    canvas: Canvas
    suv: Mapping[str, float]
    random: np.random.Generator

    def jitter(self, centre: Point, spread_mm: float = 4.0) -> Point:
        """Move a point by a few millimetres, as patients differ."""
        left, back, down = np.asarray(centre) + self.random.normal(0, spread_mm, 3)
        return float(left), float(back), float(down)

    def size(self, semi: Point, spread: float = 0.07) -> Point:
        """Change the half axes by a few per cent each."""
        first, second, third = np.asarray(semi) * np.clip(self.random.normal(1, spread, 3), 0.75, 1.3)
        return float(first), float(second), float(third)

    def organ(self, name: str, centre: Point, semi: Point, *, share: float = 1.0, tilt: float = 0.0) -> None:
        """Paint an ellipsoid of uptake ``share`` times that of organ ``name``, its place and size varied."""
        self.canvas.ellipsoid(self.jitter(centre), self.size(semi), share * self.suv[name], tilt)

    def chance(self, probability: float) -> bool:
        """Draw whether something is there."""
        return bool(self.random.random() < probability)


def paint_body(painter: Painter) -> None:
    """Paint everything but lesions, from the surface inwards."""
    steps: tuple[Callable[[Painter], None], ...] = (
        _arms,
        _frame,
        _head,
        _neck,
        _skeleton,
        _chest,
        _heart,
        _abdomen,
        _bowel,
        _pelvis,
        _brown_fat,
    )
    for step in steps:
        step(painter)


def _arms(painter: Painter) -> None:
    canvas, suv = painter.canvas, painter.suv
    up = painter.chance(0.7)
    spread = painter.random.uniform(-12, 12)
    for side in (-1, 1):
        raised = [(side * 168, 0, 318), (side * (196 + spread), -18, 150), (side * (150 + spread), -48, -30)]
        lowered = [(side * 182, 8, 320), (side * (206 + spread), 16, 560), (side * (212 + spread), 0, 860)]
        path = np.array(raised if up else lowered, dtype=float)
        canvas.tube(path, 38, suv["fat"])
        canvas.tube(path, 33, suv["muscle"])
        canvas.tube(path, 9, 0.8 * suv["muscle"])
    if painter.chance(0.06):  # tracer left at the injection site
        side = painter.random.choice((-1, 1))
        down = painter.random.uniform(560, 860) if not up else painter.random.uniform(0, 150)
        canvas.ellipsoid((side * 200.0, -10.0, float(down)), (6, 6, 12), painter.random.uniform(3, 30))


def _frame(painter: Painter) -> None:
    canvas, suv = painter.canvas, painter.suv
    fat = float(np.clip(painter.random.normal(16, 7), 5, 36))
    for shrink, value in ((0.0, suv["fat"]), (fat, suv["muscle"])):
        for side in (-82.0, 82.0):
            canvas.column(LEG, side, value, shrink)
        canvas.column(TORSO, 0.0, value, shrink)
        canvas.column(NECK, 0.0, value, min(shrink, 8.0))
    inner = TORSO[4:8].copy()
    canvas.column(inner, 0.0, 0.75 * suv["muscle"] + 0.25, fat + 18)  # soft tissue of the abdomen
    canvas.ellipsoid((0, -4, 108), (76, 96, 112), suv["fat"])
    canvas.ellipsoid((0, -4, 108), (71, 91, 107), suv["muscle"])


def _head(painter: Painter) -> None:
    canvas, suv = painter.canvas, painter.suv
    cortex, white = suv["cortex"], 0.35 * suv["cortex"]
    turn = painter.random.normal(0, 3)
    canvas.ellipsoid((0, 0, 76), (64, 82, 60), cortex, turn)
    for side in (-1, 1):
        canvas.ellipsoid((side * 27, 0, 74), (21, 56, 36), white, turn)
        canvas.ellipsoid((side * 21, -2, 84), (9, 20, 12), cortex, turn)
    canvas.ellipsoid((0, -2, 40), (4, 74, 26), white)  # between the hemispheres
    canvas.ellipsoid((0, 42, 126), (46, 30, 24), suv["cerebellum"])
    canvas.ellipsoid((0, 14, 138), (14, 14, 26), 0.6 * suv["cerebellum"])
    for side in (-1, 1):
        painter.organ("salivary glands", (side * 33, -68, 112), (12, 12, 11), share=0.8)  # eye muscles
        painter.organ("salivary glands", (side * 52, -6, 160), (10, 18, 22), share=0.6)  # parotid
    painter.canvas.ellipsoid((0, -45, 130), (16, 30, 22), 0.5 * suv["muscle"])  # air of the nose


def _neck(painter: Painter) -> None:
    painter.organ("tongue", (0, -48, 176), (22, 26, 14), share=0.8)
    for side in (-1, 1):
        painter.organ("tonsils", (side * 17, -22, 176), (7, 9, 13))
        painter.organ("salivary glands", (side * 26, -38, 200), (9, 14, 11))
        painter.organ("blood pool", (side * 20, -8, 268), (9, 9, 20), share=0.95)  # thyroid
    larynx = painter.random.uniform(0.6, 1.6)
    painter.organ("blood pool", (0, -14, 236), (13, 13, 12), share=larynx)
    painter.canvas.tube(np.array([(0, -8, 205), (0, 4, 300), (0, 14, 385)], float), 8, 0.4)  # airway
    painter.canvas.tube(np.array([(0, 14, 388), (-34, 16, 425)], float), 6, 0.4)
    painter.canvas.tube(np.array([(0, 14, 388), (38, 18, 428)], float), 6, 0.4)


def _skeleton(painter: Painter) -> None:
    canvas, marrow = painter.canvas, painter.suv["marrow"]
    down = np.arange(SPINE[0, 2], SPINE[-1, 2], 14.0)  # vertebra and disc in turn
    line = np.stack([np.interp(down, SPINE[:, 2], SPINE[:, axis]) for axis in (0, 1, 2)], axis=1)
    values = np.where(np.arange(len(line) - 1) % 3 < 2, marrow, 0.6 * marrow) * painter.random.normal(
        1, 0.05, len(line) - 1
    )
    canvas.tube(line[:11], 11, 0.9 * values[:10])
    canvas.tube(line[10:], 18, values[10:])
    cord = line[: int(0.62 * len(line))] + np.array((0, 26, 0))
    canvas.tube(cord, 5, 1.1 * painter.suv["blood pool"])
    canvas.ellipsoid((0, 66, 868), (46, 18, 40), 0.9 * marrow)  # sacrum
    for side in (-1, 1):
        canvas.ellipsoid((side * 98, 34, 822), (32, 34, 46), 0.75 * marrow, side * 24)
        canvas.ellipsoid((side * 92, 6, 925), (23, 23, 23), 0.55 * marrow)
        canvas.ellipsoid((side * 150, 12, 318), (22, 22, 24), 0.6 * marrow)
    canvas.tube(np.array([(0, -76, 340), (0, -96, 420), (0, -100, 480)], float), 9, 0.8 * marrow)


def _chest(painter: Painter) -> None:
    canvas, suv = painter.canvas, painter.suv
    for lung, centre in LUNG_CENTRES.items():
        box, share = canvas.ellipsoid_share(centre, LUNG_SEMI[lung])
        back = canvas.back_mm[box[1]][None, :, None]
        down = canvas.down_mm[box[0]][:, None, None]
        gradient = 1 + 0.0035 * back + 0.0012 * (down - 415)  # more blood in dependent lung, more motion at the base
        canvas.paint(box, share, (suv["lung"] * gradient).astype(np.float32))
    for side in (-1, 1):
        for rib in range(9):
            place = side * (118 + 3.0 * min(rib, 5)), 30.0, 330.0 + 24 * rib
            painter.organ("marrow", place, (7, 34, 5), share=0.7)
    blood = suv["blood pool"]
    canvas.ellipsoid((2, -2, 400), (27, 46, 84), 0.8 * blood)
    canvas.tube(np.array([(-22, -22, 330), (-24, -20, 430)], float), 10, blood)
    arch = [(-10, -22, 440), (-12, -24, 384), (2, -8, 360), (20, 18, 366), (24, 40, 400), (18, 44, 520), (8, 26, 640)]
    canvas.tube(np.array(arch, float), 12, blood)
    for side in (-1, 1):
        painter.organ("blood pool", (side * 34, 10, 418), (13, 16, 20), share=0.95)  # hilum
    _oesophagus(painter)


def _oesophagus(painter: Painter) -> None:
    suv = painter.suv["oesophagus"]
    values = suv * np.clip(painter.random.normal(1, 0.15, len(OESOPHAGUS) - 1), 0.6, 1.5)
    if painter.chance(0.25):  # reflux
        values[-1] *= 1.5
    painter.canvas.tube(OESOPHAGUS, 7, values)


def _heart(painter: Painter) -> None:
    canvas, suv = painter.canvas, painter.suv
    centre = painter.jitter((44, -34, 488), 5)
    right = (centre[0] - 38, centre[1] - 4, centre[2])
    canvas.ellipsoid(right, (42, 42, 44), suv["blood pool"])
    canvas.shell(centre, painter.size((38, 38, 50)), 11, (suv["heart"], suv["blood pool"]), -38)


def _abdomen(painter: Painter) -> None:
    canvas, suv = painter.canvas, painter.suv
    painter.organ("liver", (-70, 0, 584), (76, 86, 82), tilt=-12)
    painter.organ("liver", (12, -42, 556), (58, 42, 40), tilt=-14)
    canvas.ellipsoid(painter.jitter((-52, -58, 628)), (14, 18, 22), 0.5)  # gall bladder
    painter.organ("spleen", (108, 46, 582), (27, 44, 52), tilt=10)
    stomach = painter.jitter((62, -30, 592), 6)
    canvas.shell(stomach, painter.size((44, 38, 54), 0.15), 8, (suv["stomach"], 0.7), 24)
    painter.organ("blood pool", (12, -8, 640), (66, 14, 14), share=0.95, tilt=12)  # pancreas
    _kidneys(painter)


def _kidneys(painter: Painter) -> None:
    canvas, suv, random = painter.canvas, painter.suv, painter.random
    for side in (-1, 1):
        centre = painter.jitter((side * 62, 46, 664 - 8 * side), 6)
        canvas.ellipsoid(centre, painter.size((29, 27, 55)), suv["kidney"], side * 10)
        pelvis = (centre[0] - side * 9, centre[1] - 4, centre[2])
        urine = suv["urine"] * random.uniform(0.4, 1.3)
        canvas.ellipsoid(pelvis, (9, 9, random.uniform(12, 26)), urine)
        for _ in range(3):  # calyces
            canvas.ellipsoid(painter.jitter((centre[0] + side * 4, centre[1], centre[2]), 15), (7, 7, 7), 0.6 * urine)
        down = np.linspace(centre[2] + 30, 880, 9)
        bend = np.interp(down, [700, 780, 880], [side * 46, side * 38, side * 26])
        path = np.stack([bend + random.normal(0, 3, 9), np.interp(down, [700, 880], [32, 10]), down], axis=1)
        canvas.tube(path, 3, np.where(random.random(8) < 0.35, urine * random.uniform(0.3, 1.0), 0.8))


def _walk(painter: Painter, start: Point, stop: Point, wiggle_mm: float, steps: int) -> NDArray[np.float64]:
    line = np.linspace(start, stop, steps)
    line[1:-1] += painter.random.normal(0, wiggle_mm, (steps - 2, 3))
    return np.clip(line, ABDOMEN[0], ABDOMEN[1])


def _bowel(painter: Painter) -> None:
    canvas, suv, random = painter.canvas, painter.suv["bowel"], painter.random
    frame = [(-98, -6, 800), (-104, 0, 690), (-60, -66, 668), (20, -78, 690), (88, -50, 654), (112, 6, 700)]
    frame += [(110, 6, 790), (60, -14, 846), (8, 20, 868), (0, 46, 930)]
    for start, stop in pairwise(frame):
        path = _walk(painter, start, stop, 7, 5)
        canvas.tube(path, random.uniform(13, 19), suv * np.exp(random.normal(0, 0.35, 4)))
        canvas.tube(path, 8, 0.6)
    for _ in range(9):  # small bowel
        first = np.array([random.uniform(-75, 75), random.uniform(-68, 0), random.uniform(690, 840)])
        path = _walk(painter, first, first + random.normal(0, 42, 3), 14, 5)
        canvas.tube(path, random.uniform(7, 11), 0.9 * suv * np.exp(random.normal(0, 0.4, 4)))


def _pelvis(painter: Painter) -> None:
    canvas, suv, random = painter.canvas, painter.suv, painter.random
    size = painter.size((38, 34, 30), 0.2)
    canvas.ellipsoid(painter.jitter((0, -34, 912)), size, suv["bladder"])
    for side in (-1, 1):
        canvas.tube(
            np.array([(side * 30, 4, 850), (side * 62, -52, 950), (side * 72, -40, 1110)], float),
            6,
            0.9 * suv["blood pool"],
        )
    if painter.chance(0.5):
        for side in (-1, 1):
            painter.organ("testes", (side * 17, -72, 1005), (12, 14, 19))
        canvas.ellipsoid((0, -40, 958), (6, 8, 12), float(random.uniform(0.3, 0.8) * suv["urine"]))
    else:
        painter.organ("bowel", (0, 2, 890), (30, 24, 24), share=1.1)  # uterus


def _brown_fat(painter: Painter) -> None:
    if not painter.chance(0.08):
        return
    for side in (-1, 1):
        for _ in range(4):
            painter.organ("brown fat", (side * 78, 8, 290), (12, 9, 8), share=painter.random.uniform(0.5, 1.2))
        for level in (350, 390, 430):
            painter.organ("brown fat", (side * 24, 66, level), (5, 5, 7), share=0.6)
