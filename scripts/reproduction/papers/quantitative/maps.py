"""The maps that the quantitative study thresholds, and the IoU of each mask with the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.filters import threshold_otsu
from torch import Tensor, nn

from CAMLocalizerLib.cam import GradCAM, GradCAMPlusPlus, LayerCAM, PyramidGradCAM, resize_maps
from CAMLocalizerLib.localizer.targets import target_weights
from CAMLocalizerLib.metrics import iou
from CAMLocalizerLib.models import ModelCard
from CAMLocalizerLib.networks import fold_batch_norm

from .paper import RULES

SCALE_SETS = {
    "PG-CAM scales 1 and 4": (1, 4),
    "PG-CAM all scales": (1, 2, 3, 4),
    "PG-CAM scale 1": (1,),
    "PG-CAM scale 4": (4,),
}


@dataclass(frozen=True, eq=False)
class Explained:
    """What a classifier says of a batch of images.

    Args:
        logits: (N, classes).
        maps: name of the kind of map to maps (N, h, w), of any resolution and range.
    """

    logits: Tensor
    maps: Mapping[str, Tensor]


Method = Callable[[Tensor], Explained]
IoUs = Mapping[str, Mapping[str, NDArray[np.float64]]]


@dataclass(frozen=True, eq=False)
class Scores:
    """What a method says of images, and how well its masks agree with the truth.

    Args:
        logits: (N, classes), float32.
        levels: kind of map to 8-bit maps, uint8, (N, H, W).
        ious: kind of map to rule to IoU of each image, (N,).
    """

    logits: NDArray[np.float32]
    levels: Mapping[str, NDArray[np.uint8]]
    ious: IoUs


def class_activation_maps(network: nn.Module, name: str) -> Method:
    r"""Explain the predicted class by the linear layer's own weights, negative evidence included.

    .. math:: S^{(c)}_{ij} = \sum_k w^{(c)}_k A^{(k)}_{ij}

    `CAM` gives the same map without its negative part, which is kept here because the study's equation has no ReLU and
    the 8-bit map begins at the lowest value.

    Args:
        network: ends in ``features``, global average pooling and the linear layer ``head``.
        name: of the kind of map.

    Source:
        Kang et al., SPIE 11599, 2021, Eq. 2.
    """
    features, head = network.get_submodule("features"), cast(nn.Linear, network.get_submodule("head"))

    def explain(images: Tensor) -> Explained:
        maps = features(images).float()
        logits = head(maps.mean((2, 3))).float()
        weights = head.weight[logits.argmax(dim=1)]  # (N, C)
        return Explained(logits, {name: torch.einsum("nchw,nc->nhw", maps, weights)})

    return explain


def other_maps(network: nn.Module, name: str) -> Method:
    """Explain the predicted class by CAM and by the maps that the study's outlook names, and one finer."""
    signed = class_activation_maps(network, name)
    plus_plus = GradCAMPlusPlus(network, "features")
    layers = LayerCAM(network, {1: "features", 2: before_pooling(network, 4)})

    def explain(images: Tensor) -> Explained:
        found = signed(images)
        classes = found.logits.argmax(dim=1)
        by_layer = layers(images, classes).maps
        others = {
            "CAM with ReLU": found.maps[name].clamp(min=0),
            "Grad-CAM++": plus_plus(images, classes).maps[1],
            "Layer-CAM": by_layer[1],
            "Layer-CAM of block 4": by_layer[2],
        }
        return Explained(found.logits, {**found.maps, **{f"{name}, {kind}": each for kind, each in others.items()}})

    return explain


def before_pooling(network: nn.Module, count: int) -> str:
    """Name the layer in front of a network's ``count``-th max pooling."""
    layers = list(network.get_submodule("features").children())
    poolings = [index for index, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
    return f"features.{poolings[count - 1] - 1}"


def pyramid_maps(network: nn.Module, name: str) -> Method:
    """Explain the predicted class by PG-CAM of several sets of scales."""
    method = PyramidGradCAM(fold_batch_norm(network))

    def explain(images: Tensor) -> Explained:
        found = method(images)
        size = (images.shape[2], images.shape[3])
        fused = {f"{name}, {kind}": fuse_scales(found.maps, scales, size) for kind, scales in SCALE_SETS.items()}
        return Explained(found.logits, fused)

    return explain


def bundle_maps(network: nn.Module, card: ModelCard, name: str) -> Method:
    """Explain what a bundle's maps explain, fused over its scales; logits of its tumour classes alone."""
    method: GradCAM = PyramidGradCAM(fold_batch_norm(network), scales=card.scales)
    tumours = [card.classes.index(each) for each in card.tumour_classes]

    def explain(images: Tensor) -> Explained:
        found = method(images, lambda logits: target_weights(logits, card))
        size = (images.shape[2], images.shape[3])
        return Explained(found.logits[:, tumours], {name: fuse_scales(found.maps, card.scales, size)})

    return explain


def fuse_scales(maps: Mapping[int, Tensor], scales: Sequence[int], size: tuple[int, int]) -> Tensor:
    """Sum the maps of scales, each enlarged to (height, width) and divided by its maximum; (N, height, width)."""
    total = torch.zeros(())
    for scale in scales:
        enlarged = resize_maps(maps[scale].float(), size)
        highest = enlarged.amax((1, 2), keepdim=True)
        total = total + enlarged / torch.where(highest > 0, highest, 1)
    return total


def eight_bit(maps: Tensor, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Enlarge maps (N, h, w) between the centres of their cells and scale each from its minimum to 0..255.

    A map without any contrast becomes zero.
    """
    enlarged = resize_maps(maps.float(), size)
    lowest, highest = enlarged.amin((1, 2), keepdim=True), enlarged.amax((1, 2), keepdim=True)
    span = highest - lowest
    scaled = (enlarged - lowest) / torch.where(span > 0, span, 1) * 255
    return scaled.round().to(torch.uint8).cpu().numpy()


def binarise(levels: NDArray[np.uint8], rule: str) -> NDArray[np.bool_]:
    """Take the pixels of an 8-bit map (H, W) that are above the threshold of a rule.

    Args:
        levels: the map; percentiles and Otsu's threshold are those of all its pixels.
        rule: ``T/255``, ``Q`` and a percentile, or ``Otsu``: one threshold for the image, although the study's text
            speaks of one for each pixel.

    Source:
        Kang et al., SPIE 11599, 2021, Eq. 3 and section 3.3.
    """
    if rule.endswith("/255"):
        return levels > int(rule.removesuffix("/255"))
    if rule.startswith("Q"):
        return levels > np.percentile(levels, float(rule[1:]))
    return levels > threshold_otsu(levels) if np.ptp(levels) else np.zeros(levels.shape, dtype=bool)


def score(method: Method, images: NDArray[np.float32], truths: NDArray[np.bool_], *, batch_size: int = 32) -> Scores:
    """Explain images and compare each map, thresholded by every rule, with the truth, in float32.

    Args:
        method: explains a batch.
        images: normalised, (N, C, H, W).
        truths: masks, (N, H, W).
        batch_size: images at once.
    """
    logits: list[NDArray[np.float32]] = []
    levels: dict[str, list[NDArray[np.uint8]]] = {}
    size = (images.shape[2], images.shape[3])
    for start in range(0, len(images), batch_size):
        batch = torch.from_numpy(np.ascontiguousarray(images[start : start + batch_size]))
        with torch.inference_mode():
            found = method(batch.contiguous(memory_format=torch.channels_last))
        logits.append(found.logits.float().numpy())
        for kind, maps in found.maps.items():
            levels.setdefault(kind, []).append(eight_bit(maps, size))
    joined = {kind: np.concatenate(parts) for kind, parts in levels.items()}
    ious = {kind: {rule: overlaps(maps, truths, rule) for rule in RULES} for kind, maps in joined.items()}
    return Scores(np.concatenate(logits), joined, ious)


def overlaps(levels: NDArray[np.uint8], truths: NDArray[np.bool_], rule: str) -> NDArray[np.float64]:
    """IoU of each of N 8-bit maps, binarised by a rule, with its truth."""
    pairs = zip(levels, truths, strict=True)
    return np.array([iou(truth, binarise(each, rule)) for each, truth in pairs], dtype=np.float64)
