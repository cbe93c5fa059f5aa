"""overview.png: the slices that matter with map and outline, and maximum projections."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..localizer import ProjectionLocalization
from .drawing import (
    BACKGROUND,
    DIMMED,
    HEIGHT_INCHES,
    OUTLINE,
    WIDTH_INCHES,
    draw_layers,
    draw_sides,
    draw_title,
    new_figure,
    write_on,
)
from .plane_images import PlaneImages, in_plane
from .projection_overview import draw_projection_case
from .provenance import provenance
from .report import CaseResult

COMPRESSION_LEVEL = 3  # files are 3 % larger than at the usual level and written in less than half of the time
MOST_TILES, TILE_AREA = 8, (0.665, 0.70)
ACROSS = {"axial": "coronal", "coronal": "axial", "sagittal": "axial"}
CONTENT_LEVEL, MARGIN = 0.12, 0.03
PROJECTION_DIMMING = 1.7


def write_overview(result: CaseResult, path: Path | IO[bytes]) -> None:
    """Draw the overview of a case, 1600 pixels wide.

    Args:
        result: the case.
        path: the PNG file to write, or an open one.

    Raises:
        OSError: the file cannot be written.
    """
    figure = new_figure()
    draw_title(figure, result)
    if isinstance(result.localization, ProjectionLocalization):
        draw_projection_case(figure, result, result.localization)
    else:
        _draw_slice_case(figure, result)
    with warnings.catch_warnings():  # a name may have letters that the font lacks; the picture is still good
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        facts = {"Software": None, "Description": json.dumps(provenance(result))}
        compression = {"compress_level": COMPRESSION_LEVEL}
        figure.savefig(path, facecolor=BACKGROUND, metadata=facts, pil_kwargs=compression)


def _draw_slice_case(figure: Figure, result: CaseResult) -> None:
    images = crop_to_content(in_plane(result, result.localization.view))
    window = _window(images.image)
    chosen = choose_slices(images)
    shape = images.image.shape[1] * images.aspect / images.image.shape[2]
    for place, index in enumerate(chosen):
        _draw_slice(_tile(figure, place, len(chosen), shape), images, index, window, result)
    _draw_projections(figure, result, images, window)
    _draw_strip(figure.add_axes((0.035, 0.065, 0.93, 0.10)), result, chosen)


def crop_to_content(images: PlaneImages) -> PlaneImages:
    """Cut off rows and columns in which no slice has anything to see, but for a small margin."""
    low, high = _window(images.image)
    shown = images.image.max(axis=0) > low + CONTENT_LEVEL * (high - low)
    shown |= images.mask.any(axis=0)
    rows, columns = (_extent(shown.any(axis=axis)) for axis in (1, 0))
    part = (slice(None), rows, columns)
    return replace(images, image=images.image[part], activation=images.activation[part], mask=images.mask[part])


def _extent(used: NDArray[np.bool_]) -> slice:
    places = np.flatnonzero(used)
    if not places.size:
        return slice(0, len(used))
    margin = max(1, round(MARGIN * len(used)))
    return slice(max(0, int(places[0]) - margin), int(places[-1]) + 1 + margin)


def choose_slices(images: PlaneImages) -> tuple[int, ...]:
    """Return the slices that matter most, at most eight, in display order.

    Of the labelled slices (of those with activation where no voxel is labelled) each eighth gives the one with
    most, so that thin slices do not show the same place eight times; the middle slice where there is neither.
    """
    labelled = np.count_nonzero(images.mask, axis=(1, 2)).astype(np.float64)
    matters = labelled if labelled.any() else images.activation.sum(axis=(1, 2), dtype=np.float64)
    places = np.flatnonzero(matters)
    if not places.size:
        return (len(matters) // 2,)
    parts = np.array_split(places, min(MOST_TILES, places.size))
    return tuple(int(part[matters[part].argmax()]) for part in parts)


def _window(image: NDArray[np.float32]) -> tuple[float, float]:
    sampled = image[:, ::2, ::2]
    above = sampled[sampled > sampled.min()]
    if not above.size:
        return float(image.min()), float(image.max())
    low, high = np.percentile(above, (1, 99.7)).tolist()
    return low, max(high, low + 1e-6)


def _tile(figure: Figure, place: int, count: int, shape: float) -> Axes:
    """Add the axes of one of ``count`` tiles, in as many columns as make them largest; shape is height over width."""
    area_width, area_height = TILE_AREA[0] * WIDTH_INCHES, TILE_AREA[1] * HEIGHT_INCHES

    def tile_width(columns: int) -> float:
        return min(area_width / columns, area_height / -(-count // columns) / shape)

    columns = max(range(1, count + 1), key=tile_width)
    rows = -(-count // columns)
    width, height = TILE_AREA[0] / columns, TILE_AREA[1] / rows
    left = 0.025 + place % columns * width
    bottom = 0.21 + (rows - 1 - place // columns) * height
    return figure.add_axes((left, bottom, width - 0.006, height - 0.008))


def _draw_slice(axes: Axes, images: PlaneImages, index: int, window: tuple[float, float], result: CaseResult) -> None:
    draw_layers(axes, images.image[index], images.activation[index], images.mask[index], images.aspect, window)
    probability = float(result.localization.tumour_probabilities[index])
    note = f"{result.localization.image_labels[index]}   p = {probability:.2f}"
    write_on(axes, 0.03, 0.03, note, va="bottom")
    draw_sides(axes, images.plane)


def _draw_projections(figure: Figure, result: CaseResult, images: PlaneImages, window: tuple[float, float]) -> None:
    """Draw maximum projections: through the slices, and across them where there are several."""
    places = [(0.70, 0.21, 0.275, 0.692)]
    shown = [images]
    if len(images.image) > 1:
        places = [(0.70, 0.475, 0.275, 0.425), (0.70, 0.21, 0.275, 0.255)]
        shown.append(crop_to_content(in_plane(result, ACROSS[images.plane])))
    dimmed = (window[0], window[0] + PROJECTION_DIMMING * (window[1] - window[0]))  # projections are bright
    for place, seen in zip(places, shown, strict=True):
        axes = figure.add_axes(place)
        highest = [array.max(axis=0) for array in (seen.image, seen.activation, seen.mask)]
        draw_layers(axes, highest[0], highest[1], highest[2], seen.aspect, dimmed)
        write_on(axes, 0.02, 0.03, f"maximum, {seen.plane}", va="bottom")
        draw_sides(axes, seen.plane)


def _draw_strip(axes: Axes, result: CaseResult, chosen: tuple[int, ...]) -> None:
    """Draw the tumour probability of every slice; those shown above are bright."""
    probabilities = result.localization.tumour_probabilities
    stored = result.localization.image_labels
    colours = [OUTLINE if index in chosen else "#3d6f66" for index in range(len(probabilities))]
    axes.set_facecolor("#171b21")
    axes.bar(stored, probabilities, width=0.84, color=colours)
    axes.axhline(0.5, color=DIMMED, linewidth=0.7, linestyle=(0, (4, 4)))
    axes.set(xlim=(-0.6, len(stored) - 0.4), ylim=(0, 1.02), yticks=[0, 0.5, 1])
    axes.tick_params(colors=DIMMED, labelsize=9, length=0)
    axes.set_xlabel(f"{result.localization.view} slice", color=DIMMED, fontsize=10, labelpad=2)
    axes.set_title("tumour probability", color=DIMMED, fontsize=10, loc="left", pad=4)
    for spine in axes.spines.values():
        spine.set_visible(False)
