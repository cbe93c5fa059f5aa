"""What all overviews are drawn with: colours, layers of an image, letters of the sides, the title."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, withStroke
from numpy.typing import NDArray

from .report import CaseResult, finding

WIDTH_INCHES, HEIGHT_INCHES, DPI = 16.0, 9.4, 100
MOST_VOXELS_LOOKED_AT = 1 << 26
COMPRESSION_LEVEL = 3  # files are 3 % larger than at the usual level and written in less than half of the time
BACKGROUND, TEXT, DIMMED, OUTLINE = "#101317", "#e8ecef", "#8b949e", "#4dffd2"
SIDES = {"axial": ("R", "L", "A", "P"), "coronal": ("R", "L", "S", "I"), "sagittal": ("A", "P", "S", "I")}
LOWEST_SHOWN, DENSEST = 0.08, 0.62


@dataclass(frozen=True)
class Palette:
    """Colours of an image, of the map on it and of the outline.

    Args:
        image: colour map of the intensities.
        activation: colour map of the activation.
        outline: colour of the outline.
        face: colour beside the image.
        text: colour of what is written on the image.
        halo: colour around each letter.
        outline_width: in points.
    """

    image: str
    activation: str
    outline: str
    face: str
    text: str
    halo: str
    outline_width: float = 1.3


GREY = Palette("gray", "inferno", OUTLINE, "black", TEXT, "black")
INVERTED = Palette("gray_r", "YlOrRd", "#0050ff", "white", BACKGROUND, "white", 1.6)


def new_figure() -> Figure:
    """Return an empty picture, 1600 pixels wide."""
    return Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), dpi=DPI, facecolor=BACKGROUND)


def draw_layers(
    axes: Axes,
    image: NDArray,
    activation: NDArray,
    mask: NDArray,
    aspect: float,
    window: tuple[float, float],
    palette: Palette = GREY,
) -> None:
    """Draw an image, the activation over it and the outline of the mask.

    Args:
        axes: where.
        image: intensities, shape (rows, columns).
        activation: 0 to 1, the same shape.
        mask: above 0 where labelled, the same shape.
        aspect: height of a pixel over its width.
        window: intensities at both ends of the grey scale.
        palette: colours.
    """
    axes.set_facecolor(palette.face)
    axes.imshow(image, cmap=palette.image, vmin=window[0], vmax=window[1], aspect=aspect, interpolation="bilinear")
    opacity = np.where(activation > LOWEST_SHOWN, np.clip(activation, 0, 1) ** 0.8 * DENSEST, 0.0)
    options: dict[str, Any] = {
        "cmap": palette.activation,
        "vmin": 0,
        "vmax": 1,
        "aspect": aspect,
        "interpolation": "bilinear",
    }
    axes.imshow(activation, alpha=opacity, **options)
    draw_outline(axes, mask, palette.outline, palette.outline_width)
    axes.set(xticks=[], yticks=[], xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_outline(axes: Axes, mask: NDArray, colour: str, width: float) -> None:
    """Draw the outline of a mask, closed at the image's border.

    Args:
        axes: with the image in pixels.
        mask: above 0 inside, shape (rows, columns).
        colour: of the line.
        width: in points.
    """
    if not mask.any() or min(mask.shape) < 2:
        return
    padded = np.pad(mask > 0, 1).astype(np.float32)
    rows, columns = np.arange(-1, mask.shape[0] + 1), np.arange(-1, mask.shape[1] + 1)
    axes.contour(columns, rows, padded, levels=[0.5], colors=colour, linewidths=width)


def draw_sides(axes: Axes, plane: str, palette: Palette = GREY) -> None:
    """Write which side of the patient lies where: left, right, anterior, posterior, superior or inferior."""
    left, right, top, bottom = SIDES[plane]
    places = ((0.025, 0.5, left, "left"), (0.975, 0.5, right, "right"), (0.5, 0.975, top, "center"))
    for x, y, letter, align in (*places, (0.5, 0.02, bottom, "center")):
        vertical = {0.975: "top", 0.02: "bottom"}.get(y, "center")
        write_on(axes, x, y, letter, palette, ha=align, va=vertical)


def write_on(axes: Axes, x: float, y: float, text: str, palette: Palette = GREY, **style: Any) -> None:
    """Write on an image, legible on bright parts too."""
    outlined = halo(palette)
    axes.text(x, y, text, transform=axes.transAxes, color=palette.text, fontsize=10, path_effects=outlined, **style)


def halo(palette: Palette) -> list[AbstractPathEffect]:
    """Return what makes letters legible on any part of an image."""
    return [withStroke(linewidth=2.5, foreground=palette.halo)]


def intensity_window(image: NDArray[np.float32]) -> tuple[float, float]:
    """Return the intensities of both ends of the grey scale: percentiles of what is above the minimum.

    Args:
        image: slices, shape (slices, rows, columns). Of many large ones some are left out.
    """
    every = max(1, image.size // MOST_VOXELS_LOOKED_AT)
    sampled = image[::every, ::2, ::2]
    above = sampled[sampled > sampled.min()]
    if not above.size:
        return float(image.min()), float(image.max())
    low, high = np.percentile(above, (1, 99.7)).tolist()
    return low, max(high, low + 1e-6)


def save_picture(figure: Figure, path: Path | IO[bytes], facts: dict[str, Any]) -> None:
    """Write a figure as PNG with some facts in its metadata.

    Raises:
        OSError: the file cannot be written.
    """
    with warnings.catch_warnings():  # a name may have letters that the font lacks; the picture is still good
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        metadata = {"Software": None, "Description": json.dumps(facts)}
        compression = {"compress_level": COMPRESSION_LEVEL}
        figure.savefig(path, facecolor=BACKGROUND, metadata=metadata, pil_kwargs=compression)


def draw_title(figure: Figure, result: CaseResult) -> None:
    """Write case, finding, model and settings at the top."""
    found = result.localization
    figure.text(0.025, 0.955, found.volume.name, color=TEXT, fontsize=19, weight="bold", parse_math=False)
    colour = OUTLINE if result.tumour_found else TEXT
    figure.text(0.025, 0.925, finding(result), color=colour, fontsize=12, parse_math=False)
    scales = "+".join(map(str, result.settings["scales"]))
    model = f"{found.card.name} {found.card.version}   scales {scales}   threshold {result.settings['threshold']}"
    if border := result.settings.get("uptake_border"):
        model += f"   border {border}"
    figure.text(0.975, 0.955, model, color=DIMMED, fontsize=11, ha="right", parse_math=False)
    figure.text(0.975, 0.925, "for research, not a medical device", color=DIMMED, fontsize=10, ha="right")
