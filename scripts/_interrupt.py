"""Interrupts commands at seeded moments and sees that results are there whole or not at all.

Each command runs undisturbed first; what it wrote is what a complete result holds. Then it runs again and again into a
new place, or over an old result, and is stopped by Ctrl+C, a request to terminate, a closed terminal or a kill. Then
the place must be empty, hold the old result or a complete one, and the same command must succeed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from CAMLocalizerLib.core import Grid, LabelMap
from CAMLocalizerLib.io import write_label_map, write_nifti

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGKILL")
GRID = Grid((48, 48, 8), (1.0, 1.0, 3.0), (-24.0, -24.0, 0.0), np.eye(3))
SLICES = ((0, "no tumour"), (1, "no tumour"), (3, "glioma"), (4, "glioma"), (5, "glioma"), (7, "no tumour"))
TRAINING = """
[data]
table = "slices.csv"
classes = ["no tumour", "glioma"]
[network]
name = "dcfpn"
settings = { channels = [4, 4, 8, 8] }
[input]
spacing_mm = 1.0
size = [48, 48]
[training]
epochs = 3
batch_size = 4
[folds]
count = 3
[model]
name = "small"
modality = "MR"
tumour_classes = ["glioma"]
"""


@dataclass(frozen=True)
class Case:
    """A command.

    Args:
        name: on the table.
        arguments: of it; ``{out}`` stands for where it writes.
        output: name of what it writes, in a folder of its own.
        over: whether it runs over a former result.
        resumed: whether what an interruption leaves is resumed by ``--resume``, and need not be whole before.
    """

    name: str
    arguments: tuple[str, ...]
    output: str
    over: bool = False
    resumed: bool = False


def inputs(folder: Path) -> None:
    """Write two exams with label maps, tables of them, and tables of features and outcomes."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    k, j, i = np.mgrid[:8, :48, :48]
    for number in (1, 2):
        array = np.where((i - 24) ** 2 + (j - 24) ** 2 < 400, 300, 5) + rng.integers(0, 20, GRID.shape_kji)
        tumour = ((i - 30) ** 2 + (j - 28) ** 2 + (3 * (k - 4)) ** 2) < 20 + 10 * number
        array[tumour] += 500
        write_nifti(array.astype(np.float32), GRID, folder / f"e{number}.nii.gz")
        write_label_map(LabelMap(tumour.astype(np.uint8), GRID), folder / f"l{number}.nii.gz")
    (folder / "exams.csv").write_text(
        "file,date,label_map\ne1.nii.gz,2024-01-01,l1.nii.gz\ne2.nii.gz,2024-03-01,l2.nii.gz\n"
    )
    labelled = [f"s{number}.nii.gz,{k},{label},p{number}" for number in range(4) for k, label in SLICES]
    for number in range(4):
        shutil.copy(folder / f"e{1 + number % 2}.nii.gz", folder / f"s{number}.nii.gz")
    (folder / "slices.csv").write_text("\n".join(["file,slice,label,patient", *labelled]) + "\n")
    (folder / "train.toml").write_text(TRAINING)
    (folder / "archive").mkdir()
    for number in (1, 2):
        shutil.copy(folder / f"e{number}.nii.gz", folder / "archive")
    with (folder / "features.csv").open("w", newline="") as one, (folder / "outcomes.csv").open("w", newline="") as two:
        features, outcomes = csv.writer(one), csv.writer(two)
        features.writerow(("Image", "Mask", "Segment", "original_firstorder_Mean", "original_shape_MeshVolume"))
        outcomes.writerow(("Image", "outcome"))
        for number in range(40):
            outcome = int(rng.integers(2))
            features.writerow((f"{number:03}", "m", "Tumour", outcome + rng.normal(), rng.normal()))
            outcomes.writerow((f"{number:03}", outcome))


CASES = (
    Case("localize", ("localize", "e1.nii.gz", "--output", "{out}", "--device", "cpu", "--refine", "none"), "e1"),
    Case(
        "localize --overwrite",
        ("localize", "e1.nii.gz", "--output", "{out}", "--device", "cpu", "--refine", "none", "--overwrite"),
        "e1",
        over=True,
    ),
    Case("radiomics", ("radiomics", "e1.nii.gz", "l1.nii.gz", "--output", "{out}/f.csv"), "f.csv"),
    Case(
        "radiomics --overwrite",
        ("radiomics", "e1.nii.gz", "l1.nii.gz", "--output", "{out}/f.csv", "--overwrite"),
        "f.csv",
        over=True,
    ),
    Case("follow-up", ("follow-up", "exams.csv", "--output", "{out}/f"), "f"),
    Case("outcome", ("outcome", "features.csv", "outcomes.csv", "--output", "{out}/o", "--folds", "3"), "o"),
    Case("rerun", ("rerun", "made/e1/report.json", "--input", ".", "--output", "{out}", "--device", "cpu"), "e1"),
    Case("evaluate", ("evaluate", "brain-t1ce", "slices.csv", "--output", "{out}/q", "--device", "cpu"), "q"),
    Case("train", ("train", "train.toml", "--output", "{out}/t"), "t", resumed=True),
    Case("batch", ("batch", "archive", "--output", "{out}/b", "--workers", "1"), "b"),
)


def start(case: Case, folder: Path, out: Path, *more: str) -> subprocess.Popen:
    """Start a command, perhaps with more arguments."""
    arguments = [argument.replace("{out}", str(out)) for argument in (*case.arguments, *more)]
    command = [sys.executable, "-P", "-m", "CAMLocalizerLib", *arguments]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=folder, start_new_session=True, restore_signals=True, **quiet)


def names(place: Path) -> list[str]:
    """Return the files below a folder."""
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())


def whole(case: Case, out: Path, expected: list[str]) -> bool:
    """Tell whether the result is absent or complete; a batch may hold some of its cases, each whole.

    Of a training only the model bundle must be whole.
    """
    place = out / case.output
    if case.resumed and not (place / "small").exists():
        return True
    if not place.exists():
        return True
    if place.is_file():
        return place.read_text().count("\n") == 2
    if case.name != "batch":
        return [name for name in expected if not (place / name).exists()] == []
    cases = {name.partition("/")[0] for name in expected if "/" in name}
    return all(
        not (place / one).exists() or all((place / name).exists() for name in expected if name.startswith(f"{one}/"))
        for one in cases
    )


def leftovers(out: Path) -> list[str]:
    """Return hidden temporary names."""
    return sorted(path.name for path in out.rglob(".*") if path.name.endswith((".partial", ".old")))


def attempt(case: Case, folder: Path, expected: list[str], after_s: float, kind: str, former: Path | None) -> str:
    """Interrupt a command once; return what is wrong, empty if nothing is."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    if former is not None:
        (shutil.copytree if former.is_dir() else shutil.copy)(former, out / case.output)
    process = start(case, folder, out)
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, getattr(signal, kind))
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return f"still running a minute after {kind}"
    if not whole(case, out, expected) or (
        former is not None and not (out / case.output).exists() and kind != "SIGKILL"
    ):
        return f"{kind} after {after_s:.2f} s left half a result: {names(out)}"
    if kind != "SIGKILL" and case.name != "batch" and leftovers(out):
        return f"{kind} after {after_s:.2f} s left {leftovers(out)}"
    there = (out / case.output).exists()
    if former is None and case.name != "batch" and not case.resumed and there:
        return ""
    again = start(case, folder, out, *(("--resume",) if case.resumed and there else ())).wait()
    if again or not whole(case, out, expected) or leftovers(out):
        return f"after {kind} at {after_s:.2f} s the same command ended with {again} and left {leftovers(out)}"
    return ""


def main() -> int:
    """Interrupt every command; returns 1 if one left half a result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moments", type=int, default=5, help="per command and signal (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default: %(default)s)")
    parser.add_argument("--only", help="name of one command")
    parser.add_argument("--json", type=Path, help="write the result there")
    options = parser.parse_args()
    rng, rows = random.Random(options.seed), []
    with tempfile.TemporaryDirectory(prefix="interrupt-") as name:
        folder = Path(name) / "in"
        inputs(folder)
        start(CASES[0], folder, folder / "made").wait()  # the report that is run again
        for case in CASES:
            if options.only in (None, case.name):
                rows.append(_tried(case, folder, rng, options.moments))
                print(json.dumps(rows[-1]), flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return int(any(row["faults"] for row in rows))


def _tried(case: Case, folder: Path, rng: random.Random, moments: int) -> dict:
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    begin = time.monotonic()
    if code := start(case, folder, out).wait():
        return {"command": case.name, "tried": 0, "faults": [f"ended with {code} undisturbed"]}
    took = time.monotonic() - begin
    made = out / case.output
    expected = [name for name in names(made) if "/events." not in name] if made.is_dir() else []
    former = None
    if case.over:
        former = folder / f"former-{case.output}"
        if not former.exists():
            (shutil.copytree if made.is_dir() else shutil.copy)(made, former)
    faults = []
    for kind in SIGNALS:
        for _ in range(moments):
            if fault := attempt(case, folder, expected, rng.uniform(0.2, 1.1) * took, kind, former):
                faults.append(fault)
    return {"command": case.name, "seconds": round(took, 1), "tried": len(SIGNALS) * moments, "faults": faults}


if __name__ == "__main__":
    sys.exit(main())
