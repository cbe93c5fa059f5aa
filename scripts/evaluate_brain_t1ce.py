"""Measure brain-t1ce on patients it never saw: python3 scripts/evaluate_brain_t1ce.py --data DIR --models DIR

Every bundle named ...-without-1-2 under --models is run, by the main job with the bundle's own settings, over the
patients of folds 1 and 2. Writes cases.csv and table.md to --output, and the figures into --card's model.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _environment import ROOT, ensure_environment, environment_python, run

if TYPE_CHECKING:
    from CAMLocalizerLib.training.evaluation import Outcome

NOTE = (
    "Made by `scripts/evaluate_brain_t1ce.py`. No network saw the patients it is measured on; the recipe and the "
    "defaults of the maps were chosen with their masks in view (see the model card)."
)
PLANES = ("axial", "coronal", "sagittal")


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with figshare_brain_tumor and brain3d_btp")
    parser.add_argument("--models", type=Path, default=ROOT / "runs" / "brain-t1ce", help="folder with the bundles")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "brain-t1ce")
    parser.add_argument("--card", type=Path, help="bundle whose results are filled in")
    parser.add_argument("--threshold", help="instead of the bundles' own")
    parser.add_argument("--scales", help="instead of the bundles' own, such as 1,4")
    return parser.parse_args()


def held_out_folds(folder: Path) -> list[int]:
    """Read the folds a bundle was not trained on from its name."""
    return [int(fold) for fold in folder.name.partition("-without-")[2].split("-") if fold]


def outcomes(chosen: argparse.Namespace) -> Iterable[Outcome]:
    """Run every bundle over the patients that it never saw."""
    from CAMLocalizerLib.localizer import Localizer
    from CAMLocalizerLib.models import load_model
    from CAMLocalizerLib.training.evaluation import figshare_cases, judge, progression_test_cases

    scales = [int(scale) for scale in chosen.scales.split(",")] if chosen.scales else None
    for folder in sorted(chosen.models.glob("*-without-*")):
        localizer, folds = Localizer(load_model(folder), device="cpu"), held_out_folds(folder)
        figshare = figshare_cases(chosen.data / "figshare_brain_tumor", folds)
        progression = progression_test_cases(chosen.data / "brain3d_btp", folds)
        for case in (*figshare, *progression):
            found = localizer.run(case.volume, view=case.plane, scales=scales)
            outcome = judge(case, found, found.label_map(chosen.threshold, scales).array_kji)
            print(f"{case.volume.name} ({case.site}, patient {case.patient}): IoU {outcome.iou:.2f}", flush=True)
            yield outcome


def mean(values: Iterable[float]) -> float:
    """Average, to three places."""
    import numpy as np

    return round(float(np.mean(list(values))), 3)


def summary(results: list[Outcome]) -> dict[str, Any]:
    """Average the outcomes of the two collections."""
    from CAMLocalizerLib.training.brain_data import FIGSHARE

    return {
        "figshare pseudo-stacks": of_stacks([entry for entry in results if entry.case.site == FIGSHARE]),
        "Brain-Tumor-Progression": of_volumes([entry for entry in results if entry.case.site != FIGSHARE]),
    }


def of_stacks(stacks: list[Outcome]) -> dict[str, Any]:
    """Average over pseudo-stacks and over their slices, by tumour and by plane."""
    from CAMLocalizerLib.training.brain_data import CLASSES

    slices = [value for entry in stacks for value in entry.slice_ious]
    return {
        "IoU, mean over stacks": mean(entry.iou for entry in stacks),
        "Dice, mean over stacks": mean(entry.dice for entry in stacks),
        "IoU, mean over slices": mean(slices),
        "stacks": len(stacks),
        "slices": len(slices),
        "patients": len({entry.case.patient for entry in stacks}),
        "share of slices with IoU <= 0.01": mean(value <= 0.01 for value in slices),
        "IoU over slices by tumour": {
            CLASSES[label]: mean(v for entry in stacks if entry.case.label == label for v in entry.slice_ious)
            for label in (1, 2, 3)
        },
        "IoU over slices by plane": {
            plane: mean(v for entry in stacks if entry.case.plane == plane for v in entry.slice_ious)
            for plane in PLANES
        },
        "type right, share of slices": mean(entry.right_type for entry in stacks for _ in entry.slice_ious),
    }


def of_volumes(volumes: list[Outcome]) -> dict[str, Any]:
    """Average over volumes, and see how well the probabilities tell tumour slices from tumour-free ones."""
    from sklearn.metrics import roc_auc_score

    truths = [truth for entry in volumes for truth in entry.slice_truths]
    probabilities = [value for entry in volumes for value in entry.tumour_probabilities]
    return {
        "volumes": len(volumes),
        "patients": len({entry.case.patient for entry in volumes}),
        "IoU, mean over volumes": mean(entry.iou for entry in volumes),
        "Dice, mean over volumes": mean(entry.dice for entry in volumes),
        "volumes with IoU >= 0.1": sum(entry.iou >= 0.1 for entry in volumes),
        "AUC of tumour slices": round(float(roc_auc_score(truths, probabilities)), 3),
    }


def write(results: list[Outcome], figures: dict[str, Any], folder: Path) -> None:
    """Write a row per volume and the summary."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["case", "site", "patient", "fold", "plane", "label", "iou", "dice", "mean_slice_iou"])
        for entry in results:
            case = entry.case
            slices = sum(entry.slice_ious) / len(entry.slice_ious) if entry.slice_ious else float("nan")
            row = [case.volume.name, case.site, case.patient, case.fold, case.plane, case.label]
            writer.writerow([*row, f"{entry.iou:.4f}", f"{entry.dice:.4f}", f"{slices:.4f}"])
    lines = ["# brain-t1ce, cross-validation by patient", "", NOTE, ""]
    for title, rows in figures.items():
        lines += [f"## {title}", "", "| measure | value |", "|---|---|"]
        for name, value in rows.items():
            text = ", ".join(f"{key} {entry}" for key, entry in value.items()) if isinstance(value, dict) else value
            lines.append(f"| {name} | {text} |")
        lines.append("")
    (folder / "table.md").write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    """Evaluate, print, write."""
    chosen = options()
    results = list(outcomes(chosen))
    figures = summary(results)
    print(json.dumps(figures, indent=1))
    write(results, figures, chosen.output)
    if chosen.card:
        path = chosen.card / "model.json"
        card = json.loads(path.read_text(encoding="utf-8"))
        card["results"] = figures
        path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
