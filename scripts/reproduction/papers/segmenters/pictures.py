"""Pictures of the classifiers as segmenters: maps, filtered regions, and Dice against accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from CAMLocalizerLib.evaluation.filters import CAM, FILTERS, ORIGINAL, borrowed_masks, filter_weights
from CAMLocalizerLib.evaluation.roi_set import RoiSet, multiplied

from ..panels import DPI, Panel, panel_grid, save_figure
from .plan import NETWORKS, published
from .report import Rows
from .study import TUMOUR, Study

MAPS, FILTERED, SCATTER = "maps.png", "filtered.png", "figure8.png"
QUANTILES = (0.25, 0.5, 0.75, 0.9)  # of the size of the tumour


def draw_pictures(output: Path, study: Study, rows: Rows) -> tuple[tuple[str, str], ...]:
    """Draw what can be drawn of what has been measured.

    Pictures that show regions stay in the study's ``work``: the licence of MIAS does not clearly let them be published.

    Returns:
        File names and captions of the pictures in ``output``.
    """
    fold = study.settings.folds[0]
    names = [name for name, folds in rows.items() if folds[0].fold == fold]
    shown = shown_regions(study.rois, fold)
    _draw_maps(study.work / MAPS, study, names, fold, shown)
    _draw_filtered(study.work / FILTERED, study, names, fold, shown[len(shown) // 2])
    if not any(CAM in folds[0].results for folds in rows.values()):
        return ()
    draw_scatter(output / SCATTER, rows)
    return ((SCATTER, "Mean-Dice and accuracy on CAM-filtered regions of each classifier (Fig. 8)"),)


def shown_regions(rois: RoiSet, fold: int) -> list[int]:
    """Choose held-out abnormal regions by the size of the tumour alone, from small to large."""
    assert rois.truth is not None
    held_out = np.flatnonzero((rois.labels == TUMOUR) & (rois.folds == fold))
    ranked = held_out[np.argsort(rois.truth[held_out].sum(axis=(1, 2)), kind="stable")]
    return list(dict.fromkeys(int(ranked[int(part * (len(ranked) - 1))]) for part in QUANTILES))


def _draw_maps(path: Path, study: Study, names: Sequence[str], fold: int, shown: Sequence[int]) -> None:
    rois = study.rois
    assert rois.truth is not None
    maps = {name: study.maps(name, fold).tumour for name in names}
    rows = []
    for index in shown:
        grey, truth = rois.grey[index], rois.truth[index]
        panels = [Panel("truth", grey, truth=truth)]
        panels += [
            Panel(NETWORKS[name].partition(",")[0], grey, heat=maps[name][index] / 255, truth=truth) for name in names
        ]
        rows.append((str(rois.names[index]), panels))
    panel_grid(path, rows)


def _draw_filtered(path: Path, study: Study, names: Sequence[str], fold: int, sick: int) -> None:
    rois = study.rois
    maps = study.maps(names[0], fold).weights
    seed = study.settings.options(names[0], fold).seed
    sizes = borrowed_masks(rois, seed).mean(axis=(1, 2))
    normal = np.flatnonzero((rois.labels != TUMOUR) & (rois.folds == fold))
    healthy = int(normal[np.argmin(np.abs(sizes[normal] - sizes[sick]))])  # with an outline of about the same size
    weights = {kind: filter_weights(kind, rois, maps=maps, seed=seed) for kind in FILTERS}
    rows = []
    for title, index in (("tumour", sick), ("normal", healthy)):
        panels = []
        for kind, weight in weights.items():
            grey = rois.grey[index : index + 1]
            filtered = grey if weight is None else multiplied(grey, weight[index : index + 1])
            panels.append(Panel(f"{kind} ({NETWORKS[names[0]]})" if kind == CAM else kind, filtered[0]))
        rows.append((title, panels))
    panel_grid(path, rows)


def draw_scatter(path: Path, rows: Rows) -> None:
    """Draw mean-Dice against CAM_val_acc, ours filled and the paper's hollow, with the accuracy on original regions."""
    figure = Figure(figsize=(6.4, 4.4), dpi=DPI, layout="constrained")
    axis = figure.subplots()
    for number, (name, folds) in enumerate(rows.items()):
        found = [each for each in folds if CAM in each.results]
        if not found:
            continue
        colour, dice = f"C{number}", np.mean([each.dice.mean() for each in found])
        ours = np.mean([each.results[CAM].accuracy for each in found])
        axis.scatter(dice, ours, color=colour, label=NETWORKS[name])
        paper = published(name)
        if paper.dice is not None and paper.cam_val_acc is not None:
            axis.scatter(paper.dice, paper.cam_val_acc, edgecolor=colour, facecolor="none")
        axis.scatter(dice, np.mean([each.results[ORIGINAL].accuracy for each in found]), color=colour, marker="+")
    axis.set_xlabel("mean-Dice of the maps")
    axis.set_ylabel("accuracy on CAM-filtered regions")
    axis.set_title("filled: ours, hollow: the paper's, cross: ours on original regions", fontsize=9)
    axis.legend(fontsize=8)
    save_figure(figure, path)
