"""The results of the study of labels: a table, the figures behind it, and the curves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from CAMLocalizerLib.metrics import bootstrap_interval

from .label_choice import ARMS, FIRST, HELD_OUT_FOLD, NEXT, RANDOM, SIZES, UNCERTAIN, Choice

ACCURACY, IOU = "accuracy", "mean IoU"
CELL = 8  # pixels of a side of the cells in which evidence for labels is found
MEASURES: Mapping[str, str] = {ACCURACY: "right", IOU: "iou"}
NOTE = """\
Made by `scripts/evaluate_label_choice.py`. The first model is trained on 50 slices from the ImageNet encoder. Each
further one is fine-tuned from the one before by `camlocalizer train --from`, on all labels so far, with pseudo-masks
from the evidence for the labels (`masks = "evidence"`). The slices are those of the training of brain-t1ce without
fold {fold}: figshare, Brain-Tumor-Progression and two brains without tumour, with {width} x {width} pixels of
{spacing:g} mm. The evidence for a label is found in cells of {cell:g} mm, which is coarse for tumours of 2 cm. Sites
are not given. Uncertainty is the entropy of the class probabilities of the model before. No mask is read in training.

Measured on {slices} slices of {patients} patients of fold {fold}. Accuracy is the share of slices with the right one
of four classes. Mean IoU is that of the {shown} figshare slices, which all show a tumour; borders are not refined.
There are {seeds} seeds, each with first labels of its own. Both ways of choosing start from the same first model.
Intervals are those of a bootstrap that draws patients; what another draw of labels or another training would change
is seen from the seeds. A difference is called one if its interval excludes 0 and all seeds agree in its sign."""
COLOURS = {RANDOM: "#4477aa", UNCERTAIN: "#cc6633"}


@dataclass(frozen=True, eq=False)
class Measured:
    """What every model found in the held-out slices.

    Args:
        patients: of each slice, shape (N,).
        labels: of each slice, shape (N,).
        values: by measure, arm and size: value of each seed and slice, shape (seeds, N); nan where it is not defined.
    """

    patients: NDArray[np.str_]
    labels: NDArray[np.str_]
    values: Mapping[tuple[str, str, int], NDArray[np.float64]]

    def means(self, measure: str, arm: str, size: int) -> NDArray[np.float64]:
        """Return the mean over slices of each seed, shape (seeds,)."""
        return np.nanmean(self.values[measure, arm, size], axis=1)

    def gain(self, measure: str, before: tuple[str, int], after: tuple[str, int]) -> tuple[float, float, float]:
        """Return the mean gain from one step to another, and its 95 % interval by patient."""
        gains = (self.values[(measure, *after)] - self.values[(measure, *before)]).mean(axis=0)
        known = np.isfinite(gains)
        low, high = bootstrap_interval(self.patients[known], lambda drawn: float(gains[known][drawn].mean()))
        return float(gains[known].mean()), float(low), float(high)


def read_measured(study: Choice) -> Measured:
    """Read what :meth:`Choice.run` measured."""
    values: dict[tuple[str, str, int], NDArray[np.float64]] = {}
    cases: list[dict[str, Any]] = []
    for arm in ARMS:
        for size in SIZES:
            folders = [study.folder(seed, arm if size > SIZES[0] else RANDOM, size) for seed in study.seeds]
            found = [json.loads((folder / "measured.json").read_text(encoding="utf-8")) for folder in folders]
            cases = cases or found[0]
            assert all([case["case"] for case in own] == [case["case"] for case in cases] for own in found)
            for measure, key in MEASURES.items():
                values[measure, arm, size] = np.array(
                    [[np.nan if case[key] is None else float(case[key]) for case in own] for own in found]
                )
    patients, labels = (np.array([case[name] for case in cases]) for name in ("patient", "label"))
    return Measured(patients, labels, values)


def write_report(study: Choice, output: Path) -> None:
    """Write ``table.md``, ``figures.json`` and ``curves.png``."""
    output.mkdir(parents=True, exist_ok=True)
    measured = read_measured(study)
    (output / "table.md").write_text("\n".join(table(measured, study)) + "\n", encoding="utf-8")
    text = json.dumps(figures(measured, study), indent=1) + "\n"
    (output / "figures.json").write_text(text, encoding="utf-8")
    draw(measured).savefig(output / "curves.png", dpi=110)


def table(measured: Measured, study: Choice) -> list[str]:
    """Return the lines of the table."""
    shown = int(np.isfinite(measured.values[IOU, RANDOM, SIZES[0]][0]).sum())
    people = len(set(measured.patients.tolist()))
    facts = {
        "fold": HELD_OUT_FOLD,
        "width": study.width,
        "spacing": study.spacing_mm,
        "cell": CELL * study.spacing_mm,
        "slices": len(measured.patients),
        "patients": people,
        "shown": shown,
        "seeds": len(study.seeds),
    }
    lines = [
        "# Labels chosen by uncertainty and at random",
        "",
        *NOTE.format(**facts).splitlines(),
        "",
        "![Accuracy and mean IoU by number of labels](curves.png)",
        "",
        "| measure | labels | random | uncertainty | uncertainty minus random [95 % interval by patient] |",
        "|---|---|---|---|---|",
    ]
    for measure in MEASURES:
        for size in SIZES:
            cells = [_cell(measured.means(measure, arm, size)) for arm in ARMS]
            gain = _gain(measured, measure, (RANDOM, size), (UNCERTAIN, size))
            cells.append("same model" if size == SIZES[0] else gain)
            lines.append(f"| {measure} | {size} | {' | '.join(cells)} |")
    lines += ["", "In brackets: the single seeds.", "", "## From 50 to 400 labels", ""]
    lines += ["| measure | random | uncertainty |", "|---|---|---|"]
    for measure in MEASURES:
        gains = [_gain(measured, measure, (arm, SIZES[0]), (arm, SIZES[-1])) for arm in ARMS]
        lines.append(f"| {measure} | {' | '.join(gains)} |")
    lines += ["", *findings(measured), "", "## Mean IoU by type, mean over seeds", ""]
    lines += ["| type | labels | random | uncertainty |", "|---|---|---|---|"]
    for label in sorted(set(measured.labels[np.isfinite(measured.values[IOU, RANDOM, SIZES[0]][0])].tolist())):
        for size in SIZES:
            own = (measured.values[IOU, arm, size][:, measured.labels == label] for arm in ARMS)
            lines.append(f"| {label} | {size} | {' | '.join(f'{np.nanmean(values):.3f}' for values in own)} |")
    return lines


def findings(measured: Measured) -> list[str]:
    """Say in a sentence per measure whether uncertainty beats random choice, as far as seeds and patients agree."""
    lines = []
    for measure in MEASURES:
        beyond: dict[bool, list[str]] = {True: [], False: []}
        for size in SIZES[1:]:
            _, low, high = measured.gain(measure, (RANDOM, size), (UNCERTAIN, size))
            apart = measured.means(measure, UNCERTAIN, size) - measured.means(measure, RANDOM, size)
            if (low > 0 and bool((apart > 0).all())) or (high < 0 and bool((apart < 0).all())):
                beyond[low > 0].append(str(size))
        parts = [
            f"{'higher' if better else 'lower'} than with random ones at {' and '.join(sizes)} labels"
            for better, sizes in beyond.items()
            if sizes
        ]
        said = "; ".join(parts) or "no different from that with random ones beyond chance at any number of labels"
        lines.append(f"- With labels chosen by uncertainty, {measure} is {said}.")
    return lines


def figures(measured: Measured, study: Choice) -> dict[str, Any]:
    """Return all figures as JSON values."""
    found = [
        {"measure": measure, "arm": arm, "labels": size, "seeds": measured.means(measure, arm, size).round(4).tolist()}
        for measure, arm, size in measured.values
    ]
    return {"seeds": list(study.seeds), "input": study.input, "first": FIRST, "next": NEXT, "figures": found}


def _cell(means: NDArray[np.float64]) -> str:
    return f"{means.mean():.3f} ({', '.join(f'{value:.3f}' for value in means)})"


def _gain(measured: Measured, measure: str, before: tuple[str, int], after: tuple[str, int]) -> str:
    mean, low, high = measured.gain(measure, before, after)
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def draw(measured: Measured) -> Figure:
    """Draw both measures by number of labels: the mean over seeds as a line, each seed as a dot."""
    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    for axes, measure in zip(figure.subplots(1, 2), MEASURES, strict=True):
        for arm in ARMS:
            means = np.array([measured.means(measure, arm, size) for size in SIZES])  # (sizes, seeds)
            axes.plot(SIZES, means.mean(axis=1), color=COLOURS[arm], marker="o", label=arm)
            for column in means.T:
                axes.plot(SIZES, column, color=COLOURS[arm], marker=".", linestyle="none", alpha=0.5)
        axes.set_xscale("log", base=2)
        axes.set_xticks(SIZES, [str(size) for size in SIZES])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set_xlabel("labelled slices")
        axes.set_title(f"{measure} on held-out patients", fontsize=10)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    return figure
