"""NASNet-A (4 @ 1056): the network for mobile devices from architecture search."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-3
CELLS = 4  # normal cells at each of three resolutions
STEM_CHANNELS = 32
CHANNELS = 44  # of a cell's branch at the first resolution: 1056 / 24


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON)


def _projection(in_channels: int, out_channels: int) -> nn.Sequential:
    convolution = nn.Conv2d(in_channels, out_channels, 1, bias=False)
    return nn.Sequential(nn.ReLU(), convolution, _norm(out_channels))


def _pad(images: Tensor, kernel: int) -> Tensor:
    """Pad with zeros for a stride of 2, so that n cells become ceil(n / 2); odd padding goes to the far side."""
    height, width = images.shape[-2:]
    before_rows, before_columns = ((kernel - 2 + size % 2) // 2 for size in (height, width))
    after = (kernel - 1) // 2
    return functional.pad(images, (before_columns, after, before_rows, after))


def _average(images: Tensor) -> Tensor:
    """Average 3x3 neighbours of every cell, without padding."""
    return functional.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)


class SeparableConvolutions(nn.Module):
    """ReLU, separable convolution and normalisation, applied twice; the first convolution may have a stride.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel: side of the depthwise kernels, odd.
        stride: stride of the first depthwise convolution, 1 or 2.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.stride, self.kernel = stride, kernel
        padding = 0 if stride == 2 else kernel // 2
        self.depth1 = nn.Conv2d(
            in_channels, in_channels, kernel, stride=stride, padding=padding, groups=in_channels, bias=False
        )
        self.point1 = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.norm1 = _norm(out_channels)
        self.depth2 = nn.Conv2d(
            out_channels, out_channels, kernel, padding=kernel // 2, groups=out_channels, bias=False
        )
        self.point2 = nn.Conv2d(out_channels, out_channels, 1, bias=False)
        self.norm2 = _norm(out_channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, ceil(H / stride), ceil(W / stride))."""
        maps = functional.relu(maps)
        maps = _pad(maps, self.kernel) if self.stride == 2 else maps
        maps = functional.relu(self.norm1(self.point1(self.depth1(maps))))
        return self.norm2(self.point2(self.depth2(maps)))


class Halving(nn.Module):
    """Halves the resolution of the map of the cell before last: two subsampled copies, one shifted by a cell."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(in_channels, out_channels // 2, 1, bias=False)
        self.odd = nn.Conv2d(in_channels, out_channels // 2, 1, bias=False)
        self.norm = _norm(out_channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, ceil(H / 2), ceil(W / 2))."""
        maps = functional.relu(maps)
        shifted = functional.pad(maps, (0, 1, 0, 1))[:, :, 1:, 1:]
        joined = torch.cat([self.even(maps[:, :, ::2, ::2]), self.odd(shifted[:, :, ::2, ::2])], dim=1)
        return self.norm(joined)


def _adjustment(in_channels: int, out_channels: int, *, halve: bool) -> nn.Module:
    if halve:
        return Halving(in_channels, out_channels)
    return nn.Identity() if in_channels == out_channels else _projection(in_channels, out_channels)


class NormalCell(nn.Module):
    """A cell that keeps the resolution.

    Args:
        channels: of the last cell's output.
        before: channels of the output of the cell before.
        width: channels of each branch; the output has six times as many.
        halve: whether the output of the cell before has twice the resolution.
    """

    def __init__(self, channels: int, before: int, width: int, *, halve: bool) -> None:
        super().__init__()
        self.adjust = _adjustment(before, width, halve=halve)
        self.project = _projection(channels, width)
        self.left1 = SeparableConvolutions(width, width, 5)
        self.right1 = SeparableConvolutions(width, width, 3)
        self.left2 = SeparableConvolutions(width, width, 5)
        self.right2 = SeparableConvolutions(width, width, 3)
        self.left5 = SeparableConvolutions(width, width, 3)

    def forward(self, last: Tensor, before: Tensor) -> Tensor:
        """Join the outputs of the last two cells; returns (N, 6 * width, H, W)."""
        p, h = self.adjust(before), self.project(last)
        smooth = _average(p)
        branches = [
            p,
            self.left1(h) + self.right1(p),
            self.left2(p) + self.right2(p),
            _average(h) + p,
            smooth + smooth,
            self.left5(h) + h,
        ]
        return torch.cat(branches, dim=1)


class ReductionCell(nn.Module):
    """A cell that halves the resolution; arguments as for `NormalCell`, the output has four times ``width`` channels.

    ``before`` is None for the very first cell, which has only one input.
    """

    def __init__(self, channels: int, before: int | None, width: int, *, halve: bool) -> None:
        super().__init__()
        self.adjust = nn.Identity() if before is None else _adjustment(before, width, halve=halve)
        p = channels if before is None else width
        self.project = _projection(channels, width)
        self.left1 = SeparableConvolutions(width, width, 5, stride=2)
        self.right1 = SeparableConvolutions(p, width, 7, stride=2)
        self.right2 = SeparableConvolutions(p, width, 7, stride=2)
        self.right3 = SeparableConvolutions(p, width, 5, stride=2)
        self.left5 = SeparableConvolutions(width, width, 3)

    def forward(self, last: Tensor, before: Tensor) -> Tensor:
        """Join the outputs of the last two cells; returns (N, 4 * width, ceil(H / 2), ceil(W / 2))."""
        p, h = self.adjust(before), self.project(last)
        padded = _pad(h, 3)
        highest = functional.max_pool2d(padded, 3, stride=2)
        first = self.left1(h) + self.right1(p)
        second = highest + self.right2(p)
        third = functional.avg_pool2d(padded, 3, stride=2) + self.right3(p)
        return torch.cat([second, third, second + _average(first), self.left5(first) + highest], dim=1)


class NASNetMobile(nn.Module):
    """NASNet-A with 4 normal cells per resolution, 1056 last feature maps, average pooling and one linear layer.

    Images may have any size; the last maps have 1/32 of the size if it is a multiple of 32. With 3 channels and 1000
    classes it has the 5,326,716 parameters of the published implementation, including running statistics. As in all
    networks here, the momentum of batch normalisation is 0.1 instead of the published 0.0003, with which a few hundred
    images would not replace the initial statistics.

    Args:
        in_channels: channels of the input image, at least 1.
        classes: number of output classes, at least 1.

    Raises:
        ValueError: a number below 1.

    Source:
        Zoph et al., Learning Transferable Architectures for Scalable Image Recognition, CVPR 2018, Fig. 4 and Table 2;
        details (stem, kernels, padding) as in Keras' NASNetMobile, which the classifiers-as-segmenters paper used and
        which does not run on Keras' torch backend.
    """

    cam_layers: Mapping[int, str] = MappingProxyType({1: "features"})
    strides: Mapping[int, int] = MappingProxyType({1: 32})

    def __init__(self, in_channels: int = 1, classes: int = 2) -> None:
        super().__init__()
        if min(in_channels, classes) < 1:
            raise ValueError(f"in_channels and classes must be at least 1, got {in_channels} and {classes}")
        self.stem = nn.Sequential(nn.Conv2d(in_channels, STEM_CHANNELS, 3, stride=2, bias=False), _norm(STEM_CHANNELS))
        self.cells = nn.ModuleList(_cells())
        self.features = nn.Identity()
        self.head = nn.Linear(6 * 4 * CHANNELS, classes)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, in_channels, H, W), both sides at least 32; returns logits (N, classes)."""
        last = before = self.stem(images)
        for cell in self.cells:
            last, before = cell(last, before), last
        return self.head(self.features(functional.relu(last)).mean((2, 3)))


def _cells() -> list[nn.Module]:
    """Build the cells in order, with the channels of the two preceding cells."""
    cells: list[nn.Module] = [
        ReductionCell(STEM_CHANNELS, None, CHANNELS // 4, halve=False),
        ReductionCell(CHANNELS, STEM_CHANNELS, CHANNELS // 2, halve=True),
    ]
    last, before = 2 * CHANNELS, CHANNELS
    for width in (CHANNELS, 2 * CHANNELS, 4 * CHANNELS):
        if width > CHANNELS:
            cells.append(ReductionCell(last, before, width, halve=False))
            last, before = 4 * width, last
        for index in range(CELLS):
            cells.append(NormalCell(last, before, width, halve=index == 0))
            last, before = 6 * width, last
    return cells
