"""CAM of classifiers that end in global average pooling and one linear layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..core import ModelError
from .combine import weighted_map
from .gradcam import GradCAM
from .layers import find_layers, hook_layers, run
from .result import CAMResult
from .targets import Targets, class_weights, resolve_targets


class CAM(GradCAM):
    r"""Class activation map from the classifier's own weights, without gradients.

    .. math:: M(x) = ReLU\left(\sum_k w_{ck} f_k(x)\right)

    where f are the feature maps whose averages are the input of the linear layer with weights w. Lifetime, targets and
    result are the same as for `GradCAM`. The map equals that of `GradCAM` up to the factor 1 / (h w).

    Args:
        model: a classifier that ends with global average pooling of ``layer``, optionally scaled by one number for all
            channels, and the linear layer ``head``.
        layer: name of the last feature maps.
        head: name of the linear layer that returns the logits.

    Raises:
        SettingsError: a layer that the model does not have.
        ModelError: a head that is not a linear layer.

    Source:
        Zhou et al., Learning Deep Features for Discriminative Localization, CVPR 2016, Eq. 2; PG-CAM (Lee et al.,
        2018), Eq. 1.
    """

    def __init__(self, model: nn.Module, layer: str, head: str) -> None:
        super().__init__(model, layer)
        found = find_layers(model, {1: head})[1]
        if not isinstance(found, nn.Linear):
            raise ModelError(f"layer {head!r} is a {type(found).__name__}, expected the linear layer of the classifier")
        self._head, self._head_name = found, head

    def _compute(self, images: Tensor, targets: Targets) -> CAMResult:
        pooled: list[Tensor] = []

        def keep_input(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
            pooled.append(inputs[0])

        handle = self._head.register_forward_pre_hook(keep_input)
        try:
            with hook_layers(self.model, self.layers, gradients=False) as outputs:
                logits = run(self.model, images, outputs, self.layers)
        finally:
            handle.remove()
        self._require_average(outputs.maps[1], pooled)
        resolved = resolve_targets(targets, logits)
        weights = class_weights(resolved, logits) @ self._head.weight.to(logits.dtype)  # (N, C)
        return CAMResult(logits, resolved, {1: weighted_map(outputs.maps[1], weights)})

    def _require_average(self, features: Tensor, pooled: list[Tensor]) -> None:
        average = features.flatten(2).mean(2, dtype=torch.float32)
        gain = _gain(pooled[0].float(), average) if pooled and pooled[0].shape == average.shape else 1.0
        tolerance = 1e-4 if features.dtype in (torch.float32, torch.float64) else 3e-2
        same = len(pooled) == 1 and pooled[0].shape == average.shape
        if not (same and torch.allclose(pooled[0].float(), gain * average, rtol=tolerance, atol=tolerance)):
            raise ModelError(
                f"the input of the linear layer {self._head_name!r} is not the average of layer {self.layers[1]!r}, so "
                "CAM does not apply; use GradCAM"
            )


def _gain(pooled: Tensor, average: Tensor) -> float:
    """Return the positive least-squares factor between averages and pooled values; 1 if all are zero."""
    gain = float((pooled * average).sum() / average.square().sum().clamp_min(torch.finfo(torch.float32).tiny))
    return gain if gain > 0 else 1.0
