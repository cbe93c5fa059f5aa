"""Create, resume or overwrite a training folder."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..core import OutputError
from ..io.writing import output_errors
from .fit.record import plan_differences, read_json, write_json
from .runs import CROSS_VALIDATION_FILE, FINAL, PREDICTIONS_FILE

TRAINING_FILE = "training.json"
PATIENTS = "patients"


def check_output(output: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse a folder that must not be written into.

    Args:
        output: folder; it may be missing.
        resume: continue the training that the folder holds.
        overwrite: replace the training that the folder holds.

    Raises:
        OutputError: the folder holds a training and neither was requested, or it holds other files.
    """
    if not output.exists():
        return
    with output_errors(output):
        names = [] if not output.is_dir() else sorted(path.name for path in output.iterdir())
    if not output.is_dir() or (names and TRAINING_FILE not in names):
        raise OutputError(f"{output}: is not a training folder and is left unchanged; choose another --output")
    if names and not resume and not overwrite:
        raise OutputError(f"{output}: holds a training; continue it (--resume) or replace it (--overwrite)")
    if overwrite and (others := sorted(set(names) - _own_names(output))):
        raise OutputError(f"{output}: holds other files ({others[0]}) and is not replaced; choose another --output")


def output_problems(output: Path, plan: Mapping[str, Any]) -> list[str]:
    """Return how the training that a folder holds differs from the one requested now."""
    path = output / TRAINING_FILE
    return plan_differences(output, read_json(path), plan) if path.exists() else []


def begin_output(output: Path, plan: Mapping[str, Any], *, overwrite: bool, patients: Collection[str] = ()) -> None:
    """Make the folder and note what is trained in it; with ``overwrite`` what a training left there goes first.

    Args:
        output: folder of the training.
        plan: what decides the result.
        overwrite: replace an earlier training.
        patients: whose images are learnt from; the folder notes them, the bundle does not.

    Raises:
        OutputError: the folder cannot be written.
    """
    with output_errors(output):
        if overwrite and output.exists():
            for name in _own_names(output):
                _remove(output / name)
        output.mkdir(parents=True, exist_ok=True)
    if not (output / TRAINING_FILE).exists():
        write_json(output / TRAINING_FILE, {**plan, PATIENTS: sorted(set(patients))})


def _own_names(output: Path) -> set[str]:
    """Name what a training writes, the bundle among it."""
    folds = {path.name for path in output.glob("fold-*") if path.name.removeprefix("fold-").isdecimal()}
    plan = read_json(output / TRAINING_FILE)
    bundle = Path(str(plan.get("config", {}).get("model", {}).get("name", FINAL))).name
    return folds | {TRAINING_FILE, CROSS_VALIDATION_FILE, PREDICTIONS_FILE, FINAL, bundle}


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
