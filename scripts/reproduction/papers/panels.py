"""Pictures of a reproduction: histograms, and maps and outlines over images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from .results import replacing

DPI = 110
COLOURS = 256
HIT, FALSE_ALARM, MISS = (0.15, 0.75, 0.25), (0.85, 0.15, 0.15), (0.95, 0.8, 0.1)
MAP_COLOURS, MAP_OPACITY, MASK_OPACITY = "inferno", 0.75, 0.6
TILE_INCHES = 1.9


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture of a grid: a grey image, with a heat map or coloured masks over it.

    Args:
        title: written above.
        image: shape (H, W), any range.
        heat: map in 0..1, shape (H, W).
        found: mask, shape (H, W); with ``truth``, hits are green, false alarms red and misses yellow.
        truth: mask, shape (H, W); outlined in white where ``found`` is not given.
    """

    title: str
    image: NDArray
    heat: NDArray | None = None
    found: NDArray | None = None
    truth: NDArray | None = None


def histograms(
    path: Path,
    values: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    limit: tuple[float, float] = (0.0, 1.0),
    bins: int = 20,
    xlabel: str = "IoU",
) -> None:
    """Draw relative frequencies, a column of histograms per row name and a histogram per series.

    Args:
        path: PNG file, replaced whole.
        values: row to series to values.
        limit: range of the bins.
        bins: number of bins.
        xlabel: what the values are.
    """
    names = list(dict.fromkeys(name for series in values.values() for name in series))
    figure = Figure(figsize=(3.0 * len(names), 2.2 * len(values)), dpi=DPI, layout="constrained")
    axes = figure.subplots(len(values), len(names), squeeze=False, sharex=True, sharey=True)
    for line, (row, series) in zip(axes, values.items(), strict=True):
        for axis, name in zip(line, names, strict=True):
            _histogram(axis, np.asarray(series.get(name, ()), dtype=float), limit, bins)
            axis.set_title(f"{row}: {name}", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel(xlabel)
    save_figure(figure, path)


def _histogram(axis: Axes, values: NDArray, limit: tuple[float, float], bins: int) -> None:
    counted = values[np.isfinite(values)]
    weights = np.full(counted.shape, 1 / max(counted.size, 1))
    axis.hist(counted, bins=bins, range=limit, weights=weights, color="#2a6f97")
    axis.set_xlim(*limit)
    axis.text(0.97, 0.9, f"n = {counted.size}", transform=axis.transAxes, ha="right", va="top", fontsize=8)


def panel_grid(path: Path, rows: Sequence[tuple[str, Sequence[Panel]]]) -> None:
    """Draw panels in rows, each row with a name at its left.

    Args:
        path: PNG file, replaced whole.
        rows: name and panels of each row.
    """
    columns = max(len(panels) for _, panels in rows)
    size = (TILE_INCHES * columns + 0.4, (TILE_INCHES + 0.25) * len(rows))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, (name, panels) in zip(axes, rows, strict=True):
        for axis in line:
            axis.set_xticks([])
            axis.set_yticks([])
            axis.set_frame_on(False)
        for axis, panel in zip(line, panels, strict=False):
            draw_panel(axis, panel)
        line[0].set_ylabel(name, fontsize=9)
    save_figure(figure, path)


def draw_panel(axis: Axes, panel: Panel) -> None:
    """Draw one panel into axes."""
    low, high = np.percentile(panel.image, (1, 99.5))
    axis.imshow(panel.image, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), interpolation="bilinear")
    if panel.heat is not None:
        heat = np.clip(panel.heat, 0, 1)
        axis.imshow(heat, cmap=MAP_COLOURS, vmin=0, vmax=1, alpha=MAP_OPACITY * heat, interpolation="bilinear")
    if panel.found is not None:
        axis.imshow(coloured(panel.found, panel.truth), interpolation="nearest")
    elif panel.truth is not None and panel.truth.any():
        axis.contour(panel.truth > 0, levels=[0.5], colors="white", linewidths=0.9)
    axis.set_title(panel.title, fontsize=8)


def coloured(found: NDArray, truth: NDArray | None) -> NDArray[np.float32]:
    """Colour masks (H, W): hits green, false alarms red, misses yellow; RGBA, float32, shape (H, W, 4)."""
    inside = found > 0
    true = np.zeros_like(inside) if truth is None else truth > 0
    picture = np.zeros((*inside.shape, 4), dtype=np.float32)
    for mask, colour in ((inside & true, HIT), (inside & ~true, FALSE_ALARM), (true & ~inside, MISS)):
        picture[mask] = (*colour, MASK_OPACITY)
    return picture


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG of 256 colours, a third of the size that all colours would take; replaced whole."""
    stream = BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside, Image.open(stream) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(beside, "png", optimize=True)
