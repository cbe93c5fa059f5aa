"""overview.png: the slices that matter with map and outline, and maximum projections."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from ..core import Grid
from ..views import PlaneAxes, plane_axes
from .report import CaseResult, finding

WIDTH_INCHES, HEIGHT_INCHES, DPI = 16.0, 9.4, 100
MOST_TILES, TILE_AREA = 8, (0.665, 0.70)
BACKGROUND, TEXT, DIMMED, OUTLINE = "#101317", "#e8ecef", "#8b949e", "#4dffd2"
COLOURS = "inferno"
SIDES = {"axial": ("R", "L", "A", "P"), "coronal": ("R", "L", "S", "I"), "sagittal": ("A", "P", "S", "I")}
ACROSS = {"axial": "coronal", "coronal": "axial", "sagittal": "axial"}
LOWEST_SHOWN, DENSEST = 0.08, 0.62
CONTENT_LEVEL, MARGIN = 0.12, 0.03
PROJECTION_DIMMING = 1.7


@dataclass(frozen=True, eq=False)
class PlaneImages:
    """Image, activation and mask as (slices, rows, columns) in anatomical display order, without copies.

    Args:
        image: intensities.
        activation: 0 to 1.
        mask: above 0 where labelled.
        aspect: height of a pixel over its width.
        plane: name of the plane.
    """

    image: NDArray[np.float32]
    activation: NDArray[np.float32]
    mask: NDArray[np.uint8]
    aspect: float
    plane: str


def write_overview(result: CaseResult, path: Path) -> None:
    """Draw the overview of a case, 1600 pixels wide.

    Args:
        result: the case.
        path: the PNG file to write.

    Raises:
        OSError: the file cannot be written.
    """
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), dpi=DPI, facecolor=BACKGROUND)
    images = crop_to_content(in_plane(result, result.localization.view))
    window = _window(images.image)
    _draw_title(figure, result)
    chosen = choose_slices(images)
    shape = images.image.shape[1] * images.aspect / images.image.shape[2]
    for place, index in enumerate(chosen):
        _draw_slice(_tile(figure, place, len(chosen), shape), images, index, window, result)
    _draw_projections(figure, result, images, window)
    _draw_strip(figure.add_axes((0.035, 0.065, 0.93, 0.10)), result, chosen)
    with warnings.catch_warnings():  # a name may have letters that the font lacks; the picture is still good
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(path, facecolor=BACKGROUND, metadata={"Software": None})


def in_plane(result: CaseResult, plane: str) -> PlaneImages:
    """View the arrays of a case as slices of a plane, the way a radiologist looks at them."""
    volume = result.localization.volume
    axes = plane_axes(volume.grid, plane)
    arrays = (volume.array_kji, result.activation, result.label_map.array_kji)
    image, activation, mask = (_display(axes, array) for array in arrays)
    return PlaneImages(image, activation, mask, _aspect(axes, volume.grid), plane)


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


def _display(axes: PlaneAxes, array: NDArray) -> NDArray:
    return axes.as_slices(array)[:, :: axes.signs[1], :: axes.signs[0]]


def _aspect(axes: PlaneAxes, grid: Grid) -> float:
    columns, rows, _ = axes.axes
    return grid.spacing_mm[rows] / grid.spacing_mm[columns]


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
    _draw_layers(axes, images.image[index], images.activation[index], images.mask[index], images.aspect, window)
    probability = float(result.localization.pyramid.tumour_probabilities[index])
    note = f"{_stored_index(result, index)}   p = {probability:.2f}"
    _write(axes, 0.03, 0.03, note, va="bottom")
    _draw_sides(axes, images.plane)


def _stored_index(result: CaseResult, index: int) -> int:
    pyramid = result.localization.pyramid
    sign = plane_axes(pyramid.source_grid, pyramid.view).signs[2]
    return index if sign > 0 else len(pyramid.probabilities) - 1 - index


def _draw_layers(
    axes: Axes, image: NDArray, activation: NDArray, mask: NDArray, aspect: float, window: tuple[float, float]
) -> None:
    axes.set_facecolor("black")
    axes.imshow(image, cmap="gray", vmin=window[0], vmax=window[1], aspect=aspect, interpolation="bilinear")
    opacity = np.where(activation > LOWEST_SHOWN, np.clip(activation, 0, 1) ** 0.8 * DENSEST, 0.0)
    options: dict[str, Any] = {"cmap": COLOURS, "vmin": 0, "vmax": 1, "aspect": aspect, "interpolation": "bilinear"}
    axes.imshow(activation, alpha=opacity, **options)
    if mask.any() and min(mask.shape) > 1:
        padded = np.pad(mask > 0, 1).astype(np.float32)
        rows, columns = np.arange(-1, mask.shape[0] + 1), np.arange(-1, mask.shape[1] + 1)
        axes.contour(columns, rows, padded, levels=[0.5], colors=OUTLINE, linewidths=1.3)
    axes.set(xticks=[], yticks=[], xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_sides(axes: Axes, plane: str) -> None:
    left, right, top, bottom = SIDES[plane]
    places = ((0.025, 0.5, left, "left"), (0.975, 0.5, right, "right"), (0.5, 0.975, top, "center"))
    for x, y, letter, align in (*places, (0.5, 0.02, bottom, "center")):
        vertical = {0.975: "top", 0.02: "bottom"}.get(y, "center")
        _write(axes, x, y, letter, ha=align, va=vertical)


def _write(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Write on an image, legible on bright parts too."""
    outlined = [withStroke(linewidth=2.5, foreground="black")]
    axes.text(x, y, text, transform=axes.transAxes, color=TEXT, fontsize=10, path_effects=outlined, **style)


def _draw_title(figure: Figure, result: CaseResult) -> None:
    found = result.localization
    figure.text(0.025, 0.955, found.volume.name, color=TEXT, fontsize=19, weight="bold", parse_math=False)
    colour = OUTLINE if result.tumour_found else TEXT
    figure.text(0.025, 0.925, finding(result), color=colour, fontsize=12)
    scales = "+".join(map(str, result.settings["scales"]))
    model = f"{found.card.name} {found.card.version}   scales {scales}   threshold {result.settings['threshold']}"
    figure.text(0.975, 0.955, model, color=DIMMED, fontsize=11, ha="right", parse_math=False)
    figure.text(0.975, 0.925, "for research, not a medical device", color=DIMMED, fontsize=10, ha="right")


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
        _draw_layers(axes, highest[0], highest[1], highest[2], seen.aspect, dimmed)
        _write(axes, 0.02, 0.03, f"maximum, {seen.plane}", va="bottom")
        _draw_sides(axes, seen.plane)


def _draw_strip(axes: Axes, result: CaseResult, chosen: tuple[int, ...]) -> None:
    """Draw the tumour probability of every slice; those shown above are bright."""
    probabilities = result.localization.pyramid.tumour_probabilities
    stored = [_stored_index(result, index) for index in range(len(probabilities))]
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
