"""Canvas: a pixmap painted by QPainter, with the shapes that the pictures consist of.

PythonQt takes plain Python numbers only, and a painter must have ended before its pixmap is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import qt
from numpy.typing import NDArray

from .theme import LIGHT, Colour, Theme

MARKER = 2.0  # pixels before the display's factor, as all lengths here
HEAD = 6.0
LINE = 1.8
DASH = 4.0
HALO = 153  # opacity behind a line, 0 to 255


class Canvas:
    """A picture in the making; places are in physical pixels, rows from the top.

    Args:
        painter: a ``QPainter`` that has begun.
        size: physical pixels across and down.
        theme: colours.
        factor: physical pixels per pixel of the display.
    """

    def __init__(self, painter: Any, size: tuple[int, int], theme: Theme, factor: float) -> None:
        self._painter = painter
        self.columns, self.rows = size
        self.theme, self.factor = theme, factor

    def length(self, pixels: float) -> int:
        """Return pixels of the display as physical pixels, at least one."""
        return max(1, round(pixels * self.factor))

    def fill(self, left: int, top: int, width: int, height: int, colour: Colour) -> None:
        """Fill a rectangle."""
        self._painter.fillRect(left, top, width, height, qt.QColor(*colour))

    def bars(self, heights: NDArray[np.integer], colours: Sequence[Colour], chosen: NDArray, floor: int) -> None:
        """Draw bars upwards from a row.

        Args:
            heights: of each column, shape (columns,).
            colours: to choose from.
            chosen: which of them each column has, shape (columns,).
            floor: row under the bars.
        """
        changes = np.flatnonzero((np.diff(heights) != 0) | (np.diff(chosen) != 0)) + 1
        starts, stops = [0, *changes.tolist()], [*changes.tolist(), len(heights)]
        for start, stop in zip(starts, stops, strict=True):
            height = min(int(heights[start]), floor)
            if height > 0:
                self.fill(start, floor - height, stop - start, height, colours[int(chosen[start])])

    def image(self, left: int, top: int, pixels: NDArray[np.uint8]) -> None:
        """Draw pixels, shape (rows, columns, 3), as they are."""
        rows, columns, _channels = pixels.shape
        picture = qt.QPixmap()
        picture.loadFromData(b"P6 %d %d 255\n" % (columns, rows) + pixels.tobytes())  # Qt copies the bytes of a file
        self._painter.drawPixmap(left, top, columns, rows, picture)

    def graph(self, rows: NDArray[np.floating]) -> None:
        """Draw a smooth line over the width through evenly spaced places, shape (count,)."""
        path = qt.QPainterPath()
        across = np.linspace(0, self.columns, len(rows)).tolist()
        path.moveTo(across[0], float(rows[0]))
        for place, row in zip(across[1:], rows[1:].tolist(), strict=True):
            path.lineTo(place, row)
        self._painter.setRenderHint(qt.QPainter.Antialiasing, True)
        self._painter.strokePath(path, _pen((*self.theme.background, HALO), 2 * LINE * self.factor))
        self._painter.strokePath(path, _pen(self.theme.curve, LINE * self.factor))
        self._painter.setRenderHint(qt.QPainter.Antialiasing, False)

    def level_line(self, row: int, colour: Colour, *, dashed: bool = False) -> None:
        """Draw a thin sharp line across the picture, moved in from its borders."""
        thick = self.length(1)
        top = min(max(0, row), max(0, self.rows - thick))
        if not dashed:
            self.fill(0, top, self.columns, thick, colour)
            return
        dash = self.length(DASH)
        for left in range(0, self.columns, 2 * dash):
            self.fill(left, top, min(dash, self.columns - left), thick, colour)

    def pointer(self, part: float) -> None:
        """Draw an upright line at a part of the width, with a head at the top."""
        wide, halo = self.length(MARKER), self.length(1)
        left = round(self._centre(part) - wide / 2)
        self.fill(left - halo, 0, wide + 2 * halo, self.rows, self.theme.background)
        self.fill(left, 0, wide, self.rows, self.theme.marker)
        self.head(part)

    def head(self, part: float) -> None:
        """Draw a head that points down from the top, at a part of the width."""
        centre, half = self._centre(part), 0.8 * HEAD * self.factor
        path = qt.QPainterPath()
        path.moveTo(centre - half, 0.0)
        path.lineTo(centre + half, 0.0)
        path.lineTo(centre, HEAD * self.factor)
        path.closeSubpath()
        self._painter.setRenderHint(qt.QPainter.Antialiasing, True)
        self._painter.fillPath(path, qt.QBrush(qt.QColor(*self.theme.marker)))
        self._painter.setRenderHint(qt.QPainter.Antialiasing, False)

    def _centre(self, part: float) -> float:
        """Return the place of a marker at a part of the width, moved in from the borders."""
        half = MARKER / 2 * self.factor
        return min(max(part * self.columns, min(half, self.columns / 2)), max(self.columns - half, half))


def painted(
    size: tuple[int, int], paint: Callable[[Canvas], None], *, theme: Theme = LIGHT, factor: float = 1.0
) -> Any:
    """Return a ``QPixmap`` with a painted picture.

    Args:
        size: width and height in pixels of the display.
        paint: draws on the canvas.
        theme: colours.
        factor: physical pixels per pixel of the display.
    """
    columns, rows = (max(1, round(side * factor)) for side in size)
    pixmap = qt.QPixmap(columns, rows)
    pixmap.fill(qt.QColor(*theme.background))
    painter = qt.QPainter()
    painter.begin(pixmap)
    try:
        paint(Canvas(painter, (columns, rows), theme, factor))
    finally:
        painter.end()
    pixmap.setDevicePixelRatio(factor)
    return pixmap


def _pen(colour: tuple[int, ...], width: float) -> Any:
    pen = qt.QPen()
    pen.setColor(qt.QColor(*colour))
    pen.setWidthF(width)
    return pen
