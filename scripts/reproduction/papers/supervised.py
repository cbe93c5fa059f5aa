"""The supervised baseline: a segmentation network, the only one that is trained on masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.training.fit.batches import Batch
from CAMLocalizerLib.training.fit.engine import require_lightning, run_fit
from CAMLocalizerLib.training.fit.options import FitOptions
from CAMLocalizerLib.training.fit.record import FitResult
from CAMLocalizerLib.training.fitting import predict_logits

SMOOTHING_PIXELS = 1.0


def dice_loss(network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """One minus the soft Dice coefficient, averaged over the images.

    2 (sum of p t + 1 / 2) / (sum of p + sum of t + 1) with probabilities p and truth t of each image; the added pixel
    keeps images without a tumour defined.

    Source:
        Milletari et al., V-Net, 3DV 2016, with plain sums in the denominator.
    """
    logits = network(batch.images)  # (N, 1, H, W)
    truth = batch.labels.float()
    seen = logits.float()[:, 0].sigmoid()  # (N, H, W)
    shared = (seen * truth).sum((1, 2))
    together = seen.sum((1, 2)) + truth.sum((1, 2))
    return (1 - (2 * shared + SMOOTHING_PIXELS) / (together + SMOOTHING_PIXELS)).mean(), logits


def _image_dice(logits: Tensor, batch: Batch) -> Tensor:
    found, truth = logits[:, 0] > 0, batch.labels > 0
    together = found.sum((1, 2)) + truth.sum((1, 2))
    return torch.where(together > 0, 2 * (found & truth).sum((1, 2)) / together.clamp(min=1), 1.0)


def fit_segmenter(
    network: nn.Module,
    images: NDArray[np.float32],
    masks: NDArray[np.bool_],
    validation_images: NDArray[np.float32] | None,
    validation_masks: NDArray[np.bool_] | None,
    options: FitOptions,
    folder: Path,
    *,
    report: Callable[[str], None] | None = None,
) -> FitResult:
    """Train a segmentation network in place with soft Dice loss; folder, resumption and errors as `fit_classifier`.

    Args:
        network: gives logits (N, 1, H, W).
        images: normalised, shape (N, C, H, W).
        masks: truth, shape (N, H, W).
        validation_images: what picks the best epoch by mean Dice (``monitor="accuracy"``) or loss; None to take the
            last epoch.
        validation_masks: their truth.
        options: how to train; class weights do not apply.
        folder: of this run alone.
        report: takes a line per epoch.

    Raises:
        InputError: masks of other shapes than the images.
    """
    require_lightning()
    from CAMLocalizerLib.training.fit.module import Task

    validation = None
    if validation_images is not None and validation_masks is not None:
        validation = _batch(validation_images, validation_masks)
    return run_fit(
        network, _batch(images, masks), validation, Task(dice_loss, _image_dice, "dice", report), options, folder
    )


def _batch(images: NDArray[np.float32], masks: NDArray) -> Batch:
    if masks.shape != (len(images), *images.shape[2:]):
        raise InputError(f"masks must have the shape {(len(images), *images.shape[2:])}, got {masks.shape}")
    pixels = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))
    return Batch(pixels, torch.from_numpy(np.ascontiguousarray(masks > 0).astype(np.uint8)))


def predict_masks(
    network: nn.Module, images: NDArray[np.float32], *, batch_size: int = 16, threshold: float = 0.5
) -> NDArray[np.bool_]:
    """Segment images: where the probability reaches ``threshold``.

    Returns:
        Shape (N, H, W).
    """
    logits = predict_logits(network, images, batch_size=batch_size)
    if not len(images):
        return np.zeros((0, *images.shape[2:]), dtype=np.bool_)
    return logits[:, 0] >= np.log(threshold / (1 - threshold))
