"""The files of a survival study: predictions, figures and pictures."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..io import staged_folder
from ..version import VERSION
from .files import CSV_FILE, JSON_FILE, SURVIVAL_PICTURES
from .files import FILES as OUTCOME_FILES
from .survival_pictures import draw_auc, draw_calibration, draw_kaplan_meier
from .survival_study import SurvivalStudy, describe

DRAWINGS = dict(zip(SURVIVAL_PICTURES, (draw_kaplan_meier, draw_calibration, draw_auc), strict=True))
FILES = (CSV_FILE, JSON_FILE, *SURVIVAL_PICTURES)


def write_survival(study: SurvivalStudy, folder: Path, *, sources: Mapping[str, Any], overwrite: bool = False) -> None:
    """Write the prediction of each case, the figures and the pictures; the folder is there whole or not at all.

    Args:
        study: what was found.
        folder: to be made.
        sources: what every file says of where the data came from: names and checksums.
        overwrite: replace an earlier result.

    Raises:
        OutputError: the folder exists, holds other files, or cannot be written.
    """
    with staged_folder(folder, overwrite, known_files=(*FILES, *OUTCOME_FILES)) as staging:
        _write_cases(study, staging / CSV_FILE, {"camlocalizer": VERSION, **sources})
        text = json.dumps({**sources, **describe(study)}, indent=2, ensure_ascii=False, allow_nan=False)
        (staging / JSON_FILE).write_text(text + "\n", encoding="utf-8")
        line = " ".join([f"camlocalizer {VERSION}", *(f"{name} {value}" for name, value in sources.items())])
        for name, draw in DRAWINGS.items():
            draw(study, staging / name, description=line)


def _write_cases(study: SurvivalStudy, path: Path, facts: Mapping[str, Any]) -> None:
    data, found = study.data, study.result.predictions
    by_volume = study.volume.predictions.risks if study.volume else [float("nan")] * len(data.cases)
    head = ["Image", "patient", "fold", "time_years", "event", "risk", "group"]
    head += [f"probability_by_{study.horizon_years:g}_years", "risk_by_volume"]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*head, *(f"CAMLocalizer_{name}" for name in facts)])
        columns = (
            data.cases,
            data.patients,
            found.folds,
            [f"{time:.6g}" for time in data.observed.times_years],
            data.observed.events.astype(int),
            [f"{risk:.6f}" for risk in found.risks],
            ["high" if high else "low" for high in found.high_risk],
            [f"{probability:.6f}" for probability in found.probabilities],
            [f"{risk:.6f}" if risk == risk else "" for risk in by_volume],
        )
        writer.writerows([*row, *facts.values()] for row in zip(*columns, strict=True))
