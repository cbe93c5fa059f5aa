"""The pictures of an evaluation: cases.png with the best, median and worst cases, and reliability.png."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..cases.drawing import (
    BACKGROUND,
    DIMMED,
    GREY,
    INVERTED,
    OUTLINE,
    TEXT,
    Palette,
    draw_layers,
    draw_outline,
    intensity_window,
    new_figure,
    save_picture,
)
from ..cases.plane_images import display_slices, pixel_aspect
from ..metrics import ReliabilityBin
from ..views import PROJECTIONS, plane_axes
from .assessment import MODEL, SLICE, VOLUME, Assessment, LocalizedFile

CASES_PICTURE, RELIABILITY_PICTURE = "cases.png", "reliability.png"
RANKS = ("best", "median", "worst")
SCORES = {SLICE: "IoU", VOLUME: "Dice"}
LONGEST_NAME = 50
TRUTH, TRUTH_ON_WHITE = "#ffb000", "#d00000"


@dataclass(frozen=True, eq=False)
class Example:
    """A case to be shown.

    Args:
        rank: ``best``, ``median`` or ``worst``.
        assessed: the case.
        image, truth, found: the slice with the largest true or found area, in radiological display order.
        aspect: height of a pixel over its width.
    """

    rank: str
    assessed: Assessment
    image: NDArray[np.float32]
    truth: NDArray[np.bool_]
    found: NDArray[np.bool_]
    aspect: float


def score(assessed: Assessment) -> float:
    """Return what cases are ranked by: the IoU of a slice, the Dice of a volume."""
    found = assessed.agreement[MODEL]
    return found.iou if assessed.kind == SLICE else found.dice


def ranked(assessments: Sequence[Assessment], kind: str) -> dict[str, Assessment]:
    """Choose the best, the median and the worst case with a tumour; fewer where there are fewer cases.

    Args:
        assessments: of slices and volumes.
        kind: ``slice`` or ``volume``.

    Returns:
        Rank to case. Of an even number of cases the median is the better one of both in the middle.
    """
    members = sorted((each for each in assessments if each.kind == kind and each.tumour and each.agreement), key=score)
    if not members:
        return {}
    chosen = dict(zip(RANKS, (members[-1], members[len(members) // 2], members[0]), strict=True))
    return {rank: each for rank, each in chosen.items() if each not in [chosen[r] for r in RANKS[: RANKS.index(rank)]]}


def example(rank: str, assessed: Assessment, seen: LocalizedFile) -> Example:
    """Cut the slice to be shown out of a case.

    Args:
        rank: of the case.
        assessed: the case, whose truth is known.
        seen: its file, localized again.
    """
    assert seen.truth_kji is not None
    view = seen.localization.view
    grid = seen.volume.grid
    axes = plane_axes(grid, PROJECTIONS[0] if view == "projections" else view)
    arrays = (seen.volume.array_kji, seen.truth_kji, seen.found_kji)
    image, truth, found = (display_slices(axes, array) for array in arrays)
    index = assessed.index
    if index is None:
        index = int(np.maximum(*(np.count_nonzero(each, axis=(1, 2)) for each in (truth, found))).argmax())
    return Example(rank, assessed, image[index], truth[index], found[index], pixel_aspect(axes, grid))


def draw_cases(examples: Sequence[Example], title: str, path: Path, *, inverted: bool = False) -> None:
    """Draw a row of slices and a row of volumes, with the outlines of the truth and of the label map.

    Args:
        examples: at least one.
        title: what was evaluated.
        path: of the PNG file.
        inverted: whether high intensities are dark, as of PET.
    """
    palette, truth = (INVERTED, TRUTH_ON_WHITE) if inverted else (GREY, TRUTH)
    figure = new_figure()
    figure.text(0.025, 0.955, title, color=TEXT, fontsize=17, weight="bold", parse_math=False)
    figure.text(0.025, 0.922, "truth", color=truth, fontsize=13, weight="bold")
    figure.text(0.075, 0.922, "label map", color=palette.outline, fontsize=13, weight="bold")
    kinds = [kind for kind in SCORES if any(each.assessed.kind == kind for each in examples)]
    height = 0.89 / len(kinds)
    for row, kind in enumerate(kinds):
        bottom = 0.01 + (len(kinds) - 1 - row) * height
        for each in (each for each in examples if each.assessed.kind == kind):
            left = 0.02 + 0.325 * RANKS.index(each.rank)
            axes = figure.add_axes((left, bottom + 0.055, 0.31, height - 0.075))
            _draw_example(axes, each, palette, truth)
            figure.text(
                left + 0.155, bottom + 0.018, _caption(each), color=TEXT, fontsize=11, ha="center", parse_math=False
            )
    save_picture(figure, path, {"title": title})


def _draw_example(axes: Axes, each: Example, palette: Palette, truth: str) -> None:
    window = intensity_window(each.image[None])
    empty = np.zeros(each.image.shape, dtype=np.float32)
    draw_layers(axes, each.image, empty, each.found, each.aspect, window, palette)
    draw_outline(axes, each.truth, truth, palette.outline_width)


def _caption(each: Example) -> str:
    assessed = each.assessed
    name = assessed.name if len(assessed.name) <= LONGEST_NAME else f"...{assessed.name[-LONGEST_NAME:]}"
    return f"{each.rank} {assessed.kind}   {SCORES[assessed.kind]} {score(assessed):.2f}   {assessed.label}\n{name}"


def draw_reliability(bins: Mapping[str, Sequence[ReliabilityBin]], title: str, path: Path) -> None:
    """Draw for slices and for volumes how often the most probable class is right, by its probability.

    Args:
        bins: kind to bins; kinds without an image are left out.
        title: what was evaluated.
        path: of the PNG file.
    """
    figure = new_figure()
    figure.text(0.025, 0.955, title, color=TEXT, fontsize=17, weight="bold", parse_math=False)
    shown = {kind: own for kind, own in bins.items() if any(each.images for each in own)}
    for place, (kind, own) in enumerate(shown.items()):
        left = 0.07 + 0.48 * place
        _draw_bins(figure.add_axes((left, 0.32, 0.40, 0.56)), figure.add_axes((left, 0.09, 0.40, 0.16)), kind, own)
    save_picture(figure, path, {"title": title})


def _draw_bins(curve: Axes, counts: Axes, kind: str, bins: Sequence[ReliabilityBin]) -> None:
    filled = [each for each in bins if each.images]
    curve.plot([0, 1], [0, 1], color=DIMMED, linewidth=1, linestyle=(0, (4, 4)))
    curve.plot(
        [each.mean_probability for each in filled],
        [each.fraction_correct for each in filled],
        color=OUTLINE,
        marker="o",
        linewidth=1.5,
        clip_on=False,
    )
    curve.set(xlim=(0, 1), ylim=(0, 1.02))
    curve.set_ylabel("share right", color=TEXT, fontsize=11)
    curve.set_title(f"{sum(each.images for each in bins)} {kind}s", color=TEXT, fontsize=13, loc="left")
    middles = [(each.low + each.high) / 2 for each in bins]
    counts.bar(middles, [each.images for each in bins], width=0.9 / len(bins), color=OUTLINE)
    counts.set(xlim=(0, 1))
    counts.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    counts.set_xlabel("probability of the most probable class", color=TEXT, fontsize=11)
    counts.set_ylabel(f"{kind}s", color=TEXT, fontsize=11)
    for axes in (curve, counts):
        axes.set_facecolor(BACKGROUND)
        axes.tick_params(colors=DIMMED)
        for spine in axes.spines.values():
            spine.set_color(DIMMED)
