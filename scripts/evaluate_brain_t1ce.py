"""Measure brain-t1ce with `camlocalizer evaluate`: python3 scripts/evaluate_brain_t1ce.py --data DIR

Cross-validation on figshare, Brain-Tumor-Progression and brains without tumour, each patient by the network of
--training that did not see it; the bundle --model on collections that it was never trained on. Masks and tables are
put into --work. Writes a folder per collection and table.md to --output; pictures of collections whose licence does
not allow them are left out.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from _environment import ROOT, ensure_environment, environment_python, run
from prepare_brain_t1ce import copied, figshare_labels
from reproduction.models.brain_t1ce.cases import (
    FIGSHARE_FOLDER,
    PROGRESSION_FOLDER,
    TRAINING,
    fold_networks,
    progression_images,
    progression_mask,
    progression_patient,
)

FIGSHARE, PROGRESSION, SCLEROSIS = "figshare", "progression", "sclerosis"
BRATS, LOW_GRADE = "brats", "low-grade"
CROSS_VALIDATED, ELSEWHERE = (FIGSHARE, PROGRESSION, SCLEROSIS), (BRATS, LOW_GRADE)
SHOWN = CROSS_VALIDATED  # whose licence allows pictures
COLUMNS = ("file", "slice", "view", "label", "patient", "site", "plane")
OEDEMA = 2  # label of the BraTS masks; T1 after contrast does not outline it
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


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with figshare_brain_tumor and the others")
    parser.add_argument("--training", type=Path, default=TRAINING)
    parser.add_argument("--model", default="brain-t1ce", help="bundle for the collections never trained on")
    parser.add_argument("--only", choices=(*CROSS_VALIDATED, *ELSEWHERE), action="append", default=[])
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "brain-t1ce-quality")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "brain-t1ce")
    return parser.parse_args()


def main() -> None:
    """Prepare, evaluate and sum up."""
    chosen = options()
    for name in ("data", "training", "work", "output"):
        setattr(chosen, name, getattr(chosen, name).resolve())
    if Path(chosen.model).exists():
        chosen.model = str(Path(chosen.model).resolve())
    os.chdir(ROOT)  # so that the commands in the tables hold paths within the checkout
    makers = {
        FIGSHARE: figshare,
        PROGRESSION: progression,
        SCLEROSIS: sclerosis,
        BRATS: brats,
        LOW_GRADE: low_grade,
    }
    for name in chosen.only or makers:
        work, output = within(chosen.work / name), within(chosen.output / name)
        shutil.rmtree(work, ignore_errors=True)
        (work / "masks").mkdir(parents=True)
        lines = list(makers[name](chosen.data, work))
        if name in CROSS_VALIDATED:
            lines = held_out(lines, chosen.training)
        evaluate(str(within(chosen.training)) if name in CROSS_VALIDATED else chosen.model, lines, work, output)
        if name not in SHOWN:
            (output / PICTURE).unlink(missing_ok=True)
    if all((chosen.output / name / "figures.json").exists() for name in SUMMARY):
        (chosen.output / "table.md").write_text("\n".join(summary(chosen.output)) + "\n", encoding="utf-8")


def evaluate(model: str, lines: list[dict[str, Any]], work: Path, output: Path) -> None:
    """Measure a model on the lines of a table, whose images lie in ``work`` and whose masks in its ``masks``."""
    from CAMLocalizerLib.cli import main as camlocalizer

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
    return path.relative_to(ROOT) if path.is_absolute() and path.is_relative_to(ROOT) else path


def held_out(lines: list[dict[str, Any]], training: Path) -> list[dict[str, Any]]:
    """Keep the patients whom a fold of the training held out; a training need not have run all folds."""
    patients = fold_networks(training).folds
    return [line for line in lines if line["patient"] in patients]


def figshare(data: Path, work: Path) -> Iterator[dict[str, Any]]:
    """Write slices and masks as the stacks of the training, and give a line per slice."""
    from CAMLocalizerLib.io import write_nifti
    from reproduction.datasets.figshare.stacks import figshare_stacks

    for stack in figshare_stacks(data / FIGSHARE_FOLDER):
        volume, file = stack.volume(), f"{stack.name}.nii.gz"
        write_nifti(volume.array_kji, volume.grid, work / file)
        write_nifti(stack.truth_kji().astype("uint8"), volume.grid, work / "masks" / file)
    for row in figshare_labels(data):
        yield {name: row[name] for name in COLUMNS if name in row} | {"file": Path(row["file"]).name}


def progression(data: Path, work: Path) -> Iterator[dict[str, Any]]:
    """Copy volumes and masks; a line per volume."""
    for path in progression_images(data / PROGRESSION_FOLDER):
        copied(path, work / path.name)
        copied(progression_mask(path), work / "masks" / path.name)
        yield line(path.name, "glioma", progression_patient(path), "progression")


def sclerosis(data: Path, work: Path) -> Iterator[dict[str, Any]]:
    """Copy the brains without tumour; a line per brain."""
    for path in sorted((data / "brain_ms_t1post").glob("*/t1post.nii.gz")):
        patient = path.parent.name
        copied(path, work / f"{patient}.nii.gz")
        yield line(f"{patient}.nii.gz", "no tumour", patient, "sclerosis")


def brats(data: Path, work: Path) -> Iterator[dict[str, Any]]:
    """Copy volumes and masks; a line per volume."""
    from CAMLocalizerLib.io import read_volume, write_nifti

    for path in sorted((data / "brain_brats_t1c").glob("*/t1c.nii.gz")):
        patient = path.parent.name
        copied(path, work / f"{patient}.nii.gz")
        truth = read_volume(path.with_name("seg.nii.gz"))
        tumour = (truth.array_kji > 0) & (truth.array_kji != OEDEMA)
        write_nifti(tumour.astype("uint8"), truth.grid, work / "masks" / f"{patient}.nii.gz")
        yield line(f"{patient}.nii.gz", "tumour", patient, "brats")


def low_grade(data: Path, work: Path) -> Iterator[dict[str, Any]]:
    """Unpack the slices; a line per slice. Their masks outline another sequence, so they are left alone."""
    from PIL import Image

    folder = data / "brain_lgg_t1ce_slices"
    with (
        (folder / "slices.csv").open(newline="", encoding="utf-8") as file,
        zipfile.ZipFile(folder / "images.zip") as archive,
    ):
        names = {Path(name).name: name for name in archive.namelist()}
        for row in csv.DictReader(file):
            with Image.open(BytesIO(archive.read(names[row["file"]]))) as image:
                image.convert("L").save(work / row["file"])
            label = "tumour" if row["tumour"] == "1" else "no tumour"
            yield line(row["file"], label, row["patient"], row["site"], plane="axial")


def line(file: str, label: str, patient: str, site: str, **more: Any) -> dict[str, Any]:
    """Make a line of a table."""
    return {"file": file, "label": label, "patient": patient, "site": site} | more


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
    """Name the folds whose networks judged, as the first collection has them."""
    names = json.loads((folder / FIGSHARE / "figures.json").read_text(encoding="utf-8"))["checksums"]
    return ", ".join(name.removeprefix("network of ") for name in names)


def shown(figure: dict[str, Any] | None) -> str:
    """Return a figure with its interval."""
    if figure is None or figure["value"] is None:
        return ""
    value = f"{figure['value']:.3f}"
    return value if figure["low"] is None else f"{value} [{figure['low']:.3f}, {figure['high']:.3f}]"


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
