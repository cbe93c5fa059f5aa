"""fit_localiser: evidence, pseudo-masks and decoder, stage by stage; an interrupted run resumes after a stage."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...core import ModelError
from ...jobs.durations import in_words
from ...networks import EncoderDCFPN
from ..fit.batches import UNKNOWN, Batch
from ..fit.engine import run_fit
from ..fit.module import Task
from ..fit.options import FitOptions
from ..fit.record import BEST_FILE, FitResult, load_weights, read_result, write_bytes
from ..images import ImageSet
from .balance import explained_by_site, sampling_weights
from .encoded import FrozenEncoder, augmented_copies, encoded_images
from .evidence import EvidenceHead, evidence_objective
from .objective import LocalisingNetwork, localisation_objective, tumour_direction
from .options import LocalisationOptions
from .pseudo_masks import PseudoMasks, masks_from_evidence, masks_from_maps
from .surroundings import Surroundings

EVIDENCE, ROUND, MASKS_FILE = "evidence", "round", "pseudo-masks.npz"
Report = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Localiser:
    """What the stages came to.

    Args:
        network: trained, in evaluation mode.
        levels: reference level of each scale's map.
        result: history of the last stage.
    """

    network: EncoderDCFPN
    levels: dict[int, float]
    result: FitResult


@dataclass(frozen=True, eq=False)
class LocaliserFit:
    """One network on its way through the stages.

    Args:
        network: as it starts.
        train: what it learns from.
        validation: images whose labels pick the best epochs; None to take the last ones.
        tumours: indices of the tumour classes.
        options: of the decoder's training, and of the machine for all stages.
        stages: see `LocalisationOptions`.
        folder: gets a folder per stage.
        report: takes a line per epoch and stage.
    """

    network: EncoderDCFPN
    train: ImageSet
    validation: ImageSet | None
    tumours: tuple[int, ...]
    options: FitOptions
    stages: LocalisationOptions
    folder: Path
    report: Report

    def run(self) -> Localiser:
        """Train all stages; what is finished in the folder is loaded instead.

        Raises:
            ModelError: the folder holds the run of another network, of other options or data, or is damaged.
        """
        self.network.freeze_encoder()
        encoder = FrozenEncoder(self.network.encoder, self.options.precision, fit_device(self.options.accelerator))
        batch = self._batch(self.train)
        explained = 0 if batch.taught is None else int((~batch.taught).sum())
        if explained:
            self.report(f"the site explains the class of {explained} images: their labels are not learnt")
        head = self.evidence(encoder, batch)
        localising = LocalisingNetwork(self.network, tumour_direction(len(self.train.classes), self.tumours))

        @cache  # built with the first pseudo-masks that are missing, and kept for those of further rounds
        def surroundings() -> Surroundings:
            return Surroundings(
                encoder,
                self.train,
                self.tumours,
                symmetric=self.stages.symmetric,
                compare_patients=self.stages.compare_patients,
            )

        for number in range(1, self.stages.rounds + 1):
            masks = self._masks(number, head, localising, encoder, batch, surroundings)
            result = self._round(number, localising, masks, encoder, batch)
        height, width = self.train.images.shape[2:]
        return Localiser(localising.network, localising.levels((width, height)), result)

    def _batch(self, images: ImageSet) -> Batch:
        taught = ~explained_by_site(images, np.array(self.tumours))
        pixels = torch.from_numpy(np.ascontiguousarray(images.images, dtype=np.float32))
        return Batch(pixels, torch.from_numpy(images.labels.astype(np.int64)), taught=torch.from_numpy(taught))

    def evidence(self, encoder: FrozenEncoder, batch: Batch) -> EvidenceHead:
        """Train the head that says where the evidence for labels lies.

        Args:
            encoder: that of the network.
            batch: the training images, and which labels are taught.
        """
        stages, folder = self.stages, self.folder / EVIDENCE
        channels = sum(self.network.encoder.channels[2:])  # type: ignore[index]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.options.seed)
            head = EvidenceHead(channels, len(self.tumours), symmetric=stages.symmetric)
        if read_result(folder) is not None:
            load_weights(folder / BEST_FILE, head)
            return head.eval()
        copies = augmented_copies(
            encoder,
            batch,
            sampling_weights(self.train),
            count=max(1, round(stages.copies * len(self.train))),
            contrast=stages.contrast,
            seed=self.options.seed,
            augmentation=self.options.augmentation,
            progress=self._progress("encoding augmented copies"),
        )
        validation = None
        if self.validation is not None:
            validation = encoded_images(encoder, self._batch(self.validation), stages.contrast)
        options = replace(
            self.options,
            epochs=stages.evidence_epochs,
            batch_size=stages.evidence_batch_size,
            learning_rate=stages.evidence_learning_rate,
            optimizer="adamw",
            weight_decay=1e-2,
            schedule="one-cycle",
            augmentation="none",
            images_per_epoch=None,
        )
        objective = evidence_objective(
            self.tumours, len(self.train.classes), pooling=stages.pooling, instances=stages.instances
        )
        run_fit(head, copies, validation, self._task(objective, EVIDENCE), options, folder)
        return head

    def _masks(
        self,
        number: int,
        head: nn.Module,
        localising: LocalisingNetwork,
        encoder: FrozenEncoder,
        batch: Batch,
        surroundings: Callable[[], Surroundings],
    ) -> PseudoMasks:
        path = masks_path(self.folder, number)
        if path.exists():
            return read_masks(path, len(self.train))
        progress = self._progress(f"making pseudo-masks {number}")
        if number == 1:
            masks = masks_from_evidence(head, encoder, batch, surroundings(), self.tumours, progress=progress)
        else:
            masks = masks_from_maps(localising.eval(), encoder, surroundings(), self.tumours, progress=progress)
        write_masks(path, masks)
        found = int((masks.confidence > 0).sum())
        self.report(f"pseudo-masks {number}: found in {found} images, the surest {self.stages.keep:.0%} are learnt")
        return masks

    def _round(
        self, number: int, localising: LocalisingNetwork, masks: PseudoMasks, encoder: FrozenEncoder, batch: Batch
    ) -> FitResult:
        targets = masks.targets(self.train, self.tumours, self.stages.keep)
        validation = None if self.validation is None else self._batch(self.validation)
        options = replace(self.options, seed=self.options.seed + number)
        rate = self.stages.encoder_learning_rate if number == self.stages.rounds else 0.0
        localising.network.encoder.requires_grad_(rate > 0)
        objective = localisation_objective(self.tumours, None if rate else encoder)
        return run_fit(
            localising,
            batch._replace(targets=targets),
            validation,
            replace(self._task(objective, f"{ROUND} {number}"), groups=lambda _: localising.parameter_groups(rate)),
            options,
            self.folder / f"{ROUND}-{number}",
            self._sampling(targets),
        )

    def _sampling(self, targets: Tensor) -> Tensor:
        """Draw images without a mask less often, and none that teaches nothing at all."""
        weights = sampling_weights(self.train)
        unknown = (targets == UNKNOWN).flatten(1).all(1)
        taught = torch.from_numpy(~explained_by_site(self.train, np.array(self.tumours)))
        return weights * torch.where(unknown, 0.4 * taught, 1.0)

    def _task(self, objective: Callable[..., tuple[Tensor, Tensor]], stage: str) -> Task:
        return Task(objective, _is_right, "accuracy", lambda line: self.report(f"{stage}, {line}"))

    def _progress(self, title: str) -> Callable[[int, int], None]:
        return Tenths(title, self.report)


class Tenths:
    """Reports each tenth of a long step and how long the rest will take."""

    def __init__(self, title: str, report: Report) -> None:
        self.title, self.report, self.reported, self.begin = title, report, 0, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Report if another tenth is done."""
        if (tenth := 10 * done // total) > self.reported:
            self.reported = tenth
            seconds = (time.monotonic() - self.begin) * (total - done) / done
            left = f", about {in_words(seconds)} left" if done < total else ""
            self.report(f"{self.title}: {done} of {total}{left}")


def fit_device(accelerator: str) -> torch.device:
    """Return where stages without Lightning run: on the GPU that it would take."""
    gpu = accelerator in ("gpu", "cuda", "auto") and torch.cuda.is_available()
    return torch.device("cuda" if gpu else "cpu")


def _is_right(logits: Tensor, batch: Batch) -> Tensor:
    return (logits.argmax(dim=1) == batch.labels).float()


def masks_path(folder: Path, number: int) -> Path:
    """Return where the pseudo-masks of a round lie."""
    return folder / f"{ROUND}-{number}-{MASKS_FILE}"


def write_masks(path: Path, masks: PseudoMasks) -> None:
    """Keep pseudo-masks, whole or not at all."""
    stream = BytesIO()
    np.savez_compressed(stream, masks=masks.masks, confidence=masks.confidence)
    write_bytes(path, stream.getvalue())


def read_masks(path: Path, count: int) -> PseudoMasks:
    """Read what `write_masks` wrote.

    Raises:
        ModelError: a damaged file, or masks of another number of images.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            masks: NDArray[np.uint8] = stored["masks"]
            confidence: NDArray[np.float64] = stored["confidence"]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path} cannot be read ({error}); delete it and train again") from error
    if len(masks) != count or len(confidence) != count:
        raise ModelError(f"{path} holds {len(masks)} pseudo-masks for {count} images; delete it and train again")
    return PseudoMasks(masks, confidence)
