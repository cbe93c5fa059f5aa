"""The files of a study of outcomes: predictions, figures and the ROC curve."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..io import staged_folder
from ..version import VERSION
from .comparison import OutcomeComparison
from .data import OutcomeData
from .study import MEASURES, OutcomeResult

CSV_FILE, JSON_FILE, PICTURE_FILE = "outcome.csv", "outcome.json", "roc.png"
FILES = (CSV_FILE, JSON_FILE, PICTURE_FILE)
SURVIVAL_PICTURES = ("kaplan-meier.png", "calibration.png", "auc.png")
BAND_CURVES = 500


def write_outcome(
    data: OutcomeData,
    result: OutcomeResult,
    folder: Path,
    *,
    sources: Mapping[str, Any],
    comparison: OutcomeComparison | None = None,
    overwrite: bool = False,
) -> None:
    """Write the prediction of each case, the figures and the ROC curve; the folder is there whole or not at all.

    Args:
        data: features and outcomes.
        result: what the cross-validation found.
        folder: to be made.
        sources: what every file says of where the data came from: names and checksums.
        comparison: figures beside those of the study.
        overwrite: replace an earlier result.

    Raises:
        OutputError: the folder exists, holds other files, or cannot be written.
    """
    with staged_folder(folder, overwrite, known_files=(*FILES, *SURVIVAL_PICTURES)) as staging:
        with (staging / CSV_FILE).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            facts = {f"CAMLocalizer_{name}": value for name, value in {"camlocalizer": VERSION, **sources}.items()}
            writer.writerow(["Image", "patient", "fold", "outcome", "probability", *facts])
            rows = zip(data.cases, data.patients, result.folds, data.outcomes, result.probabilities, strict=True)
            writer.writerows([*head, f"{probability:.6f}", *facts.values()] for *head, probability in rows)
        figures = describe(data, result, sources) | (comparison or OutcomeComparison()).as_json()
        text = json.dumps(figures, indent=2, ensure_ascii=False)
        (staging / JSON_FILE).write_text(text + "\n", encoding="utf-8")
        line = " ".join([f"camlocalizer {VERSION}", *(f"{name} {value}" for name, value in sources.items())])
        draw_roc(data, result, staging / PICTURE_FILE, description=line)


def describe(data: OutcomeData, result: OutcomeResult, sources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures as JSON values."""
    import sklearn

    return {
        **sources,
        "cases": len(data.cases),
        "patients": len(set(data.patients)),
        "with_outcome_1": int(data.outcomes.sum()),
        "features": len(data.names),
        "measures": {name: round(value, 4) for name, value in result.measures.items()},
        "intervals": {name: [round(limit, 4) for limit in limits] for name, limits in result.intervals.items()},
        "chosen_features": dict(result.chosen),
        "settings": dict(result.settings),
        "versions": {"camlocalizer": VERSION, "scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "notes": list(data.notes),
    }


def sentence(result: OutcomeResult) -> str:
    """Return what was found in a sentence, with confidence intervals."""
    parts = []
    for name in MEASURES:
        low, high = result.intervals[name]
        shown = "AUC" if name == "auc" else name
        parts.append(f"{shown} {result.measures[name]:.3f} ({low:.3f} to {high:.3f})")
    return ", ".join(parts)


def draw_roc(data: OutcomeData, result: OutcomeResult, path: Path, *, description: str = "") -> None:
    """Draw the receiver operating characteristic with the band that resampled patients give."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 4.6), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    places = np.linspace(0, 1, 201)
    generator = np.random.default_rng(result.settings["seed"])
    patients = np.unique(data.patients)
    curves: list[np.ndarray] = []
    while len(curves) < BAND_CURVES:
        drawn = generator.choice(patients, len(patients))
        index = np.concatenate([np.flatnonzero(data.patients == patient) for patient in drawn])
        if 0 < data.outcomes[index].sum() < len(index):
            curves.append(np.interp(places, *_roc(data.outcomes[index], result.probabilities[index])))
    margin = 50 * (1 - result.settings["confidence"])
    low, high = np.percentile(curves, [margin, 100 - margin], axis=0)
    axes.fill_between(places, low, high, color="#9ecae1", alpha=0.6, linewidth=0)
    limits = result.intervals["auc"]
    label = f"AUC {result.measures['auc']:.2f} ({limits[0]:.2f} to {limits[1]:.2f})"
    axes.plot(*_roc(data.outcomes, result.probabilities), color="#08519c", label=label)
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
    axes.set(xlim=(0, 1), ylim=(0, 1.005), xlabel="1 - specificity", ylabel="sensitivity", aspect="equal")
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(path, metadata={"Description": description})


def _roc(outcomes: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.metrics import roc_curve

    false_positive, true_positive, _ = roc_curve(outcomes, probabilities)
    return false_positive, true_positive
