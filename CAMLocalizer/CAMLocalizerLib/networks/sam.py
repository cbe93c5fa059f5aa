"""Heads of soft activation mapping: feature maps to class scores by CAM, SAM or HESAM."""

from __future__ import annotations

import math
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional

MINOR_SIZE = 6


class CAMHead(nn.Module):
    r"""Global average pooling and one linear layer: S_c = \sum_k w_k^c mean(g_k).

    It has no bias, as in Eq. 1 of the paper.

    Args:
        channels: number of feature maps, n.
        classes: number of classes.

    Source:
        Lei et al., Soft Activation Mapping of Lung Nodules, 2018, Eq. 1; CAM (Zhou et al., 2016).
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.classifier = nn.Linear(channels, classes, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Classify feature maps (N, n, h, w); returns logits (N, classes)."""
        return self.classifier(maps.mean((2, 3)))


class MapUnits(nn.Module):
    """One linear unit for every feature map: average pooling to 6x6 cells, then H_k = h_k(A_k).

    The pooling uses PyTorch's adaptive bins, 3 or 4 pixels wide for maps of 16x16. The paper states the sizes 16 and 6
    but no kernel; with adaptive bins the unit supports maps of any size from 6x6.

    Every unit is initialised to the mean of its map. The paper's maps (Eq. 6 and 8) weight g_k only by the class
    weights, which is evidence only if H_k increases with g_k. This initialisation ensures that, and makes the initial
    head a CAM head.

    Args:
        channels: number of feature maps, n.

    Source:
        Lei et al., 2018, Eq. 3 and 4, Fig. 3.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, MINOR_SIZE, MINOR_SIZE), MINOR_SIZE**-2.0))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor) -> Tensor:
        """Project feature maps (N, n, h, w) to one value each, H (N, n)."""
        minor = functional.adaptive_avg_pool2d(maps, MINOR_SIZE)  # A: (N, n, 6, 6)
        return (minor * self.weight).sum((2, 3)) + self.bias


class SAMHead(nn.Module):
    r"""A linear unit per map and one linear layer: S'_c = \sum_k \alpha_k^c H_k.

    Args:
        channels: number of feature maps, n.
        classes: number of classes.

    Source:
        Lei et al., 2018, Eq. 3 to 5.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.units = MapUnits(channels)
        self.classifier = nn.Linear(channels, classes, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Classify feature maps (N, n, h, w); returns logits (N, classes)."""
        return self.classifier(self.units(maps))


class EnhancedWeights(nn.Module):
    r"""The class weights of one image: \alpha_k^c + d_k^c with d_k^c = \beta_k^c d_k.

    The paper writes d_k^c in Eq. 7 and 8, but its d_k, the global maximum of bottleneck map k, does not depend on the
    class. Used directly, it would add the same number to the score of every class, which the softmax cancels, so that
    HESAM would classify like SAM. Therefore each class learns a weight \beta_k^c of each d_k. This includes the gate
    (1 + d_k) \alpha_k^c for \beta = \alpha, and can also switch the preference of a unit from one class to another,
    which the gate cannot. \beta is initialised to 0, so that training starts from SAM: "not let d_k impact fully on the
    weights".

    Args:
        channels: number of feature maps, n, which is the length of d.
        classes: number of classes.

    Source:
        Lei et al., 2018, Eq. 7 and 8; the dependence on the class is our interpretation.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.empty(classes, channels))
        self.beta = nn.Parameter(torch.zeros(classes, channels))
        nn.init.kaiming_uniform_(self.alpha, a=math.sqrt(5))  # as in nn.Linear

    def forward(self, code: Tensor) -> Tensor:
        """Return the weights of each image, (N, classes, n), for its high-level code d (N, n)."""
        return self.alpha + self.beta * code[:, None]


class HESAMHead(nn.Module):
    r"""SAM enhanced by a high-level code: S'_c = \sum_k (\alpha_k^c + d_k^c) H_k.

    Args:
        channels: number of feature maps, n, which is the length of the code.
        classes: number of classes.

    Source:
        Lei et al., 2018, Eq. 7. For d_k^c see `EnhancedWeights`.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.units = MapUnits(channels)
        self.weights = EnhancedWeights(channels, classes)

    def forward(self, maps: Tensor, code: Tensor) -> Tensor:
        """Classify feature maps (N, n, h, w) with the code d (N, n); returns logits (N, classes)."""
        return torch.einsum("nck,nk->nc", self.weights(code), self.units(maps))


HEADS = MappingProxyType({"cam": CAMHead, "sam": SAMHead, "hesam": HESAMHead})
