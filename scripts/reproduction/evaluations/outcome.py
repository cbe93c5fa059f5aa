"""Outcomes predicted from radiomics: of public tables of real patients, and of simulated bodies."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from CAMLocalizerLib.core import LabelMap
from CAMLocalizerLib.localizer import Localizer
from CAMLocalizerLib.measure import RadiomicsTable, radiomics, segment_masks
from CAMLocalizerLib.outcome import predict_outcome, read_outcome_data
from CAMLocalizerLib.outcome.files import draw_roc
from CAMLocalizerLib.outcome.study import MEASURES
from CAMLocalizerLib.outcome.survival_files import DRAWINGS
from CAMLocalizerLib.outcome.survival_study import comparison_with_volume

from ..datasets.simulated_pet.projected import ProjectionOptions
from ..papers.pet_mip.evaluation import simulated_cases
from .outcome_tables import (
    binary_lines,
    binary_row,
    draw_binary,
    predicted_by,
    summary,
    survival_lines,
    survival_studies,
)
from .simulated_outcomes import signal_of, simulate_outcomes

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
REAL = """# Outcome from radiomics, real patients

Made by `scripts/evaluate_outcome.py --only real`. Nested cross-validation by patient, five outer and four inner folds,
seed 0: imputing, scaling, choosing 3, 6 or 12 features and tuning happen inside the training part. 95 % intervals by
resampling patients with their predictions.

## Time of survival

{patients} patients with non-small cell lung cancer, FDG-PET before treatment, {deaths} deaths, {features} features
([Carvalho et al., PLoS ONE 13:e0192859, 2018](https://doi.org/10.1371/journal.pone.0192859), CC0). Volume is that of
tumour and lymph nodes together; its model and its own value are measured on the same patients.

- Cox: {cox}.
- Forest: {forest}.

{times}
| paper, lung, Our | | | 0.59 | | | | |

![Kaplan-Meier curves of patients predicted at low and high risk](carvalho-kaplan-meier.png)
![Predicted against observed risk at 2 years](carvalho-calibration.png)
![AUC over time](carvalho-auc.png)

*Cox with elastic net. The groups are divided at the median risk of the training part.*

## Yes-or-no outcomes

Nine tables of [radMLBench](https://doi.org/10.1016/j.compbiomed.2024.109140) (Demircioglu 2024). Their features come
standardised over all patients, so this one step, which sees no outcome, was not inside the folds. Volume alone is
logistic regression on the feature of volume, by the same folds; two tables have none. In LNDb the outcome follows from
the size of the nodule by its definition.

{summary}

{outcomes}
| paper, oesophagus, Our | response to treatment | 97 | | 0.67 | | | | |
| paper, lung, Our | survival of 3 years | 98 | | 0.59 | | | | |

![AUC of each table](binary.png)

The paper's rows (Amyar et al. 2020, [reproduced](../pet-mip/table.md)) are of its own patients: AUC of the response
of oesophagus cancer to treatment, and of three years' survival with lung cancer, which is nearest to the AUC at 3 years
above. Outcomes of simulated bodies: [table](simulated.md)."""


def measured(patients: int, folder: Path) -> dict[str, Path]:
    """Localise, measure and keep the features of every body, label map and truth; finished bodies are kept."""
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
    with truth.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    drawn = simulate_outcomes(signal_of(rows, SIGNAL), strength, OUTCOME_SEED)
    lines = ["Image,outcome", *(f"{row['Image']},{value}" for row, value in zip(rows, drawn, strict=True))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def study(features: Path, known: Path, picture: Path) -> Mapping[str, str]:
    """Predict the outcomes and return the figures with their intervals."""
    data = read_outcome_data(features, known)
    result = predict_outcome(data)
    draw_roc(data, result, picture)
    row = {"cases": f"{len(data.cases)} ({int(data.outcomes.sum())})"}
    for name in MEASURES:
        low, high = result.intervals[name]
        row[name] = f"{result.measures[name]:.2f} ({low:.2f} to {high:.2f})"
    return row


def real(data: Path, work: Path, output: Path, shuffles: int) -> list[str]:
    """Study the tables of real patients, draw the pictures and return the lines of table.md."""
    studies = survival_studies(data, work, {"cox": shuffles, "forest": shuffles // 4})
    for name, draw in DRAWINGS.items():
        draw(studies["cox"], output / f"carvalho-{name}")
    lines = survival_lines(studies)
    print("\n".join(lines), flush=True)
    rows = []
    for name, predicts in predicted_by(data).items():
        rows.append(binary_row(data, name, predicts, work, shuffles // 2))
        print(binary_lines(rows)[-1], flush=True)
    draw_binary(rows, output / "binary.png")
    cox, forest = studies["cox"], studies["forest"]
    facts = {
        "patients": len(cox.data.cases),
        "deaths": int(cox.data.observed.events.sum()),
        "features": len(cox.data.names),
        "cox": comparison_with_volume(cox),
        "forest": comparison_with_volume(forest),
        "times": "\n".join(lines),
        "summary": summary(rows),
        "outcomes": "\n".join(binary_lines(rows)),
    }
    return [REAL.format(**facts)]


def simulated(patients: int, work: Path, output: Path) -> list[str]:
    """Study simulated bodies, draw the pictures and return the lines of simulated.md."""
    paths = measured(patients, work)
    names = " and ".join(name.split("_")[-1] for name in SIGNAL)
    lines = [
        "# Outcome from radiomics, simulated",
        "",
        f"Made by `scripts/evaluate_outcome.py --only simulated` on {patients} simulated bodies from seed "
        f"{FIRST_SEED} on.",
        "Features by pyradiomics, logistic regression, nested fivefold cross-validation by patient, seed 0; 95 %",
        f"intervals by resampling patients. The planted outcome follows {names} of the true tumour (odds",
        f"times {math.exp(STRENGTH):.1f} per standard deviation); the other is tossed. The paper's rows are of real",
        "patients: they say how the table is to be read, not what to reach.",
        "",
        "| outcome | features of | cases (with outcome) | accuracy | sensitivity | specificity | AUC |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, strength in (("planted", STRENGTH), ("no signal", 0.0)):
        known = outcomes(paths[TRUTH], strength, work / f"outcomes-{kind.split()[0]}.csv")
        for title, features in paths.items():
            picture = output / f"roc-{kind.split()[0]}-{title.split()[0]}.png"
            row = study(features, known, picture)
            print(kind, title, dict(row), flush=True)
            lines.append(f"| {kind} | {title} | " + " | ".join(row.values()) + " |")
    return [*lines, *(f"| {title} | | | {figures} |" for title, figures in PAPER.items())]
