"""What refinement along image edges gains: IoU and Dice of label maps before and after, case by case."""

from __future__ import annotations

import csv
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np

from CAMLocalizerLib.localizer import Localization
from CAMLocalizerLib.metrics import fraction_below
from CAMLocalizerLib.option_names import REFINEMENTS
from CAMLocalizerLib.segment import refine

from ..models.brain_t1ce.cases import (
    FIGSHARE,
    FIGSHARE_FOLDER,
    PROGRESSION,
    PROGRESSION_FOLDER,
    Overlap,
    figshare_cases,
    fold_networks,
    measure_overlap,
    progression_cases,
)

CHOSEN_ON = (1, 2)
HELD_OUT, SEEN = "held out", "chosen on"
COLUMNS = (
    "patients",
    "group",
    "method",
    "cases",
    "slices",
    "iou",
    "dice",
    "slice_iou",
    "iou_gain",
    "better",
    "worse",
    "missed_slices",
    "seconds",
)
NOTE = """\
Made by `scripts/evaluate_refinement.py`. A network is run over the patients that its fold held out, and its label maps
(the model's own settings) are refined. The constants of the methods were chosen on half of the pseudo-stacks of folds
1 and 2 and the volumes of these folds with their masks in view, with the networks of version 1; the masks of folds 3
and 4 ("held out") were read for this table only, except that the probability at which the walk draws the border, and
the model's threshold, are one of three pairs of values that were compared on all folds.
IoU and Dice are means over pseudo-stacks (7 mm step) or volumes, slice IoU over slices that show a tumour; better and
worse count the cases whose
IoU changed by more than 0.01; missed is the share of these slices with an IoU of at most 0.01; seconds per case are
those of one busy core."""


@dataclass(frozen=True)
class Row:
    """One case under one method."""

    fold: int
    group: str
    case: str
    method: str
    outcome: Overlap
    seconds: float


def measured(data: Path, training: Path, *, everyone: bool = False, every: int = 1) -> Iterator[Row]:
    """Run every network over the patients that its fold held out, and refine by every method.

    Args:
        data: folder with figshare_brain_tumor and brain3d_btp.
        training: output folder of ``camlocalizer train``.
        everyone: include the folds on which the constants were chosen.
        every: take every n-th stack only.
    """
    networks = fold_networks(training)
    patients = {patient for patient, fold in networks.folds.items() if everyone or fold not in CHOSEN_ON}
    stacks = figshare_cases(data / FIGSHARE_FOLDER, patients)
    volumes = progression_cases(data / PROGRESSION_FOLDER, patients)
    for case in chain(islice(stacks, 0, None, every), volumes):
        localizer, fold = networks.localizer(case.patient), networks.folds[case.patient]
        found = localizer.run(case.volume, view=case.plane, scales=networks.card.scales)
        assert isinstance(found, Localization)
        activation, label_map = found.activation(), found.label_map(refinement="none")
        group = case.label if case.site == FIGSHARE else case.site
        for method in REFINEMENTS:
            begin = time.perf_counter()
            refined = refine(activation, label_map, case.volume, method)
            seconds = time.perf_counter() - begin
            yield Row(fold, group, case.volume.name, method, measure_overlap(case, refined.array_kji), seconds)
        print(case.volume.name, flush=True)


def summary(rows: list[Row]) -> list[dict[str, str]]:
    """Average by patients, group and method, beside the gain over the unrefined label maps."""
    before = {(row.group, row.case): row.outcome.iou for row in rows if row.method == "none"}
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        patients = SEEN if row.fold in CHOSEN_ON else HELD_OUT
        groups[patients, row.group, row.method].append(row)
        if row.group != PROGRESSION:
            groups[patients, "all figshare", row.method].append(row)
    order = sorted(groups, key=lambda key: (key[0] != HELD_OUT, key[1] == PROGRESSION, key[1]))
    return [line(key, groups[key], before) for key in order]


def line(key: tuple[str, str, str], rows: list[Row], before: dict[tuple[str, str], float]) -> dict[str, str]:
    """Summarise the cases of one group under one method."""
    gains = np.array([row.outcome.iou - before[row.group, row.case] for row in rows])
    slices = [value for row in rows for value in row.outcome.slice_ious]
    means = (
        np.mean([row.outcome.iou for row in rows]),
        np.mean([row.outcome.dice for row in rows]),
        np.mean(slices),
        gains.mean(),
    )
    counts = (int((gains > 0.01).sum()), int((gains < -0.01).sum()))
    ends = (fraction_below(slices), np.mean([row.seconds for row in rows]))
    values = (*key, len(rows), len(slices), *(f"{value:.3f}" for value in means), *counts, *(f"{v:.2f}" for v in ends))
    return dict(zip(COLUMNS, map(str, values), strict=True))


def write(lines: list[dict[str, str]], folder: Path) -> None:
    """Write the table twice."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    heads = [name.replace("_", " ") for name in COLUMNS]
    text = ["# Refinement along image edges", "", NOTE, "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    text += [f"| {' | '.join(entry.values())} |" for entry in lines]
    (folder / "table.md").write_text("\n".join(text) + "\n", encoding="utf-8")
