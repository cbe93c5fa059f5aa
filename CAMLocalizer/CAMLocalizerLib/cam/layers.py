"""Named layers of a model and their outputs during one forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn

from ..core import ModelError, SettingsError


def find_layers(model: nn.Module, layers: Mapping[int, str]) -> dict[int, nn.Module]:
    """Find layers by their names in ``model.named_modules()``.

    Args:
        model: any module.
        layers: scale to layer name.

    Returns:
        Scale to layer, in the order of ``layers``.

    Raises:
        SettingsError: no layer, or a name that the model does not have.
    """
    named = dict(model.named_modules())
    if not layers:
        raise SettingsError("layers is empty, expected at least one name of model.named_modules()")
    for name in layers.values():
        if not name or name not in named:
            near = get_close_matches(name, named, n=3) or [key for key in named if key][:8]
            raise SettingsError(f"the model has no layer {name!r}; its layers include {near}")
    return {scale: named[name] for scale, name in layers.items()}


class LayerOutputs:
    """Outputs of selected layers during one forward pass, detached so that gradients stop at the earliest layer.

    The pass starts with gradients disabled. The first selected layer to finish detaches its output, makes it a leaf and
    enables gradients, so that everything computed before, including skip connections, is constant. A later output that
    depends on the leaf stays in the graph; one that does not becomes a leaf too.

    Downstream layers get a copy of each output, so that in-place operations after the layer cannot change it.
    """

    def __init__(self, *, gradients: bool) -> None:
        self.maps: dict[int, Tensor] = {}
        self._gradients = gradients

    def record(self, scale: int, name: str, output: Any) -> Tensor:
        """Record a layer's output and return the tensor to pass on to the next layer."""
        if not isinstance(output, Tensor) or output.dim() < 3:
            shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ModelError(f"layer {name!r} returns {shape}, expected a feature map of shape (N, C, h, w)")
        if scale in self.maps:
            raise ModelError(f"layer {name!r} runs twice in one forward pass; choose a layer that runs once")
        if self._gradients:
            torch.set_grad_enabled(True)
            output = output if output.requires_grad else output.detach().requires_grad_()
        self.maps[scale] = output
        return output.clone()


@contextmanager
def hook_layers(model: nn.Module, layers: Mapping[int, str], *, gradients: bool) -> Iterator[LayerOutputs]:
    """Register hooks on layers for one forward pass; the hooks are removed at the end, also after an error."""
    outputs = LayerOutputs(gradients=gradients)
    handles = []
    try:
        for scale, layer in find_layers(model, layers).items():

            def hook(_module: nn.Module, _inputs: Any, output: Any, key: int = scale) -> Tensor:
                return outputs.record(key, layers[key], output)

            handles.append(layer.register_forward_hook(hook))
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def run(model: nn.Module, images: Tensor, outputs: LayerOutputs, layers: Mapping[int, str]) -> Tensor:
    """Run a model with hooks.

    Args:
        model: a classifier.
        images: (N, ...), input of the model.
        outputs: recorded outputs of this pass.
        layers: scale to name of the hooked layers.

    Returns:
        Logits (N, classes), at least float32.

    Raises:
        ModelError: logits of another shape, or a hooked layer that did not run.
    """
    logits = model(images)
    if not isinstance(logits, Tensor) or logits.dim() != 2 or logits.shape[0] != images.shape[0]:
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ModelError(f"the model returns {shape}, expected logits of shape ({images.shape[0]}, classes)")
    if missing := [name for scale, name in layers.items() if scale not in outputs.maps]:
        raise ModelError(f"layers {missing} do not run in the model's forward pass; choose other layers")
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
