"""The picture of a case of two projections."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..core import SUV_WINDOW
from ..localizer import CandidateLocalization, ProjectionLocalization
from ..localizer.label_settings import OF_MODEL
from ..views import MAX_SUV, PROJECTIONS
from .candidate_overview import left_out_mask, list_candidates, mark_candidates
from .drawing import DIMMED, INVERTED, OUTLINE, TEXT, draw_layers, draw_sides, write_on
from .plane_images import PlaneImages, in_plane
from .report import CaseResult

TALL = {"coronal": (0.025, 0.035, 0.33, 0.865), "sagittal": (0.365, 0.035, 0.33, 0.865)}
AXIAL, BARS = (0.71, 0.43, 0.265, 0.47), (0.80, 0.09, 0.165, 0.25)
BRIGHTEST_PERCENTILE, DARKEST_SUV = 99.0, 10.0


def draw_projection_case(figure: Figure, result: CaseResult, found: ProjectionLocalization) -> None:
    """Draw both projections with their maps and outlines, an axial slice, and the probabilities.

    Args:
        figure: with the title.
        result: the case.
        found: its localization.
    """
    maps = found.projected_maps(result.label_settings.changed(probability_limit=OF_MODEL))  # also below the limit asked
    window = _window(found)
    left_out = left_out_mask(result, found) if isinstance(found, CandidateLocalization) else None
    for plane, place in TALL.items():
        seen = in_plane(result, plane, maps[plane])
        axes = figure.add_axes(place)
        _draw_projection(axes, seen, window)
        if left_out is not None:
            mark_candidates(axes, plane, result, left_out)
    _draw_axial(figure.add_axes(AXIAL), in_plane(result, "axial"), window)
    unit = found.volume.unit or found.card.unit
    legend = f"black: {f'{window[1]:.3g} {unit}'.rstrip()} and more   colour: map   outline: label map"
    figure.text(0.025, 0.014, legend, color=DIMMED, fontsize=10, parse_math=False)
    if left_out is not None:
        list_candidates(figure, result)
    else:
        _draw_probabilities(figure.add_axes(BARS), found)


def _window(found: ProjectionLocalization) -> tuple[float, float]:
    """Show 0 as white; as black SUV 7 for candidates, else 10, less where all is fainter, more without SUV."""
    if isinstance(found, CandidateLocalization) and found.factor == 1:
        return SUV_WINDOW
    images = found.pair.images
    body = images[images > images.mean(dtype=np.float64)]
    if not body.size:
        return 0.0, 1.0
    highest = float(np.percentile(body, BRIGHTEST_PERCENTILE))
    return 0.0, max(min(highest, DARKEST_SUV) if np.median(body) <= MAX_SUV else highest, 1e-6)


def _draw_projection(axes: Axes, seen: PlaneImages, window: tuple[float, float]) -> None:
    image, activation, mask = seen.image.max(axis=0), seen.activation[0], seen.mask.max(axis=0)
    draw_layers(axes, image, activation, mask, seen.aspect, window, INVERTED)
    write_on(axes, 0.02, 0.05, f"maximum, {seen.plane}", INVERTED, va="bottom")
    draw_sides(axes, seen.plane, INVERTED)


def _draw_axial(axes: Axes, seen: PlaneImages, window: tuple[float, float]) -> None:
    """Draw the slice with most labelled voxels, else that with most activation, else the middle one."""
    labelled = np.count_nonzero(seen.mask, axis=(1, 2))
    matters = labelled if labelled.any() else seen.activation.sum(axis=(1, 2), dtype=np.float64)
    index = int(matters.argmax()) if matters.any() else len(matters) // 2
    layers = (seen.image[index], seen.activation[index], seen.mask[index])
    draw_layers(axes, *layers, seen.aspect, window, INVERTED)
    write_on(axes, 0.02, 0.975, "axial slice", INVERTED, va="top")
    draw_sides(axes, seen.plane, INVERTED)


def _draw_probabilities(axes: Axes, found: ProjectionLocalization) -> None:
    """Draw a bar per class and projection."""
    classes, thickness = found.card.classes, 0.38
    places: NDArray = np.arange(len(classes))[::-1]
    for offset, colour, name, row in zip(
        (thickness / 2, -thickness / 2), (OUTLINE, "#3d6f66"), PROJECTIONS, found.probabilities, strict=True
    ):
        bars = axes.barh(places + offset, row, height=thickness * 0.9, color=colour, label=name)
        axes.bar_label(bars, [f"{value:.2f}" for value in row], padding=3, color=TEXT, fontsize=9)
    axes.set_facecolor("#171b21")
    axes.set(xlim=(0, 1.15), xticks=[0, 0.5, 1], yticks=places)
    axes.set_yticklabels(classes, color=TEXT, fontsize=10, parse_math=False)
    axes.tick_params(colors=DIMMED, labelsize=9, length=0)
    axes.tick_params(axis="y", labelcolor=TEXT, labelsize=10)
    axes.set_title("probability in each projection", color=DIMMED, fontsize=10, loc="left", pad=22)
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.02, 0.99), ncols=2, frameon=False, labelcolor=TEXT, fontsize=9,
        handlelength=1.0, columnspacing=1.2, borderpad=0.2,
    )  # fmt: skip
    for spine in axes.spines.values():
        spine.set_visible(False)
