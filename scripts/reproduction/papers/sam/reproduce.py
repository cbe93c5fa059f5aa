"""Soft activation mapping (Lei et al., 2018): nodule classification by CAM, SAM and HESAM, trained and measured.

The networks and the paper's figures are in `rows`, what is counted in `maps` and `baselines`, tables and findings in
`report`, pictures in `pictures`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import nn

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.metrics import classification_report
from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.training.fitting import FitOptions, fit_classifier, predict_logits
from CAMLocalizerLib.training.images import ImageSet

from ...datasets.lidc import read_nodule_images, read_nodules, read_original_images
from ...datasets.lidc.masks import read_nodule_masks
from .baselines import baselines
from .maps import brightness_maps, centre_maps, network_maps, score_maps
from .pictures import Pictured, chosen_nodules, draw_pictures
from .report import BRIGHTNESS, CENTRE, Evidence, write_report
from .result import FoldResult, load_result, save_result
from .rows import BY_NAME, DATASETS, OURS, TRAINED, Row

PATCHES, ORIGINAL = "lidc_nodules", "LIDC-IDRI"
PATCH_DATASETS = ("D_1C", "D_3C")
PICTURED_DATASET = "D_1C"
MEASURES = ("accuracy", "sensitivity", "specificity", "auc")


@dataclass(frozen=True)
class Settings:
    """What decides a run.

    Args:
        rows: trained rows.
        folds: number of folds that patients are dealt into.
        own_folds: held-out folds of the paper's own network on `PICTURED_DATASET`; everything else holds out fold 1.
        epochs: of each training.
        batch_size: images per step.
        learning_rate: of AdamW at the start; it falls to zero along a cosine.
        weight_decay: of AdamW.
        precision: of training, a name of `FitOptions`.
        own_channels: of the U-Net in the paper's own network.
        nodules: of each class that are used; None for all.
        pictured: malignant and benign nodules in the pictures; the paper's Fig. 6 has as many.
        seed: of folds, shifts, weights and batches.
    """

    rows: tuple[str, ...] = TRAINED
    folds: int = 5
    own_folds: tuple[int, ...] = (1, 2, 3, 4, 5)
    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 5e-4
    weight_decay: float = 1e-4
    precision: str = "bf16-mixed"
    own_channels: tuple[int, ...] = (32, 64, 128, 256)
    nodules: int | None = None
    pictured: tuple[int, int] = (4, 2)
    seed: int = 2018

    @property
    def of_a_training(self) -> dict[str, Any]:
        """The settings that decide one training; which others there are does not."""
        return {name: value for name, value in asdict(self).items() if name not in ("rows", "own_folds")}


SETTINGS = Settings()
QUICK = Settings(
    rows=("ResNet18", "ResNet18-SAM", *OURS),
    folds=2,
    own_folds=(1, 2),
    epochs=1,
    batch_size=8,
    precision="32-true",
    own_channels=(4, 4, 8, 8),
    nodules=8,
    pictured=(1, 1),
)


@dataclass(frozen=True, eq=False)
class Inputs:
    """What is learnt from and measured against.

    Args:
        sets: ``D_1C`` and so on to nodules.
        masks: of the nodules of the patches' sets, shape (N, H, W); None where there are none.
        diameters_px: of the same nodules, shape (N,).
        problems: sentences about scans that could not be read.
    """

    sets: Mapping[str, ImageSet]
    masks: NDArray[np.bool_] | None
    diameters_px: NDArray[np.float64] | None
    problems: tuple[str, ...]


def reproduce(
    data: Path, output: Path, work: Path, *, quick: bool = False, report: Callable[[str], None] = print
) -> None:
    """Train the rows of the paper's table, measure classification and localisation, write tables and pictures.

    First every row with fold 1 of D_1C held out, then the paper's own network with the other folds, then every row on
    the other inputs. After each training tables and pictures are written again. A run resumes where an earlier one with
    the same settings stopped.

    Args:
        data: holds ``lidc_nodules`` (prepared patches, D_1C and D_3C), ``LIDC-IDRI`` (the collection in its original
            layout, D_11C and D_21C, and the others where there are no patches), or both.
        output: gets ``table.csv``, ``table.md``, ``maps.png`` and ``heads.png``.
        work: keeps checkpoints and results.
        quick: a few nodules and networks, one epoch.
        report: takes a line per step.

    Raises:
        InputError: data that are missing or not as expected.
        ModelError: ``work`` holds an unfinished training with other settings.
    """
    settings = QUICK if quick else SETTINGS
    place = work / ("quick" if quick else "full")
    inputs = read_inputs(data, settings)
    evidence = _evidence(inputs)
    results: list[FoldResult] = []
    shown: dict[str, Path] = {}
    pictures: dict[str, str] = {}
    for dataset, row, fold in plan(settings, inputs.sets):
        results.append(measured(dataset, row, fold, inputs, place, settings, report))
        if (dataset, fold) == (PICTURED_DATASET, 1) and (file := _picture_file(place, row.name)).is_file():
            shown[row.name] = file
            pictures.update(draw_pictures(output, shown, row.name))
        write_report(output, asdict(settings), results, evidence, inputs.problems, tuple(pictures.items()))


def plan(settings: Settings, sets: Mapping[str, ImageSet]) -> Iterator[tuple[str, Row, int]]:
    """Yield input, row and held-out fold of every training, in the order in which they are run."""
    for dataset in sets:
        yield from ((dataset, BY_NAME[name], 1) for name in settings.rows)
        if dataset == PICTURED_DATASET:
            own = [BY_NAME[name] for name in settings.rows if name in OURS]
            yield from ((dataset, row, fold) for fold in settings.own_folds if fold != 1 for row in own)


def read_inputs(data: Path, settings: Settings) -> Inputs:
    """Read every input that the data folder allows.

    Raises:
        InputError: neither ``lidc_nodules`` nor ``LIDC-IDRI`` is there, or one of them is not as expected.
    """
    patches, original = data / PATCHES, data / ORIGINAL
    if not patches.is_dir() and not original.is_dir():
        raise InputError(f"{data}: neither {PATCHES} nor {ORIGINAL} in this folder; see the data's README for both")
    options = {"folds": settings.folds, "seed": settings.seed}
    sets: dict[str, ImageSet] = {}
    masks = diameters = None
    problems: tuple[str, ...] = ()
    if patches.is_dir():
        full = {name: read_nodule_images(patches, channels=DATASETS[name], **options) for name in PATCH_DATASETS}
        kept = _kept(full[PICTURED_DATASET], settings.nodules)
        sets |= {name: each.where(kept) for name, each in full.items()}
        masks = read_nodule_masks(patches, seed=settings.seed)[kept]
        diameters = np.array([nodule.diameter_px for nodule in read_nodules(patches)])[kept]
    if original.is_dir():
        for name in (name for name in DATASETS if name not in sets):
            found = read_original_images(original, channels=DATASETS[name], **options)
            sets[name] = found.images.where(_kept(found.images, settings.nodules))
            problems = found.problems
    return Inputs(sets, masks, diameters, problems)


def _kept(images: ImageSet, nodules: int | None) -> NDArray[np.bool_]:
    """Select the first nodules of each class and fold; everything for None."""
    if nodules is None:
        return np.ones(len(images), dtype=bool)
    kinds = images.labels + len(images.classes) * images.folds
    share = max(1, nodules // len(np.unique(images.folds)))
    return np.array([np.count_nonzero(kinds[:index] == kind) < share for index, kind in enumerate(kinds)])


def _evidence(inputs: Inputs) -> Evidence:
    """Measure what needs no network, on the first input that is there."""
    images = next(iter(inputs.sets.values()))
    maps = {}
    if inputs.masks is not None:
        found = {CENTRE: centre_maps(images.images), BRIGHTNESS: brightness_maps(images.images)}
        maps = {name: score_maps(each, inputs.masks) for name, each in found.items()}
    return Evidence(baselines(images, inputs.diameters_px), maps)


def measured(
    dataset: str,
    row: Row,
    fold: int,
    inputs: Inputs,
    place: Path,
    settings: Settings,
    report: Callable[[str], None],
) -> FoldResult:
    """Train and measure one row with one fold held out, or read what an earlier run measured."""
    run = _run_folder(place, dataset, row.name, fold)
    if (done := load_result(run.with_suffix(".json"), settings.of_a_training)) is not None:
        report(f"{run.name}: measured before")
        return done
    images = inputs.sets[dataset]
    train, held_out = images.split([fold])
    report(f"{run.name}: training on {len(train)} nodules")
    network, started = _fresh_network(row, images, fold, settings), time.monotonic()
    fit_classifier(network, train, None, fit_options(row, settings), run, report=report)
    seconds = (time.monotonic() - started) / settings.epochs
    logits = predict_logits(network, held_out.images, batch_size=settings.batch_size)
    probabilities = softmax(logits, axis=1)
    figures = classification_report(held_out.labels, probabilities, positive=1)
    values = {measure: float(getattr(figures, measure)) for measure in MEASURES}
    report(f"{run.name}: accuracy {values['accuracy']:.3f} on {len(held_out)} held-out nodules")
    maps = None
    if row.map is not None and dataset in PATCH_DATASETS and inputs.masks is not None:
        truths = inputs.masks[images.folds == fold]
        found = network_maps(network, row.map, held_out.images)
        maps = score_maps(found, truths)
        if dataset == PICTURED_DATASET and fold == 1:
            chosen = chosen_nodules(held_out, *settings.pictured)
            _pictured(held_out, truths, found, probabilities, chosen).save(_picture_file(place, row.name))
    result = FoldResult(dataset, row.name, fold, len(train), len(held_out), values, seconds, maps)
    save_result(run.with_suffix(".json"), result, settings.of_a_training)
    shutil.rmtree(run)  # the weights of all rows are gigabytes that nothing reads again
    return result


def _pictured(
    held_out: ImageSet,
    truths: NDArray[np.bool_],
    maps: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    chosen: NDArray[np.int64],
) -> Pictured:
    return Pictured(
        held_out.names[chosen],
        held_out.labels[chosen],
        held_out.images[chosen, 0],
        truths[chosen],
        maps[chosen],
        probabilities[chosen, 1],
    )


def _run_folder(place: Path, dataset: str, row: str, fold: int) -> Path:
    return place / f"{dataset}-fold-{fold}-{row}"


def _picture_file(place: Path, row: str) -> Path:
    return place / f"{PICTURED_DATASET}-fold-1-{row}.npz"


def _fresh_network(row: Row, images: ImageSet, fold: int, settings: Settings) -> nn.Module:
    assert row.network is not None
    own = {"channels": settings.own_channels} if row.name in OURS else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed + fold)
        return build_network(
            row.network, in_channels=images.images.shape[1], classes=len(images.classes), **row.settings, **own
        )


def fit_options(row: Row, settings: Settings) -> FitOptions:
    """Return the recipe of a row: the paper's batch size, rate and weight decay, with AdamW and a cosine for SGD."""
    return FitOptions(
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        optimizer="adamw",
        learning_rate=settings.learning_rate * row.rate,
        weight_decay=settings.weight_decay,
        schedule="cosine",
        precision=settings.precision,
        seed=settings.seed,
    )
