"""Maps of PG-CAM: Grad-CAM at every scale of a feature pyramid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

import torch
from torch import Tensor, nn

from ..core import SettingsError
from .closed_form import ClosedForm, closed_form
from .combine import weighted_map
from .gradcam import GradCAM
from .result import CAMResult
from .targets import Targets, class_weights, resolve_targets


class PyramidGradCAM(GradCAM):
    r"""Grad-CAM of all selected scales of a pyramid from one forward pass and one partial backward pass.

    .. math:: PGCAM = \sum_p ReLU\left(\sum_k \overline{\frac{\partial y}{\partial f_{pk}}}\, f_{pk}\right)

    The terms of the sum are returned separately, to be fused in another step. Lifetime, targets and result are the same
    as for `GradCAM`. For a `FoldedDCFPN` or a `ConstantWeightNetwork` the weights are computed without autograd, see
    `closed_form`; for any other model as in `GradCAM`. The maps are the same up to rounding.

    Args:
        model: a classifier with a feature pyramid.
        layers: scale to layer name; None uses the model's ``cam_layers``.
        scales: scales of ``layers`` to compute; None for all.
        tile: number of images per step without autograd. None uses one on a CPU, so that the maps of one image fit in
            its cache and a batch equals single images bit by bit, and the whole batch on other devices.

    Raises:
        SettingsError: a layer or scale that the model does not have, or a tile below 1.

    Source:
        PG-CAM (Lee et al., 2018), Eq. 3.
    """

    def __init__(
        self,
        model: nn.Module,
        layers: Mapping[int, str] | None = None,
        *,
        scales: Iterable[int] | None = None,
        tile: int | None = None,
    ) -> None:
        if tile is not None and tile < 1:
            raise SettingsError(f"tile must be at least 1 image, got {tile}")
        super().__init__(model, _select_scales(_own_layers(model) if layers is None else layers, scales))
        self._tile = tile

    def _compute(self, images: Tensor, targets: Targets) -> CAMResult:
        form = closed_form(self.model, self.layers)
        if form is None:
            return super()._compute(images, targets)
        tile = self._tile or (1 if images.device.type == "cpu" else max(len(images), 1))
        asked: Iterable[Targets] = repeat(targets)  # targets that depend on the logits are resolved tile by tile
        if targets is not None and not callable(targets):
            asked = resolve_targets(targets, images.new_zeros(len(images), form.classes)).split(tile)
        parts = zip(images.to(form.dtype).split(tile), asked, strict=False)
        return _concatenate([self._in_closed_form(form, *part) for part in parts])

    def _in_closed_form(self, form: ClosedForm, images: Tensor, targets: Targets) -> CAMResult:
        evidence = form.run(images)
        resolved = resolve_targets(targets, evidence.logits)
        weights = evidence.channel_weights_for(class_weights(resolved, evidence.logits))
        maps = {scale: weighted_map(evidence.features[scale], weights[scale]) for scale in self.layers}
        return CAMResult(evidence.logits, resolved, maps)


def _concatenate(parts: Sequence[CAMResult]) -> CAMResult:
    maps = {scale: torch.cat([part.maps[scale] for part in parts]) for scale in parts[0].maps}
    return CAMResult(torch.cat([part.logits for part in parts]), torch.cat([part.targets for part in parts]), maps)


def _own_layers(model: nn.Module) -> Mapping[int, str]:
    layers = getattr(model, "cam_layers", None)
    if not isinstance(layers, Mapping):
        raise SettingsError(
            f"{type(model).__name__} has no cam_layers; pass layers as a mapping of scale to layer name"
        )
    return layers


def _select_scales(layers: Mapping[int, str], scales: Iterable[int] | None) -> dict[int, str]:
    wanted = sorted(layers) if scales is None else sorted(set(scales))
    if not wanted:
        raise SettingsError(f"scales must name at least one of {sorted(layers)}, got none")
    if unknown := sorted(set(wanted) - set(layers)):
        raise SettingsError(f"unknown scales {unknown}; the model provides {sorted(layers)}")
    return {scale: layers[scale] for scale in wanted}
