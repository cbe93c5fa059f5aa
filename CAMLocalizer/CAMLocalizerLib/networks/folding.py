"""Batch normalisation folded into the layers around it, for inference."""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .dcfpn import DCFPN
from .folded_dcfpn import FoldedDCFPN


def fold_batch_norm(model: nn.Module) -> nn.Module:
    """Copy a network for inference, with batch normalisation folded into weights wherever that is exact.

    A DC-FPN becomes a `FoldedDCFPN` without any normalisation left. In any other network each convolution that is
    followed directly by its batch normalisation inside one `nn.Sequential` takes it in; what stands elsewhere stays.

    Args:
        model: a network; it is not changed.

    Returns:
        A new network in evaluation mode with channels-last weights and frozen parameters, on the model's device, in
        its dtype. It answers as ``model.eval()`` does, up to rounding.

    Source:
        y = gamma * (W x + b - mean) / sqrt(var + eps) + beta is W' x + b' (Ioffe & Szegedy 2015, Algorithm 2).
    """
    folded = FoldedDCFPN(model) if isinstance(model, DCFPN) else _fold_sequences(copy.deepcopy(model).eval())
    return folded.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _fold_sequences(model: nn.Module) -> nn.Module:
    for sequence in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        for (name, layer), (norm_name, norm) in pairwise(list(sequence.named_children())):
            if _foldable(layer, norm):
                sequence.register_module(name, fuse_conv_bn_eval(layer, norm))  # type: ignore[arg-type,type-var]
                sequence.register_module(norm_name, nn.Identity())
    return model


def _foldable(layer: nn.Module, norm: nn.Module) -> bool:
    pairs = ((nn.Conv2d, nn.BatchNorm2d), (nn.Conv3d, nn.BatchNorm3d))
    return any(type(layer) is conv and type(norm) is batch for conv, batch in pairs) and _has_statistics(norm)


def _has_statistics(norm: nn.Module) -> bool:
    return isinstance(getattr(norm, "running_var", None), Tensor) and bool(getattr(norm, "affine", False))
