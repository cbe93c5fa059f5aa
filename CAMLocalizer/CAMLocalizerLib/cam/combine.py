"""Weighted sum of feature maps over channels: the last step of every class activation map."""

from __future__ import annotations

import torch
from torch import Tensor


def weighted_map(features: Tensor, weights: Tensor, *, relu: bool = True) -> Tensor:
    r"""Sum feature maps over channels: M(x) = ReLU(\sum_k w_k f_k(x)).

    Args:
        features: (N, C, ...) of any floating dtype.
        weights: (N, C).
        relu: set negative sums to zero, to keep only evidence for the target.

    Returns:
        (N, ...) float32; summed in float32, or in float64 if either argument is.

    Source:
        PG-CAM (Lee et al., 2018), Eq. 1 and 2; CAM (Zhou et al., 2016), Eq. 2; Grad-CAM (Selvaraju et al., 2017),
        Eq. 2.
    """
    precise = torch.promote_types(torch.promote_types(features.dtype, weights.dtype), torch.float32)
    cells = features.to(precise).movedim(1, -1)  # (N, ..., C): a view, contiguous for channels-last maps
    flat = cells.reshape(cells.shape[0], -1, cells.shape[-1])  # (N, cells, C)
    summed = torch.bmm(flat, weights.to(precise)[:, :, None]).reshape(cells.shape[:-1])  # (N, ...)
    return (summed.relu_() if relu else summed).float()
