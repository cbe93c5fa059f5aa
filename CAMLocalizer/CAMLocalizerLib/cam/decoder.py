"""Closed-form channel weights of a DC-FPN's maps, without autograd."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ..networks import DecoderTrace, FoldedDCFPN
from ..networks.folded_dcfpn import FoldedDecoderStage


def channel_weights(
    network: FoldedDCFPN, trace: DecoderTrace, class_weights: Tensor, *, scales: Sequence[int]
) -> dict[int, Tensor]:
    r"""Average the gradient of the score over the cells of each scale's maps: the weights of Grad-CAM.

    With A the number of cells of a scale, W the linear layer and u the class weights, the head contributes the constant
    (u W)_p / A_p to the gradient of every cell of scale p. For scale 1 this is the whole gradient, so its weights need
    no backward step. The decoder propagates the remaining part from each scale to the next coarser one. The coarsest
    requested scale needs only the sum of its gradient, and the sum over the output of a convolution is a product with
    sums over its input.

    Args:
        network: the network that computed the trace.
        trace: its maps for N images.
        class_weights: (N, classes); the score is ``(logits * class_weights).sum(1)``.
        scales: scales to compute.

    Returns:
        Scale to weights (N, C), at least float32.

    Source:
        Selvaraju et al., Grad-CAM, ICCV 2017, Eq. 1.
    """
    cells = trace.features[1][0, 0].numel()
    direct = _head_gradients(network, trace, class_weights)
    weights = {1: direct[1]}
    carried: Tensor | None = None  # gradient that the decoder propagates to the current scale, times `cells`
    for scale in range(1, max(scales)):
        stage = getattr(network, f"scale{scale}")
        inner = _last_convolution_gradient(stage, carried, direct[scale], trace.features[scale], trace.hidden[scale])
        if scale + 1 == max(scales):
            mean = _sum_join_gradient(stage, inner) / trace.features[scale + 1][0, 0].numel()
        else:
            carried = functional.conv2d(inner, stage.up.weight, stride=2, padding=1)  # (N, C_coarse, h / 2, w / 2)
            mean = carried.mean((2, 3), dtype=direct[1].dtype)
        weights[scale + 1] = mean + direct[scale + 1]
    return {scale: weights[scale] / cells for scale in scales}


def _head_gradients(network: FoldedDCFPN, trace: DecoderTrace, class_weights: Tensor) -> dict[int, Tensor]:
    """Return the gradient (N, C) from the head in each cell of a scale, times the number of cells of scale 1."""
    precise = class_weights.dtype
    features = trace.features
    pooled = class_weights @ network.head.weight.to(precise)  # (N, pooled channels)
    parts = pooled.split([features[scale].shape[1] for scale in network.head_scales], dim=1)
    cells = features[1][0, 0].numel()
    gradients = {scale: pooled.new_zeros(len(pooled), maps.shape[1]) for scale, maps in features.items()}
    for scale, part in zip(network.head_scales, parts, strict=True):
        gradients[scale] = part * (cells / features[scale][0, 0].numel())
    return gradients


def _last_convolution_gradient(
    stage: FoldedDecoderStage, carried: Tensor | None, direct: Tensor, output: Tensor, hidden: Tensor
) -> Tensor:
    """Return the gradient (N, C, h, w) before the stage's first ReLU, from the gradient of its output."""
    constant = direct.to(output.dtype)[:, :, None, None]
    # maps after a ReLU are not negative, so their sign is the ReLU's derivative
    gradient = output.sign().mul_(constant if carried is None else carried.add_(constant))
    return functional.conv_transpose2d(gradient, stage.last.weight, padding=1).mul_(hidden.sign())


def _sum_join_gradient(stage: FoldedDecoderStage, gradient: Tensor) -> Tensor:
    """Return the sum of the coarse map's gradient over all cells, (N, C_coarse), without computing the gradient."""
    precise = torch.promote_types(gradient.dtype, torch.float32)
    weight = stage.up.weight.to(precise)  # (C_coarse, C, 4, 4): tap t of coarse cell q meets fine cell 2 q + t - 1
    rows, columns = (_tap_coverage(size, gradient) for size in gradient.shape[2:])
    sums = rows.to(precise) @ gradient.to(precise) @ columns.to(precise).T  # (N, C, 4, 4)
    return torch.einsum("iokl,nokl->ni", weight, sums)


def _tap_coverage(size: int, like: Tensor) -> Tensor:
    """Return a matrix (4, size), True where a kernel tap covers a fine cell."""
    taps = torch.arange(4, device=like.device)[:, None]
    coarse = torch.arange(size, device=like.device)[None, :] + 1 - taps  # twice the coarse cell's index
    return (coarse % 2 == 0) & (coarse >= 0) & (coarse < size)
