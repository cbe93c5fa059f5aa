"""Fold batch normalisation into adjacent layers, for inference."""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .dcfpn import DCFPN
from .efficientnet import EfficientNetLite
from .encoder_dcfpn import EncoderDCFPN
from .feature_pyramid import DecoderStage
from .folded_dcfpn import FoldedDCFPN, FoldedDecoderStage
from .pooled_head import frozen, norm_affine

NORMS = {nn.Conv2d: nn.BatchNorm2d, nn.Conv3d: nn.BatchNorm3d}


def fold_batch_norm(model: nn.Module) -> nn.Module:
    """Copy a network for inference, with batch normalisation folded into weights wherever this is exact.

    A DC-FPN becomes a `FoldedDCFPN` without normalisation layers. An `EncoderDCFPN` has no normalisation layers left
    either; in it, and in an `EfficientNetLite` alone, padding is folded too and ReLUs work in place. In any other
    network each decoder stage becomes a `FoldedDecoderStage`. Within an `nn.Sequential`, a batch normalisation directly
    after a convolution, or directly before an unpadded one, is folded into it; all other layers are unchanged.

    Args:
        model: a network; it is not changed.

    Returns:
        A new network in evaluation mode with channels-last weights and frozen parameters, on the model's device, in
        its dtype. Its output equals that of ``model.eval()`` up to rounding.

    Source:
        y = gamma * (W x + b - mean) / sqrt(var + eps) + beta is W' x + b' (Ioffe & Szegedy 2015, Algorithm 2).
    """
    folded = FoldedDCFPN(model) if isinstance(model, DCFPN) else _fold_parts(copy.deepcopy(model).eval())
    return folded.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _fold_parts(model: nn.Module) -> nn.Module:
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, DecoderStage):
                setattr(parent, name, FoldedDecoderStage(child))
    for sequence in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        _fold_sequence(sequence)
    if isinstance(model, EncoderDCFPN):
        model.fold_head()
    if isinstance(model, EncoderDCFPN | EfficientNetLite):
        _streamline(model)
    return model


def _streamline(model: nn.Module) -> None:
    """Avoid passes over large maps: fold padding into convolutions, and apply ReLUs in place."""
    for encoder in [module for module in model.modules() if isinstance(module, EfficientNetLite)]:
        encoder.fold_colours()
    for sequence in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        layers = {name: layer for name, layer in sequence.named_children() if not isinstance(layer, nn.Identity)}
        for (first_name, first), (second_name, second) in pairwise(layers.items()):
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.ReLU | nn.ReLU6):
                second.inplace = True
            elif isinstance(first, nn.ZeroPad2d) and isinstance(second, nn.Conv2d) and second.padding == (0, 0):
                sequence.register_module(first_name, nn.Identity())
                sequence.register_module(second_name, _fold_padding(first, second))


def _fold_sequence(sequence: nn.Sequential) -> None:
    for first_name, second_name in pairwise([name for name, _ in sequence.named_children()]):
        first, second = sequence.get_submodule(first_name), sequence.get_submodule(second_name)
        if _norm_of(first, second):
            sequence.register_module(first_name, fuse_conv_bn_eval(first, second))  # type: ignore[arg-type,type-var]
            sequence.register_module(second_name, nn.Identity())
        elif _norm_of(second, first) and isinstance(second, nn.Conv2d) and _unpadded(second):
            sequence.register_module(first_name, nn.Identity())
            sequence.register_module(second_name, _fold_into(second, first))


def _norm_of(layer: nn.Module, norm: nn.Module) -> bool:
    """Return whether a batch normalisation with statistics matches a convolution."""
    fits = any(type(layer) is conv and type(norm) is batch for conv, batch in NORMS.items())
    return fits and isinstance(getattr(norm, "running_var", None), Tensor) and bool(getattr(norm, "affine", False))


def _unpadded(layer: nn.Conv2d) -> bool:
    return layer.padding in ((0, 0), "valid") and layer.groups == 1


def _fold_into(layer: nn.Conv2d, norm: nn.Module) -> nn.Conv2d:
    """Fold a normalisation into the unpadded convolution that follows it: W (a x + b) = (W a) x + W b."""
    scale, shift = norm_affine(norm)
    weight, dtype = layer.weight.detach().double(), layer.weight.dtype
    bias = 0 if layer.bias is None else layer.bias.detach().double()
    folded = copy.deepcopy(layer)
    folded.weight = frozen(weight * scale[:, None, None], dtype)
    folded.bias = frozen(weight.sum((2, 3)) @ shift + bias, dtype)
    return folded


def _fold_padding(padding: nn.ZeroPad2d, layer: nn.Conv2d) -> nn.Conv2d:
    """Fold asymmetric padding into the next convolution, as symmetric padding and additional taps of zero."""
    left, right, top, bottom = padding.padding
    height, width = max(top, bottom), max(left, right)
    folded = copy.deepcopy(layer)
    taps = functional.pad(layer.weight.detach(), (width - left, width - right, height - top, height - bottom))
    folded.weight = frozen(taps, layer.weight.dtype)
    folded.kernel_size = (taps.shape[2], taps.shape[3])
    folded.padding = (height, width)
    folded._reversed_padding_repeated_twice = [width, width, height, height]
    return folded
