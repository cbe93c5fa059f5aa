"""FineTuning: a bundle's network is trained on with a frozen encoder whose maps are kept, in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...networks import EncoderClassifier, EncoderDCFPN
from ..fit.batches import Batch
from ..fit.engine import is_helper_process, run_fit
from ..fit.module import Task
from ..fit.options import FitOptions
from ..fit.record import BEST_FILE, DONE_FILE, FitResult, write_json, write_weights
from ..fitting import Objective
from ..images import ImageSet
from ..localisation.balance import explained_by_site, sampling_weights
from ..localisation.encoded import FrozenEncoder
from ..localisation.objective import LocalisingNetwork, tumour_direction
from ..localisation.options import LocalisationOptions
from ..localisation.pseudo_masks import PseudoMasks, masks_from_evidence, masks_from_maps
from ..localisation.stages import ROUND, LocaliserFit, Tenths, fit_device, masks_path, read_masks, write_masks
from ..localisation.surroundings import Surroundings
from .cached import PackedMaps, packed_copies, packed_images
from .objective import Anchor, LabelLoss, tuning_objective
from .options import FineTuningOptions

LONG = 1000  # images from which a step without epochs reports how far it is
Report = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Tuned:
    """What a fine-tuning came to.

    Args:
        network: in evaluation mode.
        levels: reference level of each scale's map; None where the maps were not trained.
        result: of the last round; the best epoch is 0 where no epoch was better than the start.
    """

    network: nn.Module
    levels: dict[int, float] | None
    result: FitResult


@dataclass(frozen=True, eq=False)
class FineTuning:
    """One network on its way from the weights of a bundle.

    Args:
        network: with these weights.
        levels: reference level of each scale's map in the bundle; empty where it has none.
        train: what it learns from.
        validation: images whose labels pick the best epoch; None to take the last.
        tumours: indices of the tumour classes.
        options: of the training.
        stages: how pseudo-masks are made, and how often; without rounds, labels alone are learnt.
        tuning: what keeps the network near its start.
        folder: of this run alone.
        report: takes a line per epoch and stage.
    """

    network: nn.Module
    levels: Mapping[int, float]
    train: ImageSet
    validation: ImageSet | None
    tumours: tuple[int, ...]
    options: FitOptions
    stages: LocalisationOptions
    tuning: FineTuningOptions
    folder: Path
    report: Report

    def run(self) -> Tuned:
        """Train all rounds; what is finished in the folder is loaded instead.

        Raises:
            ModelError: the folder holds the run of another network, of other options or data, or is damaged.
        """
        if not self.stages.rounds:
            rate = self.stages.encoder_learning_rate
            result = self._fit(self.network, None, rate, 0, self.folder)
            return Tuned(self.network, None, result)
        assert isinstance(self.network, EncoderDCFPN)
        localising = LocalisingNetwork(self.network, tumour_direction(len(self.train.classes), self.tumours))
        height, width = self.train.images.shape[2:]
        localising.start_from(self.levels, (width, height))
        for number in range(1, self.stages.rounds + 1):
            rate = self.stages.encoder_learning_rate if number == self.stages.rounds else 0.0
            targets = self._masks(number, localising).targets(self.train, self.tumours, self.stages.keep)
            result = self._fit(localising, targets, rate, number, self.folder / f"{ROUND}-{number}")
        return Tuned(localising.network, localising.levels((width, height)), result)

    def _fit(
        self, network: nn.Module, targets: Tensor | None, encoder_rate: float, number: int, folder: Path
    ) -> FitResult:
        """Train one round in place; the start is kept where no epoch has better validation labels."""
        inner = network.network if isinstance(network, LocalisingNetwork) else network
        groups = None
        if isinstance(inner, EncoderDCFPN | EncoderClassifier):
            inner.encoder.requires_grad_(encoder_rate > 0)
            groups = _groups(inner.encoder, encoder_rate)
        options = replace(self.options, seed=self.options.seed + number)
        images = batch_of(self.train, self.tumours)
        lesson = self._lesson(inner, images._replace(targets=targets), encoder_rate, options)
        losses = LabelLoss(images.labels, images.taught, self.tumours, len(self.train.classes))
        objective = tuning_objective(losses, Anchor(network, self.tuning.anchor), lesson.encode)
        begun = None
        if lesson.validation is not None:
            begun = Standing.of(network, lesson.validation, objective, losses, options)
        stage = f"{ROUND} {number}, " if self.stages.rounds > 1 else ""
        task = Task(objective, losses.score, "accuracy", lambda line: self.report(f"{stage}{line}"), groups)
        start = {name: value.detach().clone() for name, value in network.state_dict().items()}
        network.train()  # Lightning keeps the mode that it finds
        result = run_fit(network, lesson.train, lesson.validation, task, lesson.options, folder, lesson.weights)
        return self._better(network, start, begun, result)

    def _lesson(self, inner: nn.Module, train: Batch, encoder_rate: float, options: FitOptions) -> Lesson:
        """Put together what is learnt from: kept maps of a frozen encoder where they fit in memory, else images."""
        validation = None if self.validation is None else batch_of(self.validation, self.tumours)
        weights = sampling_weights(self.train)
        if not isinstance(inner, EncoderDCFPN) or encoder_rate:
            return Lesson(train, validation, weights, options, None)
        inner.freeze_encoder()
        encoder = self._encoder(inner)
        height, width = train.images.shape[2:]
        packed, count = PackedMaps(encoder, (height, width)), self.tuning.copies * len(train.images)
        if not packed.fits(count + (0 if validation is None else len(validation.images))):
            return Lesson(train, validation, weights, options, encoder)
        per_epoch = options.images_per_epoch or len(train.images)
        return Lesson(
            self._copies(packed, train, weights, count, options.seed),
            None if validation is None else packed_images(packed, validation),
            torch.ones(count, dtype=torch.float64),
            replace(options, augmentation="none", images_per_epoch=per_epoch),
            packed,
        )

    def _encoder(self, network: EncoderDCFPN) -> FrozenEncoder:
        return FrozenEncoder(network.encoder, self.options.precision, fit_device(self.options.accelerator))

    def _copies(self, packed: PackedMaps, train: Batch, weights: Tensor, count: int, seed: int) -> Batch:
        return packed_copies(
            packed,
            train,
            weights,
            count=count,
            seed=seed,
            augmentation=self.options.augmentation,
            progress=self._progress("encoding augmented copies", count),
        )

    def _evidence(self, network: EncoderDCFPN, encoder: FrozenEncoder, batch: Batch) -> nn.Module:
        fit = LocaliserFit(
            network,
            self.train,
            None,
            self.tumours,
            replace(self.options, patience=None),
            self.stages,
            self.folder,
            self.report,
        )
        return fit.evidence(encoder, batch)

    def _progress(self, title: str, count: int) -> Tenths | None:
        return Tenths(title, self.report) if count >= LONG else None

    def _masks(self, number: int, localising: LocalisingNetwork) -> PseudoMasks:
        path = masks_path(self.folder, number)
        if path.exists():
            return read_masks(path, len(self.train))
        encoder = self._encoder(localising.network)
        surroundings = Surroundings(
            encoder,
            self.train,
            self.tumours,
            symmetric=self.stages.symmetric,
            compare_patients=self.stages.compare_patients,
        )
        progress = self._progress(f"making pseudo-masks {number}", len(self.train))
        if number == 1 and self.tuning.masks == "evidence":
            batch = batch_of(self.train, self.tumours)
            head = self._evidence(localising.network, encoder, batch)
            masks = masks_from_evidence(head, encoder, batch, surroundings, self.tumours, progress=progress)
        else:
            masks = masks_from_maps(localising.eval(), encoder, surroundings, self.tumours, progress=progress)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_masks(path, masks)
        return masks

    def _better(
        self,
        network: nn.Module,
        start: Mapping[str, Tensor],
        begun: Standing | None,
        result: FitResult,
    ) -> FitResult:
        """Put the start back, here and in the folder, unless the best epoch is better on the validation images."""
        if begun is None or not result.best_epoch:
            return result
        best = result.history[result.best_epoch - 1]
        if Standing(best["loss"], best["accuracy"]).rank(self.options.monitor) > begun.rank(self.options.monitor):
            return result
        self.report("no epoch is better on the validation patients than the start, which is kept")
        network.load_state_dict(start)
        if not is_helper_process():
            write_weights(result.folder / BEST_FILE, network)
            write_json(result.folder / DONE_FILE, {"best_epoch": 0, "epochs": len(result.history)})
        network.eval()
        return replace(result, best_epoch=0)


@dataclass(frozen=True, eq=False)
class Lesson:
    """What one round learns from.

    Args:
        train: images, or kept maps of their augmented copies.
        validation: images or their kept maps; None to take the last epoch.
        weights: how often each is drawn.
        options: of the training.
        encode: gives the maps of a frozen encoder; None to run the whole network.
    """

    train: Batch
    validation: Batch | None
    weights: Tensor
    options: FitOptions
    encode: Callable[[Tensor], list[Tensor]] | None


@dataclass(frozen=True)
class Standing:
    """Loss and accuracy on the validation images."""

    loss: float
    accuracy: float

    @classmethod
    def of(
        cls, network: nn.Module, validation: Batch, objective: Objective, losses: LabelLoss, options: FitOptions
    ) -> Standing:
        """Measure a network on the labels of images, or of their kept maps."""
        network.eval()
        total = right = 0.0
        mixed = torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16-mixed")
        with torch.no_grad(), mixed:
            for part in _parts(validation, options.batch_size):
                loss, logits = objective(network, part)
                total += float(loss) * len(part.images)
                right += float(losses.score(logits, part).sum())
        return cls(total / len(validation.images), right / len(validation.images))

    def rank(self, monitor: str) -> tuple[float, float]:
        """Order as the epochs of a training are ordered."""
        return (-self.loss, self.accuracy) if monitor == "loss" else (self.accuracy, -self.loss)


def batch_of(images: ImageSet, tumours: Sequence[int]) -> Batch:
    """Return images and labels as tensors; types that are not known, or that the site explains, are not taught."""
    pixels = torch.from_numpy(np.ascontiguousarray(images.images, dtype=np.float32))
    unknown = explained_by_site(images, np.array(tumours))
    if images.untyped is not None:
        unknown |= images.untyped
    taught = torch.from_numpy(~unknown) if unknown.any() else None
    return Batch(pixels, torch.from_numpy(images.labels.astype(np.int64)), taught=taught)


def _parts(batch: Batch, size: int) -> Iterator[Batch]:
    for chosen in torch.arange(len(batch.images)).split(size):
        yield Batch(*(None if field is None else field[chosen] for field in batch))  # type: ignore[arg-type]


def _groups(encoder: nn.Module, encoder_rate: float) -> Callable[[nn.Module], list[dict[str, Any]]]:
    """Give the encoder a rate of its own, or leave it out."""
    own = list(encoder.parameters())
    known = {id(parameter) for parameter in own}

    def groups(whole: nn.Module) -> list[dict[str, Any]]:
        others = [each for each in whole.parameters() if id(each) not in known]
        return [{"params": others}, *([{"params": own, "lr": encoder_rate}] if encoder_rate else [])]

    return groups
