"""Retraining on filtered images: does a classifier rely on the tumour, on its maps, or on the surroundings?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..cam import GradCAM, build_method
from ..cam.resize import resize_maps
from ..cam.targets import Targets
from ..core import InputError, SettingsError
from ..metrics.classification import classification_report
from ..metrics.overlap import mean_dice_over_thresholds
from ..training.fitting import FitOptions, fit_classifier, predict_logits
from .roi_set import FIXED, RoiSet

ORIGINAL, CAM, MASK, INVERSE = "original", "cam", "mask", "inverse-mask"
FILTERS = (ORIGINAL, CAM, MASK, INVERSE)
PG_CAM = "pg-cam"


@dataclass(frozen=True)
class FilterResult:
    """What a network came to that was trained on images filtered one way.

    Args:
        filter: one of :data:`FILTERS`.
        fold: the fold that was held out.
        images: number of its images.
        accuracy: of the best epoch, which the held-out images themselves picked, as in the paper: optimistic, and
            equally so for every filter.
        last_accuracy: of the last epoch, which nothing picked.
        sensitivity, specificity, auc: of the best epoch; one class against the other, or macro averages.
        epochs: passes that were made.
        best_epoch: the one that was kept.
    """

    filter: str
    fold: int
    images: int
    accuracy: float
    last_accuracy: float
    sensitivity: float
    specificity: float
    auc: float
    epochs: int
    best_epoch: int

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values; those that are not defined become None."""
        return {key: None if value != value else value for key, value in asdict(self).items()}


def filter_weights(
    kind: str, rois: RoiSet, *, maps: NDArray[np.float32] | None = None, seed: int = 0
) -> NDArray[np.float32] | None:
    """Return what every image is multiplied by.

    Args:
        kind: ``original``: nothing; ``cam``: its map; ``mask``: its tumour, an image without one taking the mask of
            an image with one drawn at random, so that black outlines mean nothing; ``inverse-mask``: one minus that.
        rois: images, with truth for the two masks.
        maps: shape (N, H, W), 0 to 1; needed for ``cam``.
        seed: of the drawn masks.

    Returns:
        Shape (N, H, W), 0 to 1, or None for ``original``.

    Raises:
        SettingsError: another kind, or maps missing.
        InputError: no truth, or none of the masks has a pixel.

    Source:
        Classifiers as segmenters (Guan and Loew), section II-B.
    """
    if kind == ORIGINAL:
        return None
    if kind == CAM:
        if maps is None:
            raise SettingsError("CAM-filtered images need maps")
        return maps
    if kind not in FILTERS:
        raise SettingsError(f"filter must be one of {', '.join(FILTERS)}, got {kind!r}")
    masks = borrowed_masks(rois, seed).astype(np.float32)
    return masks if kind == MASK else 1 - masks


def borrowed_masks(rois: RoiSet, seed: int) -> NDArray[np.bool_]:
    """Return each image's own mask, or, where it has none, that of an image drawn at random among those with one.

    Where the images have planes, masks are borrowed within a plane.

    Raises:
        InputError: no truth, or none of the masks, or of those in a plane, has a pixel.
    """
    if rois.truth is None:
        raise InputError("mask filters need the masks of the tumours, got none")
    marked: NDArray[np.bool_] = np.asarray(rois.truth.any(axis=(1, 2)))
    if not marked.any():
        raise InputError("mask filters need an image whose mask has a pixel, got none")
    sources = np.arange(len(rois))
    planes: NDArray[np.str_] = np.full(len(rois), "all") if rois.planes is None else rois.planes
    for plane in np.unique(planes[~marked]):
        members: NDArray[np.bool_] = np.equal(planes, plane)
        candidates = np.flatnonzero(marked & members)
        if not candidates.size:
            raise InputError(f"mask filters need an image whose mask has a pixel in every plane, got none in {plane}")
        drawn = np.random.default_rng(seed).choice(candidates, np.count_nonzero(members))
        sources[members] = np.where(marked[members], sources[members], drawn)
    return rois.truth[sources]


def activation_maps(
    network: nn.Module,
    images: NDArray[np.float32],
    *,
    targets: Targets = None,
    scales: Mapping[int, float] | None = None,
    method: str = PG_CAM,
    batch_size: int = 16,
    device: str = "cpu",
) -> NDArray[np.float32]:
    """Make the map of each image, enlarged to the image and divided by its maximum; scales are summed so.

    Args:
        network: classifier with ``cam_layers``.
        images: normalised, shape (N, C, H, W).
        targets: what to explain, as for `GradCAM`; None for the class that the network gives each image. For filters
            None is right: a map for the tumour of an image that seems to have none is often empty, and a black image
            would tell a second classifier what the first one said.
        scales: scale to weight; all scales alike if not given.
        method: as for `build_method`; Grad-CAM of each scale if not given.
        batch_size: images at once.
        device: torch's name.

    Returns:
        Shape (N, H, W), float32, 0 to 1; 0 everywhere where nothing speaks for the class.

    Source:
        Classifiers as segmenters (Guan and Loew), Eq. 8; PG-CAM (Lee et al., 2018), Eq. 3, for several scales.
    """
    network.to(device)
    found = [np.zeros((0, *images.shape[2:]), dtype=np.float32)]
    with map_method(network, method, scales) as explain:
        for start in range(0, len(images), batch_size):
            part = torch.from_numpy(np.ascontiguousarray(images[start : start + batch_size])).to(device)
            found.append(fuse_scales(explain(part, targets).maps, (images.shape[2], images.shape[3]), scales))
    return np.concatenate(found)


def map_method(network: nn.Module, name: str, scales: Iterable[int] | None = None) -> GradCAM:
    """Make the method of a name for some scales of a network.

    Args:
        network: classifier with ``cam_layers``.
        name: as for `build_method`.
        scales: all if not given.

    Raises:
        SettingsError: no ``cam_layers``, scales that they lack, or as for `build_method`.
        ModelError: as for `build_method`.
    """
    layers = getattr(network, "cam_layers", None)
    if not isinstance(layers, Mapping):
        raise SettingsError(f"{type(network).__name__} names no cam_layers; take a classifier with maps")
    wanted = sorted(layers if scales is None else scales)
    if lacking := sorted(set(wanted) - set(layers)):
        raise SettingsError(f"unknown scales {lacking}; the model provides {sorted(layers)}")
    return build_method(name, network, {scale: layers[scale] for scale in wanted})


def fuse_scales(
    maps: Mapping[int, Tensor],
    size: tuple[int, int],
    weights: Mapping[int, float] | None = None,
    *,
    within: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Enlarge the maps of each scale to the image, divide each by its maximum, and sum them so.

    Args:
        maps: scale to maps of at least 0, shape (N, h, w).
        size: height and width of the images.
        weights: of the scales that count; all count 1 if not given.
        within: where maps count, shape (N, height, width); 0 elsewhere. Everywhere if not given.

    Returns:
        Shape (N, height, width), float32, 0 to 1.
    """
    total = np.zeros((), dtype=np.float32)
    for scale, weight in (weights or dict.fromkeys(maps, 1.0)).items():
        enlarged = resize_maps(maps[scale], size).cpu().numpy()
        counted = enlarged if within is None else enlarged * within
        total = total + np.float32(weight) * unit_range(counted)
    return unit_range(total)


def unit_range(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide each map (N, H, W) of at least 0 by its maximum; an empty map stays empty."""
    highest = maps.max(axis=(1, 2), keepdims=True)
    return np.clip(np.divide(maps, highest, out=np.zeros_like(maps), where=highest > 0), 0, 1)


def map_overlap(rois: RoiSet, maps: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compare maps with the truth: mean-Dice over 256 thresholds of each image with a tumour; nan for the others.

    Args:
        rois: images with truth.
        maps: shape (N, H, W), 0 to 1.

    Returns:
        Shape (N,).
    """
    if rois.truth is None:
        return np.full(len(rois), np.nan)
    values = [
        mean_dice_over_thresholds(truth, found) if truth.any() else np.nan
        for truth, found in zip(rois.truth, maps, strict=True)
    ]
    return np.array(values, dtype=np.float64)


def retrain(
    build: Callable[[], nn.Module],
    rois: RoiSet,
    kind: str,
    options: FitOptions,
    folder: Path,
    *,
    fold: int = 1,
    maps: NDArray[np.float32] | None = None,
    normalisation: str = FIXED,
    channels: int = 1,
    report: Callable[[str], None] | None = None,
) -> tuple[nn.Module, FilterResult]:
    """Train a network from scratch on images filtered one way, with a fold held out.

    Args:
        build: makes the network with fresh weights; torch's generator is seeded with ``options.seed`` before.
        rois: all images.
        kind: one of :data:`FILTERS`.
        options: how to train.
        folder: of this training; a finished one is loaded.
        fold: held out; its images pick the best epoch and are what is measured.
        maps: maps of all images, for ``cam``.
        normalisation: of the filtered images, as for `RoiSet.image_set`.
        channels: of the network's input.
        report: takes a line per epoch.

    Returns:
        The trained network and its figures.

    Raises:
        CAMLocalizerError: as for `filter_weights` and `fit_classifier`.
    """
    weights = filter_weights(kind, rois, maps=maps, seed=options.seed)
    train, held_out = rois.image_set(weights, normalisation=normalisation, channels=channels).split([fold])
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        network = build()
    fit = fit_classifier(network, train, held_out, options, folder, report=report)
    logits = predict_logits(network, held_out.images, precision=options.precision)
    measured = classification_report(held_out.labels, logits)
    result = FilterResult(
        filter=kind,
        fold=fold,
        images=len(held_out),
        accuracy=measured.accuracy,
        last_accuracy=float(fit.history[-1]["accuracy"]),
        sensitivity=measured.sensitivity,
        specificity=measured.specificity,
        auc=measured.auc,
        epochs=len(fit.history),
        best_epoch=fit.best_epoch,
    )
    return network, result
