"""Measure what refinement along image edges gains: python3 scripts/evaluate_refinement.py --data DIR --models DIR

Every bundle named ...-without-3-4 under --models is run over the patients of folds 3 and 4, and its label maps are
refined by each method. The constants of the methods were chosen on folds 1 and 2, which are left out unless --all is
given, and then listed by themselves. Writes table.csv and table.md to --output.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from _environment import ROOT, ensure_environment, environment_python, run

if TYPE_CHECKING:
    from CAMLocalizerLib.training.evaluation import Outcome

PROGRESSION = "brain-tumor-progression"
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
Made by `scripts/evaluate_refinement.py`. A bundle is run over patients that its network never saw, and its label maps
(own settings) are refined. The constants of the methods were chosen on half of the pseudo-stacks of folds 1 and 2
and the volumes of these folds with their masks in view; the masks of folds 3 and 4 ("held out") were read for this
table only. IoU and Dice are means over
pseudo-stacks (7 mm step) or volumes, slice IoU over slices that show a tumour; better and worse count the cases whose
IoU changed by more than 0.01; missed is the share of these slices with an IoU of at most 0.01; seconds per case are
those of one busy core."""


@dataclass(frozen=True)
class Row:
    """One case under one method."""

    fold: int
    group: str
    case: str
    method: str
    outcome: Outcome
    seconds: float


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with figshare_brain_tumor and brain3d_btp")
    parser.add_argument("--models", type=Path, default=ROOT / "runs" / "brain-t1ce", help="folder with the bundles")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "refinement")
    parser.add_argument("--all", action="store_true", help="also the folds on which the constants were chosen")
    parser.add_argument("--every", type=int, default=1, help="take every n-th case only")
    return parser.parse_args()


def measured(chosen: argparse.Namespace) -> Iterator[Row]:
    """Run every bundle over the patients that it never saw, and refine by every method."""
    from CAMLocalizerLib.localizer import Localizer
    from CAMLocalizerLib.models import load_model
    from CAMLocalizerLib.segment import REFINEMENTS, refine
    from CAMLocalizerLib.training.brain_data import CLASSES, FIGSHARE
    from CAMLocalizerLib.training.evaluation import figshare_cases, judge, progression_test_cases

    for folder in sorted(chosen.models.glob("*-without-*")):
        folds = [int(fold) for fold in folder.name.partition("-without-")[2].split("-")]
        if set(folds) & set(CHOSEN_ON) and not chosen.all:
            continue
        localizer = Localizer(load_model(folder), device="cpu")
        stacks = figshare_cases(chosen.data / "figshare_brain_tumor", folds)
        volumes = progression_test_cases(chosen.data / "brain3d_btp", folds)
        for case in (*islice(stacks, 0, None, chosen.every), *volumes):
            found = localizer.run(case.volume, view=case.plane, scales=localizer.model.card.scales)
            activation, label_map = found.activation(), found.label_map()
            group = CLASSES[case.label] if case.site == FIGSHARE else case.site
            for method in REFINEMENTS:
                begin = time.perf_counter()
                refined = refine(activation, label_map, case.volume, method)
                seconds = time.perf_counter() - begin
                outcome = judge(case, found, refined.array_kji)
                yield Row(case.fold, group, case.volume.name, method, outcome, seconds)
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
    import numpy as np

    from CAMLocalizerLib.metrics import share_below

    gains = np.array([row.outcome.iou - before[row.group, row.case] for row in rows])
    slices = [value for row in rows for value in row.outcome.slice_ious]
    means = (
        np.mean([row.outcome.iou for row in rows]),
        np.mean([row.outcome.dice for row in rows]),
        np.mean(slices),
        gains.mean(),
    )
    counts = (int((gains > 0.01).sum()), int((gains < -0.01).sum()))
    ends = (share_below(slices), np.mean([row.seconds for row in rows]))
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


def main() -> None:
    """Measure, print, write."""
    chosen = options()
    lines = summary(list(measured(chosen)))
    for entry in lines:
        print(" ".join(entry.values()))
    write(lines, chosen.output)


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
