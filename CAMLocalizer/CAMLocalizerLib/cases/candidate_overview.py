"""What the picture of a case shows of candidates: lesions with their numbers, and those left out, hollow."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..core import MM3_PER_ML
from ..localizer import CandidateLocalization
from ..segment import Component
from ..views import plane_axes
from .drawing import DIMMED, INVERTED, OUTLINE, TEXT, draw_outline, halo
from .plane_images import display_slices
from .report import CaseResult

HOLLOW, HOLLOW_WIDTH = "#8a8f98", 0.9
MOST_NUMBERED, MOST_LISTED = 30, 12
PLACE, LINE = (0.71, 0.365), 0.0215


def left_out_mask(result: CaseResult, found: CandidateLocalization) -> NDArray[np.bool_]:
    """Return the voxels of the candidates that the threshold leaves out and no reviewer added."""
    component_set = found.left_out(result.label_settings)
    mask = np.zeros(found.volume.grid.shape_kji, dtype=bool)
    component_set.write(mask, range(1, len(component_set) + 1))
    return mask & (result.label_map.array_kji == 0)


def mark_candidates(axes: Axes, plane: str, result: CaseResult, left_out: NDArray[np.bool_]) -> None:
    """Draw the numbers of the lesions into a projection, and the outlines of what was left out.

    Args:
        axes: with the projection in pixels.
        plane: of the projection.
        result: the case.
        left_out: voxels, on the volume's grid.
    """
    grid = result.localization.volume.grid
    view = plane_axes(grid, plane)
    draw_outline(axes, display_slices(view, left_out).max(axis=0), HOLLOW, HOLLOW_WIDTH)
    for entry in result.components[:MOST_NUMBERED]:
        place = view.pixel_at(grid, entry.centre_lps_mm)
        style: dict[str, Any] = {
            "color": INVERTED.outline,
            "fontsize": 11,
            "weight": "bold",
            "path_effects": halo(INVERTED),
        }
        axes.annotate(str(entry.label), place, (9, 9), textcoords="offset points", **style)


def list_candidates(figure: Figure, result: CaseResult) -> None:
    """Write a line per lesion, and how many candidates were left out."""
    x, y = PLACE
    head = f"{'':>3}  probability   SUVmax   SUVpeak        MTV"
    figure.text(x, y, head, color=DIMMED, fontsize=10, family="monospace")
    for number, entry in enumerate(result.components[:MOST_LISTED], start=1):
        figure.text(x, y - LINE * number, _line(entry), color=TEXT, fontsize=10, family="monospace")
    more = len(result.components) - MOST_LISTED
    below = y - LINE * (min(len(result.components), MOST_LISTED) + 1.5)
    words = [f"and {more} more"] if more > 0 else []
    words += [f"{len(result.left_out)} candidates left out, drawn hollow"] if result.left_out else []
    words += ["no suspicious uptake"] if not result.components else []
    figure.text(x, below, "; ".join(words), color=OUTLINE if not result.components else DIMMED, fontsize=10)


def _line(entry: Component) -> str:
    probability = "" if entry.peak is None else f"{entry.peak:.2f}"
    if entry.suv is None:
        return f"{entry.label:>3}  {probability:>11}  {'':>7}  {'':>8}  {entry.volume_mm3 / MM3_PER_ML:>7.1f} ml"
    highest, _, peak, volume, _ = entry.suv.texts()
    return f"{entry.label:>3}  {probability:>11}  {highest:>7}  {peak:>8}  {volume:>7} ml"
