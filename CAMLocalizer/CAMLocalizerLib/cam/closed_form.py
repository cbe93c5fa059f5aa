"""Networks with closed-form Grad-CAM weights, computed without autograd."""

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
    """A classifier whose logits are linear in the averages of its maps, so that Grad-CAM weights are constant."""

    def features(self, images: Tensor) -> dict[int, Tensor]:
        """Compute the maps (N, C, h, w) of every scale."""

    def classify(self, features: Mapping[int, Tensor]) -> Tensor:
        """Compute the logits (N, classes) from the maps."""

    def channel_weights(self) -> dict[int, Tensor]:
        """Return the weights (classes, C) of the maps' averages in the logits, for every scale."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Result of a forward pass with its Grad-CAM weights.

    Args:
        logits: (N, classes).
        features: scale to maps (N, C, h, w).
        channel_weights_for: function of class weights (N, classes) that returns the channel weights (N, C) per scale.
    """

    logits: Tensor
    features: Mapping[int, Tensor]
    channel_weights_for: Callable[[Tensor], Mapping[int, Tensor]]


@dataclass(frozen=True, eq=False)
class ClosedForm:
    """A network that runs without autograd.

    Args:
        classes: number of logits.
        dtype: dtype of the input images.
        run: function that computes the evidence of images (N, C, H, W).
    """

    classes: int
    dtype: torch.dtype
    run: Callable[[Tensor], Evidence]


def closed_form(model: nn.Module, layers: Mapping[int, str]) -> ClosedForm | None:
    """Return the closed form of a network's Grad-CAM weights.

    Args:
        model: a classifier.
        layers: scale to layer name.

    Returns:
        None if autograd is required: for other networks, or layers that are not in its ``cam_layers``.
    """
    if not layers.items() <= dict(getattr(model, "cam_layers", {})).items():
        return None
    scales = tuple(layers)
    if isinstance(model, ConstantWeightNetwork):
        weights = {scale: weight.detach() for scale, weight in model.channel_weights().items() if scale in layers}
        classes, dtype = len(weights[scales[0]]), next(model.parameters()).dtype
        return ClosedForm(classes, dtype, partial(_constant_weight_evidence, model, weights))
    if isinstance(model, FoldedDCFPN):
        return ClosedForm(model.head.out_features, model.head.weight.dtype, partial(_decoder_evidence, model, scales))
    return None


def _constant_weight_evidence(
    network: ConstantWeightNetwork, weights: Mapping[int, Tensor], images: Tensor
) -> Evidence:
    features = network.features(images)

    def channel_weights_for(class_weights: Tensor) -> dict[int, Tensor]:
        return {
            scale: class_weights @ weight.to(class_weights.dtype) / features[scale][0, 0].numel()
            for scale, weight in weights.items()
        }

    return Evidence(network.classify(features), features, channel_weights_for)


def _decoder_evidence(network: FoldedDCFPN, scales: tuple[int, ...], images: Tensor) -> Evidence:
    trace = network.trace(images)

    def channel_weights_for(class_weights: Tensor) -> dict[int, Tensor]:
        return channel_weights(network, trace, class_weights, scales=scales)

    return Evidence(network.classify(trace.features), trace.features, channel_weights_for)
