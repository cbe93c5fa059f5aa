"""Small pictures beside the controls, drawn by numpy: histogram, probability of each slice, maps, colour legend.

Every picture is uint8, shape (rows, columns, 3). Its left border is the lowest value and its right border the highest,
so that a press at a part of the width is that part of the range. Words and numbers are left to whoever shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..mrml.colours import activation_rgba

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

STRIP = 4.0  # height of the colour strip under the histogram, pixels before the display's factor, as all lengths here
ROOM = 6.0  # above the highest bar, for the pointer
GAP_FROM = 4.0  # width of a bar from which on bars are set apart
MARKER = 2.0
LINE = 1.8
DASH = 4.0


@dataclass(frozen=True)
class Theme:
    """Colours that can be told apart by all eyes, red, green, blue from 0 to 255.

    Args:
        background: behind everything.
        muted: what is there but does not count.
        accent: what counts.
        curve: a line over both.
        marker: what is chosen now.
        frame: borders and guides.
    """

    background: Colour
    muted: Colour
    accent: Colour
    curve: Colour
    marker: Colour
    frame: Colour

    @classmethod
    def on(cls, background: Sequence[int]) -> Theme:
        """Return the colours that fit a background, for example that of the window."""
        red, green, blue = (int(channel) for channel in background)
        light = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 127
        return replace(LIGHT if light else DARK, background=(red, green, blue))


LIGHT = Theme((255, 255, 255), (191, 198, 206), (0, 114, 178), (213, 94, 0), (24, 28, 33), (216, 221, 226))
DARK = Theme((30, 33, 37), (88, 95, 104), (86, 180, 233), (240, 170, 50), (246, 248, 250), (64, 70, 78))


def histogram_picture(
    counts: NDArray,
    size: tuple[int, int],
    level: float | None = None,
    *,
    curve: NDArray | None = None,
    theme: Theme = LIGHT,
    factor: float = 1.0,
) -> Picture:
    """Draw how often each activation occurs, over a strip of the activation colours; from ``level`` on it counts.

    Args:
        counts: of even steps from 0 to 1, shape (bins,); bars grow with the logarithm, the highest fills the height.
        size: width and height in pixels.
        level: the threshold, 0 to 1; None draws none.
        curve: a volume (ml) at each of even levels from 0 to 1, drawn as a line that grows with the logarithm, too.
        theme: colours.
        factor: physical pixels per pixel of the display.
    """
    canvas = _Canvas(size, theme, factor)
    floor = canvas.height - STRIP
    heights = _columns(_logarithmic(counts), canvas.columns) * (floor - ROOM)
    colours = _two_colours(canvas.across >= (0.0 if level is None else level), theme)
    canvas.bars(_apart(heights, len(counts), canvas), colours, floor)
    canvas.strip(floor)
    if curve is not None and len(curve) > 1:
        places = np.linspace(0.0, 1.0, len(curve))
        canvas.graph(floor - np.interp(canvas.across, places, _logarithmic(curve)) * (floor - ROOM))
    if level is not None and np.isfinite(level):
        canvas.pointer(float(np.clip(level, 0.0, 1.0)))
    return canvas.picture()


def probability_picture(
    probabilities: NDArray,
    size: tuple[int, int],
    current: int | None = None,
    *,
    limit: float | None = None,
    theme: Theme = LIGHT,
    factor: float = 1.0,
) -> Picture:
    """Draw the tumour probability of each image as a bar; those at or above ``limit`` count.

    Args:
        probabilities: 0 to 1, shape (images,); with more images than pixels the highest of a pixel is drawn.
        size: width and height in pixels.
        current: index of the image that is shown now; None marks none.
        limit: probability below which an image does not count, drawn as a dashed line; None draws none.
        theme: colours.
        factor: physical pixels per pixel of the display.
    """
    canvas = _Canvas(size, theme, factor)
    floor = canvas.height - 1.0
    span = floor - ROOM
    canvas.level_line(floor - 0.5 * span, theme.frame)
    canvas.level_line(floor + 0.5, theme.frame)
    values = np.nan_to_num(np.clip(np.asarray(probabilities, dtype=np.float64), 0.0, 1.0))
    if len(values):
        shown = canvas.columns_of(current, len(values))
        canvas.bars(np.where(shown, span, 0.0), np.tile(theme.frame, (canvas.columns, 1)), floor)
        columns = _columns(values, canvas.columns)
        colours = _two_colours(columns >= (0.0 if limit is None else limit), theme)
        colours[shown] = theme.marker
        canvas.bars(_apart(columns * span, len(values), canvas), colours, floor)
    if limit is not None:
        canvas.level_line(floor - float(np.clip(limit, 0.0, 1.0)) * span, theme.curve, dashed=True)
    if current is not None and 0 <= current < len(values):
        canvas.head((current + 0.5) / len(values))
    return canvas.picture()


def map_picture(
    values: NDArray, size: tuple[int, int], *, aspect: float = 1.0, theme: Theme = LIGHT, factor: float = 1.0
) -> Picture:
    """Draw a map in the activation colours, each value a sharp rectangle, as large as it fits in the middle.

    Args:
        values: 0 to 1, shape (rows, columns).
        size: width and height in pixels.
        aspect: height of a value's rectangle by its width.
        theme: colours.
        factor: physical pixels per pixel of the display.
    """
    canvas = _Canvas(size, theme, factor)
    rows, columns = values.shape
    zoom = min(canvas.columns / columns, canvas.rows / (rows * aspect))
    wide, high = max(1, round(columns * zoom)), max(1, round(rows * aspect * zoom))
    level = _stretched(_stretched(np.nan_to_num(values), high).T, wide).T
    top, left = (canvas.rows - high) // 2, (canvas.columns - wide) // 2
    canvas.pixels[top : top + high, left : left + wide] = _activation_colours(level)
    return canvas.picture()


def legend_picture(
    size: tuple[int, int], level: float | None = None, *, theme: Theme = LIGHT, factor: float = 1.0
) -> Picture:
    """Draw the activation colours from 0 to 1: left to right, or bottom to top in a picture higher than wide.

    Args:
        size: width and height in pixels.
        level: activation below which the colours are not shown in the views and are faint here; None for all.
        theme: colours.
        factor: physical pixels per pixel of the display.
    """
    width, height = size
    upright = height > width
    canvas = _Canvas((height, width) if upright else size, theme, factor)
    colours = _activation_colours(canvas.across)
    if level is not None:
        faint = colours * 0.2 + np.array(theme.background) * 0.8
        shown = np.clip((canvas.across - level) * canvas.columns + 0.5, 0.0, 1.0)[:, None]
        colours = colours * shown + faint * (1 - shown)
    canvas.pixels[:] = colours
    canvas.frame()
    return np.rot90(canvas.picture()) if upright else canvas.picture()


class _Canvas:
    """A picture in the making; lengths and places are in pixels before the display's factor, rows from the top."""

    def __init__(self, size: tuple[int, int], theme: Theme, factor: float) -> None:
        self.theme, self.factor = theme, factor
        self.columns, self.rows = (max(1, round(side * factor)) for side in size)
        self.width, self.height = self.columns / factor, self.rows / factor
        self.across = (np.arange(self.columns) + 0.5) / self.columns
        self.pixels = np.empty((self.rows, self.columns, 3), np.float32)
        self.pixels[:] = theme.background
        self._tops = np.arange(self.rows, dtype=np.float32)[:, None]  # of the rows, in physical pixels

    def picture(self) -> Picture:
        """Return what was drawn."""
        return (self.pixels + 0.5).astype(np.uint8)

    def columns_of(self, index: int | None, count: int) -> NDArray[np.bool_]:
        """Return which columns show one of ``count`` bars, at least as many as a marker is wide, shape (columns,)."""
        bars = np.arange(self.columns) * count // self.columns
        if index is None:
            return np.zeros(self.columns, bool)
        middle = (index + 0.5) / count * self.columns
        return (bars == index) | (np.abs(np.arange(self.columns) + 0.5 - middle) < MARKER / 2 * self.factor)

    def bars(self, heights: NDArray, colours: NDArray, floor: float) -> None:
        """Draw bars upwards from ``floor``: their heights, shape (columns,), and colours, shape (columns, 3)."""
        foot = max(0, round(floor * self.factor))
        tops = (foot - heights * self.factor).astype(np.float32)
        self._blend(colours, np.clip(self._tops[:foot] + 1 - tops, 0.0, 1.0))

    def strip(self, top: float) -> None:
        """Draw the activation colours along the bottom."""
        self.pixels[max(0, round(top * self.factor)) :] = _activation_colours(self.across)

    def graph(self, rows: NDArray) -> None:
        """Draw a smooth line through a place in each column, shape (columns,)."""
        places = (rows * self.factor).astype(np.float32)
        steepness = np.hypot(1, np.gradient(places)) if len(places) > 1 else np.ones(1, np.float32)
        distance = np.abs(self._tops + 0.5 - places) / steepness
        halo, line = LINE * self.factor + 0.5, LINE / 2 * self.factor + 0.5
        self._blend(self.theme.background, np.clip(halo - distance, 0.0, 1.0) * 0.6)
        self._blend(self.theme.curve, np.clip(line - distance, 0.0, 1.0))

    def level_line(self, row: float, colour: Colour, *, dashed: bool = False) -> None:
        """Draw a thin sharp line across the picture."""
        thick = max(1, round(self.factor))
        top = min(max(0, round((row - 0.5) * self.factor)), max(0, self.rows - thick))
        dash = np.arange(self.columns) // max(1, round(DASH * self.factor)) % 2 == 0
        self.pixels[top : top + thick, dash if dashed else slice(None)] = colour

    def pointer(self, part: float) -> None:
        """Draw an upright line at a part of the width, with a head at the top."""
        half = MARKER / 2 * self.factor
        near, distance = self._near(part)
        self._blend(self.theme.background, np.clip(half + self.factor + 0.5 - distance, 0.0, 1.0)[None], near)
        self._blend(self.theme.marker, np.clip(half + 0.5 - distance, 0.0, 1.0)[None], near)
        self.head(part)

    def head(self, part: float) -> None:
        """Draw a head that points down from the top."""
        near, distance = self._near(part)
        rows = self._tops[: round(ROOM * self.factor)]
        half = (ROOM * self.factor - rows) * 0.8  # half its width in each row
        self._blend(self.theme.marker, np.clip(half + 0.5 - distance, 0.0, 1.0), near)

    def frame(self) -> None:
        """Draw a border."""
        thick = max(1, round(self.factor))
        for side in (np.s_[:thick], np.s_[-thick:], np.s_[:, :thick], np.s_[:, -thick:]):
            self.pixels[side] = self.theme.frame

    def _near(self, part: float) -> tuple[slice, NDArray[np.float64]]:
        """Return the columns around a part of the width, which is moved in from the borders, and their distance."""
        half = MARKER / 2 * self.factor
        centre = float(np.clip(part * self.columns, min(half, self.columns / 2), max(self.columns - half, half)))
        reach = round(2 * ROOM * self.factor)
        near = slice(max(0, int(centre) - reach), min(self.columns, int(centre) + reach))
        return near, np.abs(np.arange(self.columns)[near] + 0.5 - centre)

    def _blend(self, colour: ArrayLike, covered: NDArray, columns: slice = slice(None)) -> None:
        """Lay a colour, or one for each column, over the upper rows, or all if ``covered`` (0 to 1) is of one row."""
        rows = self.rows if len(covered) == 1 else len(covered)
        part = self.pixels[:rows, columns]
        part += (np.asarray(colour, np.float32) - part) * covered[:, :, None].astype(np.float32, copy=False)


def _logarithmic(values: NDArray) -> NDArray[np.float64]:
    """Return values from 0 on by their logarithm, the highest as 1."""
    grown = np.log1p(np.maximum(np.asarray(values, dtype=np.float64), 0.0))
    return grown / (grown.max(initial=0.0) or 1.0)


def _columns(values: NDArray, count: int) -> NDArray[np.float64]:
    """Spread values over ``count`` columns; where several meet in a column the highest is taken."""
    starts = np.arange(count) * len(values) // count
    return np.maximum.reduceat(values, starts) if len(values) > count else values[starts]


def _apart(heights: NDArray, bars: int, canvas: _Canvas) -> NDArray:
    """Leave a pixel free to the right of each bar, if bars are wide enough for that."""
    if canvas.width / bars < GAP_FROM:
        return heights
    gap = max(1, round(canvas.factor))
    bar = np.arange(canvas.columns + gap) * bars // canvas.columns
    return np.where(bar[:-gap] == bar[gap:], heights, 0.0)


def _two_colours(counts: NDArray[np.bool_], theme: Theme) -> NDArray[np.float32]:
    return np.where(counts[:, None], theme.accent, theme.muted).astype(np.float32)


def _stretched(values: NDArray, pixels: int) -> NDArray[np.float64]:
    """Return rows spread evenly over ``pixels`` rows; a pixel that several share takes their mean by area."""
    edges = np.arange(pixels + 1) * (len(values) / pixels)
    rows = np.minimum(edges.astype(int), len(values) - 1)
    above = np.cumsum(values, axis=0, dtype=np.float64) - values  # sum of all rows before each
    sums = above[rows] + (edges - rows)[:, None] * values[rows]
    means: NDArray[np.float64] = np.diff(sums, axis=0) * (pixels / len(values))
    return means


def _activation_colours(level: NDArray) -> NDArray[np.float64]:
    """Return the colours of activations 0 to 1 as the slice views show them at full opacity, 0 to 255."""
    table = activation_rgba()[:, :3] * 255
    colours: NDArray[np.float64] = table[np.clip(level * 255 + 0.5, 0, 255).astype(np.uint8)]
    return colours
