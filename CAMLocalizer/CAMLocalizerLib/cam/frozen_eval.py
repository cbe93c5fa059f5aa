"""Temporarily set a model to evaluation mode and freeze its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def frozen_eval(model: nn.Module) -> Iterator[nn.Module]:
    """Set a model to evaluation mode and freeze its parameters; restore each module and parameter on exit."""
    modes = [(module, module.training) for module in model.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    try:
        # change only what differs: setting every flag takes as long as running some layers on one slice
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
def no_grad_by_default() -> Iterator[None]:
    """Disable gradients, so that code inside can enable them, and restore the mode on exit."""
    with torch.inference_mode(False), torch.no_grad():
        yield
