"""brain-t1ce on every collection, by `camlocalizer evaluate`, and the table of its most telling figures."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from CAMLocalizerLib.cli import main as camlocalizer

from ...paths import REPOSITORY
from .cases import fold_networks
from .collection_tables import (
    BRATS,
    COLLECTIONS,
    COLUMNS,
    CROSS_VALIDATED,
    FIGSHARE,
    LOW_GRADE,
    PROGRESSION,
    SCLEROSIS,
    Line,
)

SHOWN = CROSS_VALIDATED  # whose licence allows pictures
TABLE, PICTURE = "table.csv", "cases.png"
# Part, measure and group of `camlocalizer evaluate`, and what the summary calls it.
SUMMARY = {
    FIGSHARE: (
        ("tumour slices", "mean IoU", "all", "slices: mean IoU"),
        ("tumour slices", "mean IoU", "meningioma", "meningioma"),
        ("tumour slices", "mean IoU", "glioma", "glioma"),
        ("tumour slices", "mean IoU", "pituitary tumour", "pituitary tumour"),
        ("tumour slices", "share with IoU <= 0.01", "all", "share of slices with IoU <= 0.01"),
        ("classes of slices", "share with the right type", "all", "type right"),
    ),
    PROGRESSION: (
        ("tumour volumes", "mean Dice in 3D", "all", "volumes: mean Dice"),
        ("classes of slices", "AUC", "all", "tumour slices against tumour-free ones: AUC"),
        ("tumour-free slices", "share with anything marked", "all", "tumour-free slices with anything marked"),
    ),
    SCLEROSIS: (("tumour-free volumes", "ml marked", "all", "brains without tumour: ml marked"),),
    BRATS: (("tumour volumes", "mean Dice in 3D", "all", "volumes: mean Dice"),),
    LOW_GRADE: (("classes of slices", "AUC", "all", "tumour slices against tumour-free ones: AUC"),),
}
NAMES = {
    FIGSHARE: "figshare, cross-validation",
    PROGRESSION: "Brain-Tumor-Progression, cross-validation",
    SCLEROSIS: "multiple sclerosis, cross-validation",
    BRATS: "BraTS T1c, never trained on",
    LOW_GRADE: "low-grade glioma slices of five sites, never trained on",
}


def evaluate_collections(
    data: Path, training: Path, model: str, work: Path, output: Path, *, only: Sequence[str] = ()
) -> None:
    """Measure the model on every collection, and sum up once all are measured.

    Args:
        data: folder with the collections.
        training: output folder of ``camlocalizer train``, whose networks assess the patients that they did not see.
        model: bundle for the collections that it was never trained on.
        work: gets images, masks and tables; replaced.
        output: gets a folder per collection and ``table.md``.
        only: names of :data:`COLLECTIONS`; all if empty.
    """
    data, training, work, output = (path.resolve() for path in (data, training, work, output))
    if Path(model).exists():
        model = str(Path(model).resolve())
    os.chdir(REPOSITORY)  # so that the commands in the tables hold paths within the checkout
    for name in only or COLLECTIONS:
        _evaluate_collection(name, data, training, model, within(work / name), within(output / name))
    if all((output / name / "figures.json").exists() for name in SUMMARY):
        (output / "table.md").write_text("\n".join(summary(output)) + "\n", encoding="utf-8")


def _evaluate_collection(name: str, data: Path, training: Path, model: str, work: Path, output: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    (work / "masks").mkdir(parents=True)
    lines = list(COLLECTIONS[name](data, work))
    if name in CROSS_VALIDATED:
        lines = held_out(lines, training)
    evaluate(str(within(training)) if name in CROSS_VALIDATED else model, lines, work, output)
    if name not in SHOWN:
        (output / PICTURE).unlink(missing_ok=True)


def evaluate(model: str, lines: list[Line], work: Path, output: Path) -> None:
    """Measure a model on the lines of a table, whose images lie in ``work`` and whose masks in its ``masks``."""
    with (work / TABLE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    paths = [str(work / TABLE), "--images", str(work)]
    if any((work / "masks").iterdir()):
        paths += ["--masks", str(work / "masks")]
    if camlocalizer(["evaluate", model, *paths, "--output", str(output), "--overwrite"]):
        sys.exit(1)


def within(path: Path) -> Path:
    """Return a path relative to the checkout, if it lies there."""
    return path.relative_to(REPOSITORY) if path.is_absolute() and path.is_relative_to(REPOSITORY) else path


def held_out(lines: list[Line], training: Path) -> list[Line]:
    """Keep the patients whom a fold of the training held out; a training need not have run all folds."""
    patients = fold_networks(training).folds
    return [line for line in lines if line["patient"] in patients]


def summary(folder: Path) -> list[str]:
    """Put the most telling figures of every collection into one table."""
    lines = [
        "# brain-t1ce",
        "",
        "Made by `scripts/evaluate_brain_t1ce.py`; in brackets the 95 % interval by patient. The folders beside this",
        "file hold all figures, the command and the checksums of each part.",
        "",
        f"Held out in turn: {held_out_folds(folder)} of the four folds. The bundle is trained on all patients.",
        "",
        "| collection | figure | model | largest bright component | patients | images |",
        "|---|---|---|---|---|---|",
    ]
    for name, wanted in SUMMARY.items():
        path = folder / name / "figures.json"
        found = json.loads(path.read_text(encoding="utf-8"))["figures"]
        for part, measure, group, title in wanted:
            known = {
                each["system"]: each
                for each in found
                if (each["part"], each["measure"], each["group"]) == (part, measure, group)
            }
            own = known["model"]
            cells = (NAMES[name], title, shown(own), shown(known.get("largest-bright")), own["patients"], own["images"])
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def held_out_folds(folder: Path) -> str:
    """Return the folds whose networks were used, as the first collection lists them."""
    names = json.loads((folder / FIGSHARE / "figures.json").read_text(encoding="utf-8"))["checksums"]
    return ", ".join(name.removeprefix("network of ") for name in names)


def shown(figure: dict[str, Any] | None) -> str:
    """Return a figure with its interval."""
    if figure is None or figure["value"] is None:
        return ""
    value = f"{figure['value']:.3f}"
    return value if figure["low"] is None else f"{value} [{figure['low']:.3f}, {figure['high']:.3f}]"
