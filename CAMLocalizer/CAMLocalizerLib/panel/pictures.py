"""Small pictures beside the controls: histogram, probability of each image, maps.

The left border of a picture is the lowest value and its right border the highest, so that a press at a part of the
width is that part of the range. Words and numbers are left to whoever shows it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..mrml.colours import activation_rgba
from .canvas import HEAD, MARKER, Canvas

STRIP = 4.0  # height of the colour strip under the histogram, pixels before the display's factor
GAP_FROM = 4.0  # width of a bar from which on bars are set apart


def draw_histogram(
    canvas: Canvas, counts: NDArray, level: float | None = None, *, curve: NDArray | None = None
) -> None:
    """Draw how often each activation occurs, over a strip of the activation colours; from ``level`` on it counts.

    Args:
        canvas: what is drawn on.
        counts: of even steps from 0 to 1, shape (bins,); bars grow with the logarithm, the highest fills the height.
        level: the threshold, 0 to 1; None draws none.
        curve: a volume (ml) at each of even levels from 0 to 1, drawn as a line that grows with the logarithm, too.
    """
    strip = round(STRIP * canvas.factor)
    floor = max(0, canvas.rows - strip)
    span = floor - HEAD * canvas.factor
    heights = np.rint(_columns(_logarithmic(counts), canvas.columns) * span).astype(int)
    counted = (np.arange(canvas.columns) + 0.5) / canvas.columns >= (0.0 if level is None else level)
    colours = (canvas.theme.muted, canvas.theme.accent)
    canvas.bars(_apart(heights, len(counts), canvas), colours, counted.astype(int), floor)
    canvas.image(0, floor, np.repeat(_strip_colours(canvas.columns), canvas.rows - floor, axis=0))
    if curve is not None and len(curve) > 1:
        canvas.graph(floor - _logarithmic(curve) * span)
    if level is not None and np.isfinite(level):
        canvas.pointer(float(np.clip(level, 0.0, 1.0)))


def draw_probabilities(
    canvas: Canvas, probabilities: NDArray, current: int | None = None, *, limit: float | None = None
) -> None:
    """Draw the tumour probability of each image as a bar; those at or above ``limit`` count.

    Args:
        canvas: what is drawn on.
        probabilities: 0 to 1, shape (images,); with more images than pixels the highest of a pixel is drawn.
        current: index of the image that is shown now; None marks none.
        limit: probability below which an image does not count, drawn as a dashed line; None draws none.
    """
    theme, floor = canvas.theme, max(0, canvas.rows - canvas.length(1))
    span = floor - HEAD * canvas.factor
    canvas.level_line(round(floor - 0.5 * span), theme.frame)
    canvas.level_line(floor, theme.frame)
    values = np.nan_to_num(np.clip(np.asarray(probabilities, dtype=np.float64), 0.0, 1.0))
    if len(values):
        shown = _columns_of(current, len(values), canvas)
        canvas.bars(np.where(shown, round(span), 0), (theme.frame,), np.zeros(canvas.columns, int), floor)
        columns = _columns(values, canvas.columns)
        chosen = np.where(shown, 2, columns >= (0.0 if limit is None else limit))
        heights = _apart(np.rint(columns * span).astype(int), len(values), canvas)
        canvas.bars(heights, (theme.muted, theme.accent, theme.marker), chosen, floor)
    if limit is not None:
        canvas.level_line(round(floor - float(np.clip(limit, 0.0, 1.0)) * span), theme.curve, dashed=True)
    if current is not None and 0 <= current < len(values):
        canvas.head((current + 0.5) / len(values))


def draw_map(canvas: Canvas, values: NDArray, *, aspect: float = 1.0) -> None:
    """Draw a map in the activation colours, each value a sharp rectangle, as large as it fits in the middle.

    Args:
        canvas: what is drawn on.
        values: 0 to 1, shape (rows, columns).
        aspect: height of a value's rectangle by its width.
    """
    rows, columns = values.shape
    zoom = min(canvas.columns / columns, canvas.rows / (rows * aspect))
    wide, high = max(1, round(columns * zoom)), max(1, round(rows * aspect * zoom))
    level = _stretched(_stretched(np.nan_to_num(values), high).T, wide).T
    canvas.image((canvas.columns - wide) // 2, (canvas.rows - high) // 2, _activation_colours(level))


def _columns_of(index: int | None, count: int, canvas: Canvas) -> NDArray[np.bool_]:
    """Return which columns show one of ``count`` bars, at least as many as a marker is wide, shape (columns,)."""
    columns = np.arange(canvas.columns)
    if index is None:
        return np.zeros(canvas.columns, bool)
    middle = (index + 0.5) / count * canvas.columns
    near = np.abs(columns + 0.5 - middle) < MARKER / 2 * canvas.factor
    return np.asarray((columns * count // canvas.columns == index) | near)


def _logarithmic(values: NDArray) -> NDArray[np.float64]:
    """Return values from 0 on by their logarithm, the highest as 1."""
    grown = np.log1p(np.maximum(np.asarray(values, dtype=np.float64), 0.0))
    return grown / (grown.max(initial=0.0) or 1.0)


def _columns(values: NDArray, count: int) -> NDArray[np.float64]:
    """Spread values over ``count`` columns; where several meet in a column the highest is taken."""
    starts = np.arange(count) * len(values) // count
    return np.maximum.reduceat(values, starts) if len(values) > count else values[starts]


def _apart(heights: NDArray, bars: int, canvas: Canvas) -> NDArray:
    """Leave a pixel free to the right of each bar, if bars are wide enough for that."""
    if canvas.columns / canvas.factor / bars < GAP_FROM:
        return heights
    gap = canvas.length(1)
    bar = np.arange(canvas.columns + gap) * bars // canvas.columns
    return np.where(bar[:-gap] == bar[gap:], heights, 0)


def _stretched(values: NDArray, pixels: int) -> NDArray[np.float64]:
    """Return rows spread evenly over ``pixels`` rows; a pixel that several share takes their mean by area."""
    edges = np.arange(pixels + 1) * (len(values) / pixels)
    rows = np.minimum(edges.astype(int), len(values) - 1)
    above = np.cumsum(values, axis=0, dtype=np.float64) - values  # sum of all rows before each
    sums = above[rows] + (edges - rows)[:, None] * values[rows]
    means: NDArray[np.float64] = np.diff(sums, axis=0) * (pixels / len(values))
    return means


def _strip_colours(columns: int) -> NDArray[np.uint8]:
    """Return the colours of activations from 0 to 1, shape (1, columns, 3)."""
    return _activation_colours((np.arange(columns) + 0.5) / columns)[None]


def _activation_colours(level: NDArray) -> NDArray[np.uint8]:
    """Return the colours of activations 0 to 1 as the slice views show them at full opacity."""
    table = (activation_rgba()[:, :3] * 255 + 0.5).astype(np.uint8)
    colours: NDArray[np.uint8] = table[np.clip(level * 255 + 0.5, 0, 255).astype(np.uint8)]
    return colours
