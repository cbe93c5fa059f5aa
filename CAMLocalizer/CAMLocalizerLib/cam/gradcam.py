"""Grad-CAM of any classifier, for any number of layers in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Self

import torch
from torch import Tensor, nn

from ..core import ModelError
from .combine import weighted_map
from .frozen_eval import frozen_eval, no_grad_by_default
from .layers import find_layers, hook_layers, run
from .result import CAMResult
from .targets import Targets, class_weights, resolve_targets


class GradCAM:
    r"""Gradient-weighted class activation maps of one or several layers.

    .. math:: M_s = ReLU\left(\sum_k \alpha_{sk} f_{sk}\right), \quad
              \alpha_{sk} = \frac{1}{|f_{sk}|} \sum_{ij} \frac{\partial y}{\partial f_{sk}(i, j)}

    where f_s are the feature maps of layer s and y is the score of the image's target.

    All layers are computed in one forward pass and one backward pass from the logits to the earliest layer; earlier
    layers are not differentiated and no parameter gets a gradient. Each image has its own target, and maps of a batch
    equal those of single images. Targets may be a function of the logits. Frozen parameters, ``torch.no_grad``,
    ``torch.inference_mode``, bfloat16 and autocast are supported.

    Inside the ``with`` block the model is in evaluation mode with frozen parameters. Its state is restored afterwards,
    also after an error. A call outside a block uses a temporary block.

    Args:
        model: a classifier that maps (N, ...) to logits (N, classes).
        layers: scale to layer name as in ``model.named_modules()``; a single name is scale 1.

    Raises:
        SettingsError: a layer that the model does not have.

    Example:
        >>> with GradCAM(model, "layer4") as cam:  # doctest: +SKIP
        ...     maps = cam(images).maps[1]

    Source:
        Selvaraju et al., Grad-CAM, ICCV 2017, Eq. 1 and 2; PG-CAM (Lee et al., 2018), Eq. 2.
    """

    def __init__(self, model: nn.Module, layers: Mapping[int, str] | str) -> None:
        self.model = model
        self.layers: dict[int, str] = {1: layers} if isinstance(layers, str) else dict(layers)
        find_layers(model, self.layers)
        self._block: AbstractContextManager[nn.Module] | None = None

    def __enter__(self) -> Self:
        """Set evaluation mode and freeze the parameters."""
        self._block = frozen_eval(self.model)
        self._block.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore the model."""
        block, self._block = self._block, None
        if block is not None:
            block.__exit__(kind, error, trace)

    def __call__(self, images: Tensor, targets: Targets = None) -> CAMResult:
        """Compute the class activation maps of images.

        Args:
            images: (N, ...), input of the model.
            targets: None for each image's highest logit, one class for all images, classes (N,) of an integer dtype, or
                class weights (N, classes) of a floating dtype, whose score is ``(logits * weights).sum(1)``.

        Returns:
            Logits, targets, and one map per scale at the layer's own resolution.

        Raises:
            ModelError: a layer that does not run, runs twice, returns no feature map or does not reach the logits.
            SettingsError: targets that do not match the logits.
        """
        with frozen_eval(self.model) if self._block is None else nullcontext(), no_grad_by_default():
            return self._compute(images, targets)

    def _compute(self, images: Tensor, targets: Targets) -> CAMResult:
        with hook_layers(self.model, self.layers, gradients=True) as outputs:
            logits = run(self.model, images, outputs, self.layers)
        resolved = resolve_targets(targets, logits)
        gradients = self._gradients((logits * class_weights(resolved, logits)).sum(), outputs.maps)
        torch.set_grad_enabled(False)
        maps = {scale: self._map(outputs.maps[scale], gradients[scale]) for scale in self.layers}
        return CAMResult(logits.detach(), resolved, maps)

    def _map(self, features: Tensor, gradient: Tensor) -> Tensor:
        """Return the map (N, ...) of feature maps (N, C, ...) and the score's gradient of the same shape."""
        precise = torch.promote_types(gradient.dtype, torch.float32)
        return weighted_map(features, gradient.flatten(2).mean(2, dtype=precise))  # weights (N, C)

    def _gradients(self, score: Tensor, maps: Mapping[int, Tensor]) -> dict[int, Tensor]:
        scales = list(maps)
        gradients: tuple[Tensor | None, ...] = (None,) * len(scales)
        if score.requires_grad:
            gradients = torch.autograd.grad(score, [maps[scale] for scale in scales], allow_unused=True)
        found = {scale: each for scale, each in zip(scales, gradients, strict=True) if each is not None}
        if lost := [self.layers[scale] for scale in scales if scale not in found]:
            raise ModelError(f"the logits do not depend differentiably on layers {lost}; choose other layers")
        return found
