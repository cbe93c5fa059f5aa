"""A model at rest: evaluation mode and frozen parameters for a while, then exactly as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def at_rest(model: nn.Module) -> Iterator[nn.Module]:
    """Put a model into evaluation mode and freeze its parameters; restore each module and parameter at the end."""
    modes = [(module, module.training) for module in model.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    try:
        # what is as it should be is left alone: setting it costs as much as some layers take for one slice
        if any(training for _, training in modes):
            model.eval()
        for parameter, required in flags:
            if required:
                parameter.requires_grad_(False)
        yield model
    finally:
        for module, training in modes:
            if module.training != training:
                module.training = training
        for parameter, required in flags:
            if parameter.requires_grad != required:
                parameter.requires_grad_(required)


@contextmanager
def grad_until_asked() -> Iterator[None]:
    """Record no gradients until somebody inside enables them; afterwards the mode is as it was."""
    with torch.inference_mode(False), torch.no_grad():
        yield
