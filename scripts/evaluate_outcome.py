"""Measure the prediction of outcomes from radiomics: python3 scripts/evaluate_outcome.py

Simulated bodies are localised by the bundled PET model, their tumours measured by radiomics, and outcomes drawn that
follow the true tumour's volume and peak uptake, or nothing. The same with the true tumours. Writes table.md, the tables
of features and ROC pictures to --output.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _environment import ROOT, ensure_environment, environment_python, run

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_SEED = 50_000
SIGNAL = ("original_shape_MeshVolume", "original_firstorder_Maximum")
STRENGTH = 2.0
OUTCOME_SEED = 1
LABEL_MAPS, TRUTH = "label map of pet-fdg", "true tumour"
PAPER = {
    "paper, oesophagus, Our": "0.69 | 0.80 | 0.59 | 0.67",
    "paper, oesophagus, 3D-RPET-NET (outlined by hand)": "0.72 | 0.79 | 0.62 | 0.70",
    "paper, lung, Our": "0.65 | 0.65 | 0.58 | 0.59",
    "paper, lung, 3D-RPET-NET (outlined by hand)": "0.68 | 0.72 | 0.54 | 0.61",
}


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=120, help="simulated bodies")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "outcome", help="where features are kept")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "outcome")
    return parser.parse_args()


def measured(patients: int, folder: Path) -> dict[str, Path]:
    """Localise, measure and keep the features of every body, label map and truth; finished bodies are kept."""
    from CAMLocalizerLib.core import LabelMap
    from CAMLocalizerLib.localizer import Localizer
    from CAMLocalizerLib.measure import RadiomicsTable, radiomics, segment_masks
    from CAMLocalizerLib.training.pet_evaluation import simulated_cases
    from CAMLocalizerLib.training.projected import ProjectionOptions

    folder.mkdir(parents=True, exist_ok=True)
    localizer = Localizer("pet-fdg", device="cpu")
    tables: dict[str, list[Any]] = {LABEL_MAPS: [], TRUTH: []}
    for seed in range(FIRST_SEED, FIRST_SEED + patients):
        kept = {title: folder / f"{seed}-{title.split()[0]}.csv" for title in tables}
        if not all(path.exists() for path in kept.values()):
            (case,) = simulated_cases([seed], ProjectionOptions())
            found = localizer.run(case.volume).label_map()
            truth = LabelMap(case.truth_kji.astype("uint8"), case.volume.grid)
            for title, label_map in ((LABEL_MAPS, found), (TRUTH, truth)):
                radiomics(case.volume, segment_masks(label_map)).write_csv(kept[title])
            print(f"{case.name}: {found.volume_mm3 / 1000:.1f} of {truth.volume_mm3 / 1000:.1f} ml", flush=True)
        for title, path in kept.items():
            with path.open(newline="", encoding="utf-8") as stream:
                tables[title] += list(csv.DictReader(stream))
    paths = {}
    for title, rows in tables.items():
        paths[title] = folder / f"features-{title.split()[0]}.csv"
        RadiomicsTable(tuple(rows), "").write_csv(paths[title])
    return paths


def outcomes(truth: Path, strength: float, path: Path) -> Path:
    """Draw an outcome for every body and write the table."""
    from CAMLocalizerLib.training.outcome.simulated import signal_of, simulate_outcomes

    with truth.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    drawn = simulate_outcomes(signal_of(rows, SIGNAL), strength, OUTCOME_SEED)
    lines = ["Image,outcome", *(f"{row['Image']},{value}" for row, value in zip(rows, drawn, strict=True))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def study(features: Path, known: Path, picture: Path) -> Mapping[str, str]:
    """Predict the outcomes and return the figures with their intervals."""
    from CAMLocalizerLib.training.outcome import predict_outcome, read_outcome_data
    from CAMLocalizerLib.training.outcome.files import draw_roc
    from CAMLocalizerLib.training.outcome.study import MEASURES

    data = read_outcome_data(features, known)
    result = predict_outcome(data)
    draw_roc(data, result, picture)
    row = {"cases": f"{len(data.cases)} ({int(data.outcomes.sum())})"}
    for name in MEASURES:
        low, high = result.intervals[name]
        row[name] = f"{result.measures[name]:.2f} ({low:.2f} to {high:.2f})"
    return row


def main() -> None:
    """Measure, study, write."""
    chosen = options()
    paths = measured(chosen.patients, chosen.work)
    chosen.output.mkdir(parents=True, exist_ok=True)
    told = " and ".join(name.split("_")[-1] for name in SIGNAL)
    lines = [
        "# Outcome from radiomics, simulated",
        "",
        f"Made by `scripts/evaluate_outcome.py` on {chosen.patients} simulated bodies from seed {FIRST_SEED} on.",
        "Features by pyradiomics, logistic regression, nested fivefold cross-validation by patient, seed 0; 95 %",
        f"intervals by resampling patients. The planted outcome follows {told} of the true tumour (odds",
        f"times {math.exp(STRENGTH):.1f} per standard deviation); the other is tossed. The paper's rows are of real",
        "patients: they say how the table is to be read, not what to reach.",
        "",
        "| outcome | features of | cases (with outcome) | accuracy | sensitivity | specificity | AUC |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, strength in (("planted", STRENGTH), ("no signal", 0.0)):
        known = outcomes(paths[TRUTH], strength, chosen.work / f"outcomes-{kind.split()[0]}.csv")
        for title, features in paths.items():
            picture = chosen.output / f"roc-{kind.split()[0]}-{title.split()[0]}.png"
            row = study(features, known, picture)
            print(kind, title, dict(row), flush=True)
            lines.append(f"| {kind} | {title} | " + " | ".join(row.values()) + " |")
    lines += [f"| {title} | | | {figures} |" for title, figures in PAPER.items()]
    (chosen.output / "table.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
