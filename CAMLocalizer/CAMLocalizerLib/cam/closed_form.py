"""Networks whose Grad-CAM weights come without autograd."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ..networks import FoldedDCFPN
from .decoder import channel_weights


@runtime_checkable
class ConstantWeightNetwork(Protocol):
    """A classifier whose logits are linear in the averages of its maps, so that Grad-CAM's weights are constant."""

    def features(self, images: Tensor) -> dict[int, Tensor]:
        """Compute the maps (N, C, h, w) of every scale."""

    def classify(self, features: Mapping[int, Tensor]) -> Tensor:
        """Compute the logits (N, classes) from the maps."""

    def channel_weights(self) -> dict[int, Tensor]:
        """Give the weight (classes, C) of each map's average in the logits, for every scale."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """A forward pass that knows its Grad-CAM weights.

    Args:
        logits: (N, classes).
        features: scale to maps (N, C, h, w).
        weigh: gives the channel weights (N, C) of each scale for class weights (N, classes).
    """

    logits: Tensor
    features: Mapping[int, Tensor]
    weigh: Callable[[Tensor], Mapping[int, Tensor]]


@dataclass(frozen=True, eq=False)
class ClosedForm:
    """How a network runs without autograd.

    Args:
        classes: number of its logits.
        dtype: of the images that it takes.
        run: computes the evidence in images (N, C, H, W).
    """

    classes: int
    dtype: torch.dtype
    run: Callable[[Tensor], Evidence]


def closed_form(model: nn.Module, layers: Mapping[int, str]) -> ClosedForm | None:
    """Find how a network's Grad-CAM weights come without autograd.

    Args:
        model: a classifier.
        layers: scale to layer name.

    Returns:
        None where only autograd can tell: another network, or layers that are not its own ``cam_layers``.
    """
    if not layers.items() <= dict(getattr(model, "cam_layers", {})).items():
        return None
    scales = tuple(layers)
    if isinstance(model, ConstantWeightNetwork):
        weights = {scale: weight.detach() for scale, weight in model.channel_weights().items() if scale in layers}
        classes, dtype = len(weights[scales[0]]), next(model.parameters()).dtype
        return ClosedForm(classes, dtype, partial(_with_constant_weights, model, weights))
    if isinstance(model, FoldedDCFPN):
        return ClosedForm(model.head.out_features, model.head.weight.dtype, partial(_through_decoder, model, scales))
    return None


def _with_constant_weights(network: ConstantWeightNetwork, weights: Mapping[int, Tensor], images: Tensor) -> Evidence:
    features = network.features(images)

    def weigh(class_weights: Tensor) -> dict[int, Tensor]:
        return {
            scale: class_weights @ weight.to(class_weights.dtype) / features[scale][0, 0].numel()
            for scale, weight in weights.items()
        }

    return Evidence(network.classify(features), features, weigh)


def _through_decoder(network: FoldedDCFPN, scales: tuple[int, ...], images: Tensor) -> Evidence:
    trace = network.trace(images)

    def weigh(class_weights: Tensor) -> dict[int, Tensor]:
        return channel_weights(network, trace, class_weights, scales=scales)

    return Evidence(network.classify(trace.features), trace.features, weigh)
