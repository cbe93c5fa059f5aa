"""SAM and HESAM: soft activation maps of classifiers with one linear unit per feature map."""

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


class SAM(GradCAM):
    r"""Soft activation map: the last feature maps weighted by the classifier of their linear units.

    .. math:: M'_c(x) = ReLU\left(\sum_k \alpha_k^c g_k(x)\right)

    where the score is :math:`S'_c = \sum_k \alpha_k^c H_k` and H_k is a linear unit that depends only on feature map
    g_k. The paper's map has no ReLU; like all maps of this package, this one keeps only evidence for the target.
    Lifetime, targets and result are the same as for `GradCAM`.

    Args:
        model: a classifier whose last layer ``head`` has one input per map of ``layer``, such as `HESAMNet` and
            `SoftHeadNet` with the SAM head.
        layer: name of the last feature maps.
        head: name of the linear layer that returns the logits.

    Raises:
        SettingsError: a layer that the model does not have.
        ModelError: a head that is not a linear layer, or whose number of inputs differs from the number of maps.

    Source:
        Lei et al., Soft Activation Mapping of Lung Nodules in Low-dose CT Images, 2018, Eq. 5 and 6.
    """

    def __init__(self, model: nn.Module, layer: str = "features", head: str = "head.classifier") -> None:
        super().__init__(model, layer)
        found = find_layers(model, {1: head})[1]
        if not isinstance(found, nn.Linear):
            raise ModelError(f"layer {head!r} is a {type(found).__name__}, expected the linear layer of the classifier")
        self._head, self._head_name = found, head

    def _compute(self, images: Tensor, targets: Targets) -> CAMResult:
        with hook_layers(self.model, self.layers, gradients=False) as outputs:
            logits = run(self.model, images, outputs, self.layers)
        resolved = resolve_targets(targets, logits)
        maps = outputs.maps[1]
        _require_one_value_per_map(self._head.in_features, maps, self._head_name, self.layers[1])
        weights = class_weights(resolved, logits) @ self._head.weight.to(logits.dtype)  # (N, n)
        return CAMResult(logits, resolved, {1: weighted_map(maps, weights)})


class HESAM(GradCAM):
    r"""High-level enhanced soft activation map: the class weights depend on the image.

    .. math:: M'_c(x) = ReLU\left(\sum_k (\alpha_k^c + d_k^c) g_k(x)\right)

    where d_k^c is computed from the image's bottleneck, so that each image has its own weights. ReLU, lifetime, targets
    and result are the same as for `SAM`.

    Args:
        model: a classifier with a layer ``weights`` that returns the class weights (N, classes, n) of each image, such
            as `HESAMNet`.
        layer: name of the last feature maps.
        weights: name of that layer.

    Raises:
        SettingsError: a layer that the model does not have.
        ModelError: a layer ``weights`` that returns anything else.

    Source:
        Lei et al., 2018, Eq. 7 and 8; for d_k^c see `CAMLocalizerLib.networks.sam.EnhancedWeights`.
    """

    def __init__(self, model: nn.Module, layer: str = "features", weights: str = "head.weights") -> None:
        super().__init__(model, layer)
        self._weights, self._weights_name = find_layers(model, {1: weights})[1], weights

    def _compute(self, images: Tensor, targets: Targets) -> CAMResult:
        kept: list[Any] = []
        handle = self._weights.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
        try:
            with hook_layers(self.model, self.layers, gradients=False) as outputs:
                logits = run(self.model, images, outputs, self.layers)
        finally:
            handle.remove()
        resolved = resolve_targets(targets, logits)
        maps = outputs.maps[1]
        enhanced = self._require_weights(kept, logits)
        _require_one_value_per_map(enhanced.shape[2], maps, self._weights_name, self.layers[1])
        weights = torch.einsum("nc,nck->nk", class_weights(resolved, logits), enhanced.to(logits.dtype))
        return CAMResult(logits, resolved, {1: weighted_map(maps, weights)})

    def _require_weights(self, kept: list[Any], logits: Tensor) -> Tensor:
        shape = tuple(getattr(kept[0], "shape", ())) if len(kept) == 1 else None
        if shape is None or len(shape) != 3 or shape[:2] != tuple(logits.shape):
            got = f"returns {shape}" if shape else f"runs {len(kept)} times"
            raise ModelError(
                f"layer {self._weights_name!r} {got}, expected class weights of shape "
                f"{(*logits.shape, 'maps')} from one run; use SAM or GradCAM"
            )
        return kept[0]


def _require_one_value_per_map(count: int, maps: Tensor, head: str, layer: str) -> None:
    if count != maps.shape[1]:
        raise ModelError(
            f"layer {head!r} has {count} inputs, layer {layer!r} has {maps.shape[1]} maps; a soft activation map "
            "needs one input per map, use GradCAM"
        )
