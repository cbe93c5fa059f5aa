"""Head of a feature pyramid: averages of normalised maps followed by one linear layer."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional


class PreciseLinear(nn.Linear):
    """A linear layer that computes in the dtype of its inputs, whatever the dtype of its weights."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (N, in_features) to (N, out_features)."""
        return functional.linear(inputs, self.weight.to(inputs.dtype), self.bias.to(inputs.dtype))


def norm_affine(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Express a batch normalisation in evaluation mode as x * scale + shift, both (C,) float64."""
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale, norm.bias.detach().double() - scale * norm.running_mean.double()


def fold_head(norms: Iterable[nn.Module], head: nn.Linear) -> PreciseLinear:
    """Fold the normalisations of averaged and concatenated maps into the linear layer that follows.

    Args:
        norms: batch normalisation of each map, in the order of the layer's inputs.
        head: the linear layer; it is not changed.
    """
    scale, shift = (torch.cat(parts) for parts in zip(*map(norm_affine, norms), strict=True))
    weight = head.weight.detach().double()  # (classes, pooled channels)
    folded, dtype = PreciseLinear(head.in_features, head.out_features), head.weight.dtype
    folded.weight = frozen(weight * scale, dtype)
    folded.bias = frozen(head.bias.detach().double() + weight @ shift, dtype)
    return folded


def frozen(values: Tensor, dtype: torch.dtype) -> nn.Parameter:
    """Return a parameter without gradient."""
    return nn.Parameter(values.to(dtype).contiguous(), requires_grad=False)
