"""The heads of soft activation mapping: feature maps to class scores by CAM, SAM or HESAM."""

from __future__ import annotations

import math
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional

MINOR_SIZE = 6


class CAMHead(nn.Module):
    r"""Global average pooling and one linear layer: S_c = \sum_k w_k^c mean(g_k).

    Without a bias, as the paper's Eq. 1 has none.

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
        """Classify feature maps (N, n, h, w); gives logits (N, classes)."""
        return self.classifier(maps.mean((2, 3)))


class MapUnits(nn.Module):
    """One linear unit for every feature map: average pooling to 6x6 cells, then H_k = h_k(A_k).

    The bins of the average pooling are PyTorch's adaptive ones, 3 or 4 pixels wide for maps of 16x16: the paper gives
    the sizes 16 and 6 and no kernel, and so the unit takes maps of any size from 6x6 on.

    Every unit starts as the mean of its map. The paper's maps (Eq. 6 and 8) weigh g_k by the class weights alone, which
    is evidence only where H_k grows with g_k; from this start it does, and the head begins as a CAM head.

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
        """Classify feature maps (N, n, h, w); gives logits (N, classes)."""
        return self.classifier(self.units(maps))


class EnhancedWeights(nn.Module):
    r"""The class weights of one image: \alpha_k^c + d_k^c with d_k^c = \beta_k^c d_k.

    The paper writes d_k^c in Eq. 7 and 8, but its d_k, the global maximum of bottleneck map k, knows no class. Taken as
    it is, it would add the same number to the score of every class, which the softmax cancels: HESAM would classify as
    SAM does. So each class learns how much of each d_k it takes, \beta_k^c. That holds the gate (1 + d_k) \alpha_k^c
    as the case \beta = \alpha, and can turn the preference of a unit from one class to another, which the gate
    cannot. \beta starts at 0: "not let d_k impact fully on the weights", training starts from SAM.

    Args:
        channels: number of feature maps, n, which is the length of d.
        classes: number of classes.

    Source:
        Lei et al., 2018, Eq. 7 and 8; the dependence on the class is our reading.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.empty(classes, channels))
        self.beta = nn.Parameter(torch.zeros(classes, channels))
        nn.init.kaiming_uniform_(self.alpha, a=math.sqrt(5))  # as nn.Linear starts

    def forward(self, code: Tensor) -> Tensor:
        """Give the weights of each image, (N, classes, n), for its high-level code d (N, n)."""
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
        """Classify feature maps (N, n, h, w) with the code d (N, n); gives logits (N, classes)."""
        return torch.einsum("nck,nk->nc", self.weights(code), self.units(maps))


HEADS = MappingProxyType({"cam": CAMHead, "sam": SAMHead, "hesam": HESAMHead})
