"""PG-CAM (Lee et al., 2018): classification and localisation of meningiomas, trained and measured.

The networks, maps and the paper's figures are in `systems`, what is counted in `maps`, tables and findings in `report`,
pictures in `pictures`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from CAMLocalizerLib.metrics import classification_report
from CAMLocalizerLib.networks import build_network, load_encoder_weights
from CAMLocalizerLib.training.fitting import FitOptions, fit_classifier, predict_logits
from CAMLocalizerLib.training.images import ImageSet

from ...datasets.figshare.images import figshare_image_set
from ...datasets.figshare.masks import figshare_masks
from ..held_out import network_without
from .bundle import measure_bundle
from .localise import MaskedSlices, localise
from .pictures import Pictured, draw_pictures
from .report import write_report
from .result import FoldResult, load_result, save_result
from .systems import POSITIVE, SYSTEMS, System

DATA_FOLDER = "figshare_brain_tumor"
CLASSES = ("other tumour", "meningioma")
MEASURES = ("accuracy", "sensitivity", "specificity", "auc")


@dataclass(frozen=True)
class Settings:
    """What decides a run.

    Args:
        size: height and width of the images.
        channels: of the pyramid's four scales.
        resnet_width: factor on the channels of ResNet-50.
        folds: held-out folds, one training of every network for each.
        epochs: of each training.
        batch_size: images per step.
        learning_rate: of Adam at the start.
        decay_share: share of the steps after which the rate is multiplied by 0.1.
        augmentation: a name of `FitOptions`.
        precision: of training, a name of `FitOptions`.
        images_per_class: images of each class and fold that are used; None for all.
        tuning: meningioma slices of the training folds on which thresholds are chosen.
        pictured: slices in the pictures.
        seed: of weights and batches.
    """

    size: int = 128
    channels: tuple[int, ...] = (16, 32, 64, 128)
    resnet_width: float = 1.0
    folds: tuple[int, ...] = (1,)
    epochs: int = 7
    batch_size: int = 16
    learning_rate: float = 1e-3
    decay_share: float = 2 / 3
    augmentation: str = "flip"
    precision: str = "bf16-mixed"
    images_per_class: int | None = None
    tuning: int = 120
    pictured: int = 5
    seed: int = 2018

    @property
    def of_a_training(self) -> dict[str, Any]:
        """The settings that decide one training; how many folds and pictures there are does not."""
        return {name: value for name, value in asdict(self).items() if name not in ("folds", "pictured")}


SETTINGS = Settings()
QUICK = Settings(
    size=64,
    channels=(4, 4, 8, 8),
    resnet_width=1 / 16,
    epochs=1,
    batch_size=8,
    precision="32-true",
    images_per_class=8,
    tuning=4,
    pictured=1,
)


def reproduce(
    data: Path,
    output: Path,
    work: Path,
    *,
    quick: bool = False,
    training: Path | None = None,
    report: Callable[[str], None] = print,
) -> None:
    """Train the paper's networks, measure classification and localisation, write tables and pictures.

    Every network is trained on three folds of the figshare collection and measured on the held-out one, by patient;
    after each the tables and pictures are written again. A run resumes where an earlier one with the same settings
    stopped.

    Args:
        data: holds ``figshare_brain_tumor``.
        output: gets ``table.csv``, ``table.md``, ``localisation.png`` and ``scales.png``.
        work: keeps checkpoints and results.
        quick: few small images, small networks, one epoch.
        training: of brain-t1ce, whose network without the held-out fold is measured too; None leaves it out.
        report: takes a line per step.

    Raises:
        InputError: data that are missing or not as expected.
        ModelError: ``work`` holds trainings with other settings, the encoder's weights are not installed, or
            ``training`` is not a training of brain-t1ce.
    """
    settings, folder = QUICK if quick else SETTINGS, data / DATA_FOLDER
    place = work / ("quick" if quick else "full")

    @cache
    def images(normalisation: str, size: int = settings.size) -> ImageSet:
        slices = figshare_image_set(folder, size=size, normalisation=normalisation)
        return meningioma_task(slices, settings.images_per_class)

    labelled = images(SYSTEMS[0].normalisation)
    shares = [np.mean(labelled.in_folds([fold]).labels == POSITIVE) for fold in settings.folds]
    results: list[FoldResult] = []
    drawn: list[tuple[str, str]] = []
    for fold in settings.folds:
        for system in SYSTEMS:
            results.append(measured(system, fold, images(system.normalisation), folder, place, settings, report))
            if fold == settings.folds[0]:
                drawn += draw_pictures(output, place, fold, system.name)
            write_report(output, asdict(settings), results, float(np.mean(shares)), tuple(drawn))
        patients = set(labelled.in_folds([fold]).patients.tolist())
        if (bundle := network_without(patients, training, report)) is not None:
            held_out = images(bundle.card.normalisation, bundle.card.size[0]).in_folds([fold])
            results.append(measure_bundle(bundle, fold, held_out, _with_masks(held_out, folder, settings.size)))
            write_report(output, asdict(settings), results, float(np.mean(shares)), tuple(drawn))


def meningioma_task(images: ImageSet, images_per_class: int | None = None) -> ImageSet:
    """Turn the three types of tumour into meningioma against the others.

    Args:
        images: of the classes of `figshare_image_set`.
        images_per_class: images of each class and fold to keep, the first ones; None for all.
    """
    labels = (images.labels == images.classes.index("meningioma")).astype(np.int64)
    task = replace(images, labels=labels, classes=CLASSES)
    if images_per_class is None:
        return task
    kinds = labels + len(CLASSES) * images.folds
    rank = np.array([np.count_nonzero(kinds[:index] == kind) for index, kind in enumerate(kinds)])
    return task.where(rank < images_per_class)


def measured(
    system: System,
    fold: int,
    images: ImageSet,
    folder: Path,
    place: Path,
    settings: Settings,
    report: Callable[[str], None],
) -> FoldResult:
    """Train and measure one network with one fold held out, or read what an earlier run measured.

    Args:
        system: the network.
        fold: held out.
        images: meningioma against other tumours, all folds, normalised as the system asks for.
        folder: holds the masks.
        place: keeps trainings and results.
        settings: of the study.
        report: takes a line per step.
    """
    recipe = settings.of_a_training | system.own_recipe
    run = place / f"fold-{fold}-{system.name}"
    if (done := load_result(run.with_suffix(".json"), recipe)) is not None:
        report(f"{run.name}: measured before")
        return done
    train, held_out = images.split([fold])
    report(f"{run.name}: training on {len(train)} images")
    network = _fresh_network(system, fold, settings)
    options = fit_options(settings, len(train), system.learning_rate)
    fit_classifier(network, train, None, options, run, report=report)
    result = _measure(system, fold, network, train, held_out, folder, settings, run)
    report(f"{run.name}: accuracy {result.classification['accuracy']:.3f} on {result.images} held-out images")
    save_result(run.with_suffix(".json"), result, recipe)
    return result


def _fresh_network(system: System, fold: int, settings: Settings) -> nn.Module:
    size = {"width": settings.resnet_width} if system.network == "resnet50" else {"channels": settings.channels}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed + fold)
        network = build_network(system.network, classes=len(CLASSES), **size, **system.settings)
    if system.encoder_weights is not None:
        load_encoder_weights(network, system.encoder_weights)
    return network


def fit_options(settings: Settings, images: int, learning_rate: float | None = None) -> FitOptions:
    """Return the paper's recipe for a training on so many images; its decay comes once, late in the shorter run.

    Args:
        settings: of the study.
        images: number of training images.
        learning_rate: of Adam at the start; that of the study if not given.
    """
    steps = settings.epochs * math.ceil(images / settings.batch_size)
    return FitOptions(
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate if learning_rate is None else learning_rate,
        decay_every=max(1, math.ceil(steps * settings.decay_share)),
        precision=settings.precision,
        augmentation=settings.augmentation,
        seed=settings.seed,
    )


def _measure(
    system: System,
    fold: int,
    network: nn.Module,
    train: ImageSet,
    held_out: ImageSet,
    folder: Path,
    settings: Settings,
    run: Path,
) -> FoldResult:
    figures = classification_report(held_out.labels, predict_logits(network, held_out.images), positive=POSITIVE)
    shown = _with_masks(held_out, folder, settings.size)
    tuning = _with_masks(train, folder, settings.size, settings.tuning)
    found = localise(system, network, shown, tuning)
    chosen = _spaced(len(shown.names), settings.pictured)
    maps = {name: activations[chosen] for name, activations in found.activations.items()}
    pictured = Pictured(shown.names[chosen], shown.images[chosen, 0], shown.masks[chosen], maps)
    pictured.save(run.with_suffix(".npz"))
    return FoldResult(
        system=system.name,
        fold=fold,
        trained=len(train),
        images=len(held_out),
        positives=len(shown.names),
        classification={measure: float(getattr(figures, measure)) for measure in MEASURES},
        maps=found.scores,
        sweep=found.sweep,
        tuned=found.tuned,
        tuned_thresholds=found.tuned_thresholds,
    )


def _with_masks(images: ImageSet, folder: Path, size: int, count: int | None = None) -> MaskedSlices:
    """Return the meningioma slices with their masks; with ``count`` so many of them, evenly spaced."""
    positives = images.where(images.labels == POSITIVE)
    chosen = _spaced(len(positives), len(positives) if count is None else count)
    names = positives.names[chosen]
    return MaskedSlices(names, positives.images[chosen], figshare_masks(folder, names, size=size))


def _spaced(length: int, count: int) -> NDArray[np.int64]:
    """Choose indices evenly spaced over ``length``, at most ``count``."""
    return np.unique(np.linspace(0, length - 1, min(count, length)).round().astype(np.int64))
