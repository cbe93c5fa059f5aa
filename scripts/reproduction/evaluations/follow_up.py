"""Follow-up of simulated patients whose tumour doubles at a known pace, and of pairs of real exams."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Sequence
from pathlib import Path

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.followup.exams import Exam
from CAMLocalizerLib.followup.files import draw_follow_up
from CAMLocalizerLib.followup.tracking import FollowUp, Tumour, follow_up
from CAMLocalizerLib.io import read_label_map, write_nifti
from CAMLocalizerLib.localizer import LabelSettings, Localizer

from ..datasets.simulated_pet import simulate
from ..models.brain_t1ce.cases import (
    PROGRESSION_FOLDER,
    fold_networks,
    progression_mask,
    progression_patient,
)

FIRST_SEED = 60_000
FIRST_DAY = datetime.date(2024, 1, 1)
DAYS = (0, 45, 100)
DOUBLING_DAYS = 60.0
FIRST_ML = 8.0
NOMINAL_DAYS = 60
MIN_VOLUME_ML = 0.5


def followed(files: list[tuple[Path, int]], localizer: Localizer) -> FollowUp:
    """Follow exams given as files and days."""
    exams = [Exam(path, FIRST_DAY + datetime.timedelta(days=days)) for path, days in files]
    return follow_up(exams, localizer, settings=LabelSettings(min_volume_ml=MIN_VOLUME_ML))


def simulated(patients: int, work: Path, picture: Path) -> list[str]:
    """Follow simulated patients, draw the first and return the lines of their table."""
    localizer = Localizer("pet-fdg", device="cpu")
    lines = [
        f"| seed | true ml | found ml | doubling time (true {DOUBLING_DAYS:.0f} days) | by threshold -10 to +10 % |",
        "|---|---|---|---|---|",
    ]
    for seed in range(FIRST_SEED, FIRST_SEED + patients):
        files, truths = [], []
        for days in DAYS:
            case = simulate(seed, volume_ml=FIRST_ML * 2 ** (days / DOUBLING_DAYS))
            path = work / f"{seed}-{days}.nii.gz"
            write_nifti(case.volume.array_kji, case.volume.grid, path)
            files.append((path, days))
            truths.append(case.truth.volume_mm3 / 1000)
        found = followed(files, localizer)
        low, high = found.total.doubling_range or (float("nan"), float("nan"))
        volumes = [each.volume_ml for each in found.total.measurements]
        time = float("nan") if found.total.doubling_days is None else found.total.doubling_days
        lines.append(f"| {seed} | {shown(truths)} | {shown(volumes)} | {time:.1f} | {low:.1f} to {high:.1f} |")
        print(lines[-1], flush=True)
        if seed == FIRST_SEED:
            draw_follow_up(found, picture)
    return lines


def pairs(data: Path, training: Path) -> list[str]:
    """Follow the pairs of exams and return the lines of their table."""
    networks = fold_networks(training)
    firsts = sorted((data / PROGRESSION_FOLDER).glob("*_Pre_T1post.nii.gz"))
    if problems := networks.unknown([progression_patient(path) for path in firsts]):
        raise InputError(problems[0])
    lines = [
        "| patient | outlined, ml | change | found in all, ml | change | largest tumour found, ml | turned by |",
        "|---|---|---|---|---|---|---|",
    ]
    for before in firsts:
        after = before.with_name(before.name.replace("_Pre_", "_Post_"))
        truths = [read_label_map(progression_mask(path)).volume_mm3 / 1000 for path in (before, after)]
        patient = progression_patient(before)
        found = followed([(before, 0), (after, NOMINAL_DAYS)], networks.localizer(patient))
        volumes = [each.volume_ml for each in found.total.measurements]
        largest = max(found.tumours, key=peak_ml, default=None)
        own = "none" if largest is None else shown([each.volume_ml for each in largest.measurements])
        turned = f"{found.registrations[0].angle_deg:.1f} degrees"
        cells = [patient, shown(truths), change(truths), shown(volumes), change(volumes), own, turned]
        lines.append(f"| {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return lines


def peak_ml(tumour: Tumour) -> float:
    """Return the largest volume of a tumour."""
    return max(each.volume_ml or 0.0 for each in tumour.measurements)


def shown(volumes: Sequence[float | None]) -> str:
    """Return volumes as text."""
    return " → ".join("?" if value is None else f"{value:.1f}" for value in volumes)


def change(volumes: Sequence[float | None]) -> str:
    """Return the relative change from first to last."""
    first, last = volumes[0], volumes[-1]
    return "–" if not first or last is None else f"{100 * (last / first - 1):+.0f} %"


def write_table(patients: int, data: Path | None, training: Path, work: Path, output: Path) -> None:
    """Follow simulated patients and, with ``data``, the pairs of exams; write table.md and plots.

    Args:
        patients: simulated patients.
        data: folder with brain3d_btp; None leaves the pairs out.
        training: output folder of ``camlocalizer train``; the fold that held a patient out measures the pair.
        work: where simulated exams are written; removed at the end.
        output: where table and plots are written.
    """
    work.mkdir(parents=True, exist_ok=True)
    output.mkdir(parents=True, exist_ok=True)
    lines = [
        "# Follow-up",
        "",
        "Made by `scripts/evaluate_follow_up.py`. Every exam by the model's own threshold, components below "
        f"{MIN_VOLUME_ML} ml left out; volumes are those of all components together.",
        "",
        "## Simulated growth, pet-fdg",
        "",
        *simulated(patients, work, output / "simulated.png"),
    ]
    if data is not None:
        lines += [
            "",
            "## Brain-Tumor-Progression, brain-t1ce by cross-validation",
            "",
            "Outlines cover the enhancing rim only, the model marks more. Spacing of this collection is nominal and",
            "its dates are not given, so neither volumes nor paces are facts: read the direction of change.",
            "",
            *pairs(data, training),
        ]
    (output / "table.md").write_text("\n".join([*lines, ""]), encoding="utf-8")
    shutil.rmtree(work, ignore_errors=True)
