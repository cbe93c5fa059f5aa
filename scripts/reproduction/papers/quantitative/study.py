"""Trains the networks of the quantitative study on image labels and measures their maps on patients they never saw."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from CAMLocalizerLib.localizer import Localizer
from CAMLocalizerLib.metrics import slice_ious
from CAMLocalizerLib.models import ModelBundle
from CAMLocalizerLib.networks import build_network, load_encoder_weights, load_imagenet_backbone
from CAMLocalizerLib.training.fit.record import DONE_FILE
from CAMLocalizerLib.training.fitting import fit_classifier, predict_logits
from CAMLocalizerLib.training.images import ImageSet
from CAMLocalizerLib.views import plane_axes

from ...datasets.figshare.images import CLASSES, figshare_image_set
from ...datasets.figshare.masks import figshare_masks
from ...datasets.figshare.stacks import figshare_stacks
from ..held_out import ROW, network_without
from ..supervised import fit_segmenter
from . import maps as maps
from .examples import write_examples
from .paper import MASK
from .plan import Plan, Settings, Stage
from .record import Measured, read_measured, write_measured

FIGSHARE = "figshare_brain_tumor"
BUNDLE_ROW, MAIN_JOB_ROW = f"{ROW}, image by image", f"{ROW}, main job"
SHOWN = {"Modified VGG-16": ("Modified VGG-16",), "DC-FPN": ("DC-FPN, PG-CAM scales 1 and 4",)}


@dataclass
class Study:
    """One run through the networks and folds; what was finished before is read, not done again.

    Args:
        folder: the figshare collection.
        work: keeps training runs and figures.
        settings: of the networks.
        report: takes a line per step.
        training: of brain-t1ce, whose network without the held-out fold is measured too; None leaves it out.
    """

    folder: Path
    work: Path
    settings: Settings
    report: Callable[[str], None]
    training: Path | None = None
    _images: dict[tuple[int, str], ImageSet] = field(default_factory=dict)

    def run(self) -> Iterator[Measured]:
        """Measure every network on the first held-out fold, then on the next; each is given when it is done."""
        for fold in self.settings.folds:
            for plan in self.settings.plans():
                yield self._kept(plan.title, fold, self.settings.recipe(plan), partial(self._plan, plan))
            yield from self._bundled(fold)

    def _bundled(self, fold: int) -> Iterator[Measured]:
        """Measure brain-t1ce image by image and as the main job, if a network of it never saw the fold."""
        patients = set(self.images(self.settings.size).in_folds([fold]).patients.tolist())
        bundle = network_without(patients, self.training, self.report)
        if bundle is None:
            return
        recipe = {"per_class": self.settings.per_class, "sha256": bundle.card.sha256}
        yield self._kept(BUNDLE_ROW, fold, recipe, partial(self._bundle, bundle))
        yield self._kept(MAIN_JOB_ROW, fold, recipe, partial(self._main_job, bundle))

    def images(self, size: int, normalisation: str = "foreground-zscore") -> ImageSet:
        """Return the collection, of a quick run a few images of each class and fold.

        Args:
            size: height and width in pixels.
            normalisation: as for `normalise_slices`.
        """
        key = (size, normalisation)
        if key not in self._images:
            everything = figshare_image_set(self.folder, size=size, normalisation=normalisation)
            self._images[key] = everything.where(first_of_each(everything, self.settings.per_class))
        return self._images[key]

    def trained(self, plan: Plan, fold: int) -> nn.Module:
        """Train a network on the other folds, or load what that came to."""
        with torch.random.fork_rng():
            torch.manual_seed(self.settings.seed)
            classes = self.images(self.settings.size).classes
            network = build_network(plan.network, **self.settings.network_settings(plan, len(classes)))
        if plan.encoder_weights is not None:
            load_encoder_weights(network, plan.encoder_weights)
        if plan.start is not None:
            source = next(each for each in self.settings.plans() if each.title == plan.start)
            load_imagenet_backbone(network, self.trained(source, fold).state_dict())
        for number, stage in enumerate(plan.stages, start=1):
            folder = self.work / f"fold-{fold}" / plan.folder / f"stage-{number}-{stage.size}px"
            finished = (folder / DONE_FILE).exists()
            train, _ = self.images(stage.size, plan.normalisation).split([fold])
            begin = time.monotonic()
            self._fit(network, plan, stage, train, folder)
            if not finished:
                pace = (time.monotonic() - begin) / stage.epochs
                self.report(f"{plan.title}, fold {fold}: {stage.epochs} epochs of {stage.size} px, {pace:.1f} s each")
        return network

    def _fit(self, network: nn.Module, plan: Plan, stage: Stage, train: ImageSet, folder: Path) -> None:
        options = self.settings.options(plan, stage)
        if plan.segments:
            fit_segmenter(network, train.images, self._masks(train, stage.size), None, None, options, folder)
        else:
            fit_classifier(network, train, None, options, folder)

    def _masks(self, images: ImageSet, size: int) -> NDArray[np.bool_]:
        return figshare_masks(self.folder, images.names, size=size)

    def _kept(self, title: str, fold: int, recipe: dict[str, Any], measure: Callable[[int], Measured]) -> Measured:
        path = self.work / "figures" / f"fold-{fold}-{title}.json"
        kept = read_measured(path, recipe)
        if kept is None:
            kept = measure(fold)
            write_measured(path, kept, recipe)
        return kept

    def _plan(self, plan: Plan, fold: int) -> Measured:
        network = self.trained(plan, fold)
        held_out = self.images(self.settings.size, plan.normalisation).in_folds([fold])
        truths = self._masks(held_out, self.settings.size)
        if plan.segments:
            found = predict_logits(network, held_out.images, precision=self.settings.precision)[:, 0] > 0
            pairs = zip(truths, found, strict=True)
            ious = np.array([maps.iou(truth, mask) for truth, mask in pairs], dtype=np.float64)
            return _measured(plan.title, fold, held_out, None, {plan.title: {MASK: ious}})
        scores = maps.score(_method(plan, network), held_out.images, truths)
        measured = _measured(plan.title, fold, held_out, scores.logits, scores.ious)
        for row in SHOWN.get(plan.title, ()):
            write_examples(
                examples_path(self.work, row, fold), measured, row, held_out.images[:, 0], scores.levels[row], truths
            )
        return measured

    def _bundle(self, bundle: ModelBundle, fold: int) -> Measured:
        size, card = bundle.card.size[0], bundle.card
        held_out = self.images(size, card.normalisation).in_folds([fold])
        method = maps.bundle_maps(bundle.network(), card, BUNDLE_ROW)
        scores = maps.score(method, held_out.images, self._masks(held_out, size))
        return _measured(BUNDLE_ROW, fold, held_out, scores.logits, scores.ious)

    def _main_job(self, bundle: ModelBundle, fold: int) -> Measured:
        """Run the bundle as a user does, over neighbouring slices of a patient as one stack; every slice counts."""
        localizer = Localizer(bundle)
        stacks = (stack for stack in figshare_stacks(self.folder) if stack.fold == fold)
        names: list[str] = []
        labels: list[int] = []
        ious: list[float] = []
        for stack in islice(stacks, self.settings.per_class):
            volume = stack.volume()
            found = localizer.run(volume, view=stack.plane, scales=localizer.model.card.scales)
            axes = plane_axes(volume.grid, stack.plane)
            own = slice_ious(axes.as_slices(stack.truth_kji()), axes.as_slices(found.label_map().array_kji))
            ious += own
            labels += [CLASSES.index(stack.label)] * len(own)
            names += [stack.name] * len(own)
        row = {MAIN_JOB_ROW: {MASK: np.array(ious, dtype=np.float64)}}
        return Measured(MAIN_JOB_ROW, fold, tuple(names), np.array(labels, dtype=np.int64), None, row)


def first_of_each(images: ImageSet, count: int | None) -> NDArray[np.bool_]:
    """Choose the first ``count`` images of each class in each fold, all if None; (N,)."""
    chosen = np.full(len(images), count is None)
    if count is not None:
        for pair in sorted(set(zip(images.labels.tolist(), images.folds.tolist(), strict=True))):
            chosen[np.flatnonzero((images.labels == pair[0]) & (images.folds == pair[1]))[:count]] = True
    return chosen


def _method(plan: Plan, network: nn.Module) -> maps.Method:
    if plan.network == "dcfpn":
        return maps.pyramid_maps(network, plan.title)
    if plan.title == "Modified VGG-16":  # the paper's best
        return maps.other_maps(network, plan.title)
    return maps.class_activation_maps(network, plan.title)


def _measured(title: str, fold: int, images: ImageSet, logits: NDArray[np.float32] | None, ious: maps.IoUs) -> Measured:
    return Measured(title, fold, tuple(images.names.tolist()), images.labels, logits, ious)


def examples_path(work: Path, row: str, fold: int) -> Path:
    """Return where the images of a row are kept that are shown in pictures."""
    return work / "examples" / f"fold-{fold}-{row}.npz"


def rows_of(measured: Sequence[Measured]) -> dict[str, list[Measured]]:
    """Return the folds of each row, rows in the order in which they were measured."""
    rows: dict[str, list[Measured]] = {}
    for each in measured:
        for row in each.ious:
            rows.setdefault(row, []).append(each)
    return rows
