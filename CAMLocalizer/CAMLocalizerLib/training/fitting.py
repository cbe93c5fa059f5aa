"""fit_classifier: training of any network on labels of whole images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from .fit.batches import Batch
from .fit.engine import require_lightning, run_fit
from .fit.options import FitOptions
from .fit.record import FitResult
from .images import ImageSet

__all__ = [
    "Batch",
    "FitOptions",
    "FitResult",
    "Objective",
    "class_weights",
    "cross_entropy",
    "fit_classifier",
    "predict_logits",
]

Objective = Callable[[nn.Module, Batch], tuple[Tensor, Tensor]]


def class_weights(labels: NDArray[np.int64], classes: int) -> Tensor:
    """Weigh classes by their inverse frequency, so that the weights of all images have a mean of 1.

    Args:
        labels: class of each image, shape (N,).
        classes: number of classes; one without an image gets 0.

    Returns:
        float32, shape (classes,).
    """
    counts = np.bincount(labels, minlength=classes)
    present = np.count_nonzero(counts)
    return torch.tensor([len(labels) / (present * count) if count else 0.0 for count in counts], dtype=torch.float32)


def cross_entropy(weights: Tensor | None = None) -> Objective:
    """Return softmax cross-entropy as an objective.

    Args:
        weights: weight of each class, shape (classes,); None for equal ones.
    """

    def cross_entropy_loss(network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        logits = network(batch.images)
        scale = None if weights is None else weights.to(logits.device)
        return functional.cross_entropy(logits.float(), batch.labels, scale), logits

    return cross_entropy_loss


def fit_classifier(
    network: nn.Module,
    train: ImageSet,
    validation: ImageSet | None,
    options: FitOptions,
    folder: Path,
    *,
    objective: Objective | None = None,
    report: Callable[[str], None] | None = None,
) -> FitResult:
    """Train a network in place.

    ``folder`` gets ``metrics.csv`` (a row per epoch), ``tensorboard`` (events), ``last.ckpt`` (to resume from, until
    the run is finished), ``best.safetensors`` and, at the end, ``done.json``. An interrupted run resumes after its last
    whole epoch and comes to the same weights as an uninterrupted one; a finished one is loaded. What decides the result
    (options, network, data, name of the loss) is noted in ``plan.json`` at the start.

    Args:
        network: with its initial weights; afterwards it holds the best epoch's (the last epoch's without
            validation) and is in evaluation mode, on the CPU.
        train: what is learnt from.
        validation: what picks the best epoch; None to take the last.
        options: how to train.
        folder: of this run alone.
        objective: what is minimised; cross-entropy, with ``options.class_weights`` weighted, if not given.
        report: takes a line per epoch.

    Returns:
        History and best epoch.

    Raises:
        ModelError: the folder holds the run of another network, of other options or data, or is damaged.
        SettingsError: Lightning is not installed, or options that do not go together.
        InputError: no images.
        KeyboardInterrupt: after Ctrl+C; the folder can be resumed.
    """
    require_lightning()
    from .fit.module import Task

    weights = class_weights(train.labels, len(train.classes)) if options.class_weights else None
    task = Task(objective or cross_entropy(weights), _is_right, "accuracy", report)
    return run_fit(network, _batch(train), None if validation is None else _batch(validation), task, options, folder)


def _batch(images: ImageSet) -> Batch:
    points = None if images.points is None else torch.from_numpy(images.points.astype(np.float32))
    pixels = torch.from_numpy(np.ascontiguousarray(images.images, dtype=np.float32))
    return Batch(pixels, torch.from_numpy(images.labels.astype(np.int64)), points)


def _is_right(logits: Tensor, batch: Batch) -> Tensor:
    return (logits.argmax(dim=1) == batch.labels).float()


def predict_logits(
    network: nn.Module,
    images: NDArray[np.float32],
    *,
    batch_size: int = 32,
    precision: str = "32-true",
    device: str = "cpu",
) -> NDArray[np.float32]:
    """Run a network in evaluation mode; the modes it had are restored.

    Args:
        network: left where it is put, on ``device``.
        images: normalised, shape (N, C, H, W).
        batch_size: images at once.
        precision: one of ``FitOptions``.
        device: torch's name.

    Returns:
        Logits, shape (N, ...), float32.
    """
    modes = [(module, module.training) for module in network.modules()]
    network.eval().to(device)
    dtype = torch.float16 if precision == "16-mixed" else torch.bfloat16
    mixed = torch.autocast(torch.device(device).type, dtype, enabled=precision != "32-true")
    found = []
    try:
        with torch.inference_mode(), mixed:
            for start in range(0, len(images), batch_size):
                part = torch.from_numpy(np.ascontiguousarray(images[start : start + batch_size], dtype=np.float32))
                logits = network(part.to(device).contiguous(memory_format=torch.channels_last))
                found.append(logits.float().cpu().numpy())
    finally:
        for module, training in modes:
            module.training = training
    return np.concatenate(found) if found else np.zeros((0,), dtype=np.float32)
