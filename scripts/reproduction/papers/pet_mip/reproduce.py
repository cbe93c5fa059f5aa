"""Weakly supervised PET tumour detection using class response (Amyar et al. 2020), on simulated bodies."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.models import load_model
from CAMLocalizerLib.training.images import ImageSet, patient_folds

from ...datasets.simulated_pet import CLASSES
from ...datasets.simulated_pet.projected import projected_patients, truths_of
from ..results import Entry, Reproduction, replacing, write_tables
from .evaluation import (
    PHANTOM,
    SARCOMA,
    WHOLE_BODY,
    PETCase,
    PETOutcome,
    phantom_case,
    sarcoma_cases,
    simulated_cases,
    whole_body_case,
)
from .pictures import draw_cases
from .rows import CAMS, DISTANCE, FCNS, OURS, QUICK, UNET, Measure, Settings, as_json, measure_fold, row_trainers

SETTINGS = Settings()
CITATION = (
    "Amyar, Decazes, Vera, Modzelewski, Ruan: Weakly Supervised PET Tumor Detection Using Class Response. 2020. "
    "arXiv:2003.08337"
)
RPET = "3d-rpet-Net"
TITLES = ("Table 2: lung cancer", "Table 1: oesophagus cancer")  # in the order of CLASSES
BEYOND = "Beyond the paper: all held-out simulated patients"
TRANSFER = "Transfer to real PET, networks of the first fold"
ROWS = (UNET, CAMS, FCNS, OURS)
ALL_ROWS = (*ROWS, DISTANCE)
PAPER: Mapping[tuple[int, str], tuple[float, float]] = {
    (0, UNET): (0.57, 0.19),
    (0, CAMS): (0.63, 0.14),
    (0, FCNS): (0.73, 0.12),
    (0, OURS): (0.77, 0.07),
    (1, UNET): (0.42, 0.16),
    (1, CAMS): (0.53, 0.17),
    (1, FCNS): (0.66, 0.07),
    (1, OURS): (0.73, 0.09),
}
DIFFERENCES = (
    "The paper's 195 patients are not open. Here 195 bodies are simulated, 98 with lung and 97 with oesophageal cancer "
    "as in the paper, each with one tumour; the truth is the simulated tumour, not a physician's contour. Figures of "
    "simulated bodies compare the rows with one another; they say nothing about patients.",
    "Accuracy, sensitivity, specificity and AUC in the paper's tables are those of a radiomics study of treatment "
    "response and survival, which simulated bodies do not have. These columns and the row 3d-rpet-Net, which has no "
    "other ones, are left out; radiomics of label maps is a part of its own.",
    "The paper trains for two days on a GPU and does not state epochs, weights of the losses, layers or how the two "
    "maps become a 3D mask. Here: Adam 2e-3 with cosine decay, batches of 8 as published, loss 2 weighs 0.02 per mm; "
    "the maps are multiplied in 3D and the uptake around the hottest spot of their product is outlined at 41 %. "
    "The U-Net's two masks are back-projected and outlined in the same way, which keeps its row comparable.",
    "Loss 2 is the distance from the soft argmax of the map to the point plus a tenth of that softmax's spread. The "
    "distance alone is satisfied by maps that peak on either side of the tumour, as the row without spread shows. This "
    "was seen in the maps of fold 1, of training and held-out patients alike, and the spread added then; as much "
    "spread as distance was tried first and kept the network from learning.",
    "CAMs & FCNs: strided convolutions instead of pooling, and a log-sum-exp of the cells' class responses; the paper "
    "does not describe its network.",
    "All rows share the threshold of the maps (0.5), which was chosen with a network trained with the point loss and "
    "may favour its row.",
    "The standard deviation is that of the folds' means; the paper does not say what its ± is.",
)


def reproduce(
    data: Path,
    output: Path,
    work: Path,
    *,
    quick: bool = False,
    report: Callable[[str], None] = print,
    settings: Settings | None = None,
) -> None:
    """Reproduce the Dice columns of Tables 1 and 2 on simulated bodies, and see what transfers to real PET.

    Args:
        data: folder with ``pet_sts_cropped``, ``pet_wholebody_sts001`` and ``pet_nema_phantom``; what is missing there
            is left out of the transfer table.
        output: gets ``table.csv``, ``table.md`` and ``maps.png``.
        work: keeps simulated images, checkpoints and the outcomes of finished rows and folds.
        quick: few patients on coarse voxels.
        report: takes a line per step.
        settings: instead of those of the full or the quick run.
    """
    study = _Study(data, output, work, settings or (QUICK if quick else SETTINGS), report)
    for fold in range(1, study.settings.measured_folds + 1):
        for row in ALL_ROWS:
            study.run(row, fold)
            study.write()
    if study.settings.transfer:
        study.transfer()
    study.draw()
    study.write()


class _Study:
    """One reproduction: its patients, its folds and what was measured so far."""

    def __init__(self, data: Path, output: Path, work: Path, settings: Settings, report: Callable[[str], None]) -> None:
        self.data, self.output, self.work, self.settings, self.report = data, output, work, settings, report
        self.seeds = list(range(settings.first_seed, settings.first_seed + settings.patients))
        labels = np.array([seed % len(CLASSES) for seed in self.seeds])
        names = np.array([str(seed) for seed in self.seeds])
        self.folds = patient_folds(names, labels, settings.folds, settings.seed)
        self.masks = lru_cache(maxsize=1)(lambda: truths_of(self.seeds, settings.projections))
        self.trainers = row_trainers(settings, self.masks)
        self.outcomes: dict[tuple[str, int], list[PETOutcome]] = {}
        self.transferred: dict[tuple[str, str], list[PETOutcome]] = {}
        self.pictures: tuple[tuple[str, str], ...] = ()
        self._images: ImageSet | None = None

    @property
    def images(self) -> ImageSet:
        """Projections of all patients."""
        if self._images is None:
            self.report(f"simulating {len(self.seeds)} patients")
            cores = 0 if self.settings.patients < 40 else os.cpu_count() or 0
            cache = self.work / "patients.npz"
            self._images = projected_patients(
                self.seeds, self.folds.tolist(), self.settings.projections, cache=cache, workers=cores
            )
        return self._images

    def folder(self, row: str, fold: int) -> Path:
        """Where the training of a row and fold is kept."""
        return self.work / f"{row.lower().replace(' & ', '-').replace(' ', '-')}-{fold}"

    def trained(self, row: str, fold: int) -> Measure:
        """Train a row without a fold, or load it if it was trained."""
        chosen = self.images.folds != fold
        return self.trainers[row](self.images.where(chosen), chosen, self.folder(row, fold), self.report)

    def run(self, row: str, fold: int) -> None:
        """Train a row and measure the held-out patients, unless that was done before."""
        seeds = [seed for seed, own in zip(self.seeds, self.folds, strict=True) if own == fold]
        path = self.folder(row, fold) / "outcomes.json"
        key = {"settings": str(self.settings), "seeds": seeds}
        known = _read_outcomes(path, key)
        if known is None:
            self.report(f"{row}, fold {fold}")
            known = measure_fold(self.settings, seeds, self.trained(row, fold))
            _write_outcomes(path, key, known)
        self.outcomes[row, fold] = known
        self.report(f"{row}, fold {fold}: Dice {np.mean([entry.dice for entry in known]):.3f}")

    def transfer(self) -> None:
        """Run the first fold's networks over real PET."""
        cases = list(real_cases(self.data, self.report))
        if not cases:
            return
        measures = {row: self.trained(row, 1) for row in (CAMS, OURS)}
        for row, measure in measures.items():
            for collection, case in cases:
                self._transfer_one(row, measure, collection, case)
            self.report(f"{row}: run over {len(cases)} real scans")

    def _transfer_one(self, row: str, measure: Measure, collection: str, case: PETCase) -> None:
        try:
            self.transferred.setdefault((row, collection), []).append(measure(case))
        except InputError as error:  # a crop thinner than a feature cell
            self.report(f"{case.name} left out: {error}")

    def draw(self) -> None:
        """Draw maps of two held-out patients of each class."""
        seeds = [seed for seed, own in zip(self.seeds, self.folds, strict=True) if own == 1]
        lung, oesophagus = ([seed for seed in seeds if seed % len(CLASSES) == label][:2] for label in (0, 1))
        cases = simulated_cases([*lung, *oesophagus], self.settings.projections)
        bundles = {row: load_model(self.folder(row, 1) / "bundle") for row in (CAMS, FCNS, OURS)}
        draw_cases(self.output / "maps.png", cases, bundles)
        caption = (
            "Held-out simulated patients, coronal and sagittal projections with each row's map; green: found and true, "
            "red: found alone, yellow: missed, both projected."
        )
        self.pictures = (("maps.png", caption),)

    def write(self) -> None:
        """Write the tables with what was measured so far."""
        settings = asdict(self.settings)
        done = sorted({fold for _, fold in self.outcomes})
        write_tables(
            self.output,
            Reproduction(
                name="pet-mip",
                title="PET from two projections (Amyar et al. 2020)",
                paper=CITATION,
                data=f"{self.settings.patients} simulated FDG bodies, scripts/reproduction/datasets/simulated_pet",
                seed=self.settings.first_seed,
                settings=settings,
                differences=(*DIFFERENCES, f"Folds measured: {len(done)} of {self.settings.folds}."),
                findings=findings(self.outcomes),
                pictures=self.pictures,
            ),
            [*table_entries(self.outcomes), *transfer_entries(self.transferred)],
        )


def real_cases(data: Path, report: Callable[[str], None]) -> Iterator[tuple[str, PETCase]]:
    """Yield the real scans that are there, each with the name of its collection."""
    readers: dict[str, Callable[[Path], Iterator[PETCase]]] = {
        WHOLE_BODY: lambda folder: iter([whole_body_case(folder)]),
        SARCOMA: sarcoma_cases,
        PHANTOM: lambda folder: iter([phantom_case(folder)]),
    }
    for name, reader in readers.items():
        if not (data / name).is_dir():
            report(f"{data / name} is missing and left out of the transfer table")
            continue
        yield from ((name, case) for case in reader(data / name))


def table_entries(outcomes: Mapping[tuple[str, int], list[PETOutcome]]) -> list[Entry]:
    """Make the paper's tables, and one of measures that it lacks."""
    entries = []
    for label in (1, 0):
        for row in ROWS:
            paper, spread = PAPER[label, row]
            mean, std, count = over_folds(outcomes, row, "dice", label)
            entries.append(Entry(TITLES[label], row, "Dice", mean, std, paper, spread, count))
    measures = {
        "Dice": "dice",
        "tumour touched": "hit",
        "peak of evidence in the tumour": "peak_inside",
        "hottest voxel in the tumour": "hottest_inside",
    }
    for row in ALL_ROWS:
        for title, name in measures.items():
            mean, std, count = over_folds(outcomes, row, name)
            entries.append(Entry(BEYOND, row, title, mean, std, count=count))
        mean, std, count = over_folds(outcomes, row, "type_right")
        entries.append(Entry(BEYOND, row, "type right", None if row == UNET else mean, std, count=count))
    return entries


def over_folds(
    outcomes: Mapping[tuple[str, int], list[PETOutcome]], row: str, name: str, label: int | None = None
) -> tuple[float | None, float | None, int | None]:
    """Return the mean over a row's patients, the standard deviation of the folds' means and the number of patients.

    Args:
        outcomes: of every row and fold.
        row: which row.
        name: field of `PETOutcome`, or ``type_right``.
        label: class of the patients; all if None.
    """
    folds = []
    for (own, _), cases in sorted(outcomes.items()):
        values = [_value(entry, name) for entry in cases if label is None or entry.label == label]
        if own == row and values:
            folds.append(values)
    if not folds:
        return None, None, None
    means = [float(np.mean(values)) for values in folds]
    every = list(chain.from_iterable(folds))
    return float(np.mean(every)), float(np.std(means, ddof=1)) if len(means) > 1 else None, len(every)


def _value(entry: PETOutcome, name: str) -> float:
    return float(entry.found_label == entry.label) if name == "type_right" else float(getattr(entry, name))


def transfer_entries(transferred: Mapping[tuple[str, str], list[PETOutcome]]) -> list[Entry]:
    """Make the table of real scans."""
    entries = []
    for (row, collection), cases in transferred.items():
        name = f"{row}: {collection}"
        for title, field in (
            ("Dice", "dice"),
            ("tumour touched", "hit"),
            ("peak of evidence in the tumour", "peak_inside"),
            ("hottest voxel in the tumour", "hottest_inside"),
        ):
            mean = float(np.mean([_value(entry, field) for entry in cases]))
            entries.append(Entry(TRANSFER, name, title, mean, count=len(cases)))
    return entries


def findings(outcomes: Mapping[tuple[str, int], list[PETOutcome]]) -> tuple[str, ...]:
    """Return sentences on what the figures show, computed from them."""
    sentences = []
    for label in (1, 0):
        measured = {row: over_folds(outcomes, row, "dice", label)[0] for row in ROWS}
        known = {row: value for row, value in measured.items() if value is not None}
        if len(known) < 2:
            continue
        order = sorted(known, key=lambda row: -known[row])
        paper = sorted(known, key=lambda row: -PAPER[label, row][0])
        figures = ", ".join(f"{row} {known[row]:.2f}" for row in order)
        same = "the paper's order" if order == paper else f"not the paper's order ({', '.join(paper)})"
        sentences.append(f"{CLASSES[label].capitalize()}: {figures}; {same}.")
        if CAMS in known and OURS in known:
            gain = known[OURS] - known[CAMS]
            published = PAPER[label, OURS][0] - PAPER[label, CAMS][0]
            sentences.append(f"The point loss changes Dice by {gain:+.2f} (paper: {published:+.2f}).")
    return tuple(sentences)


def _read_outcomes(path: Path, key: Mapping[str, Any]) -> list[PETOutcome] | None:
    if not path.is_file():
        return None
    stored = json.loads(path.read_text(encoding="utf-8"))
    if stored["key"] != key:
        raise InputError(f"{path.parent} holds a run with other settings; give another work folder or remove it")
    return [PETOutcome(**entry) for entry in stored["outcomes"]]


def _write_outcomes(path: Path, key: Mapping[str, Any], outcomes: list[PETOutcome]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside:
        beside.write_text(json.dumps({"key": key, "outcomes": as_json(outcomes)}), encoding="utf-8")
