"""Nodule classifier of soft activation mapping: U-Net, residual blocks and a CAM, SAM or HESAM head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional

from .sam import HEADS, HESAMHead

LEVELS = 4
SIZE_MULTIPLE = 8


def _convolutions(in_channels: int, out_channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (in_channels, out_channels):
        layers += [
            nn.Conv2d(channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)


class Up(nn.Module):
    """One upsampling step: transposed convolution, skip connection, two convolutions."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2)
        self.block = _convolutions(2 * out_channels, out_channels)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Join a coarse map (N, C_in, H/2, W/2) with the encoder's map (N, C_out, H, W)."""
        return self.block(torch.cat([skip, self.up(coarse)], dim=1))


class NoduleUNet(nn.Module):
    """U-Net with three steps down and up, whose last 1x1 convolution returns feature maps, not a segmentation."""

    def __init__(self, in_channels: int, channels: Sequence[int], out_channels: int) -> None:
        super().__init__()
        first, second, third, fourth = channels
        self.pool = nn.MaxPool2d(2)
        self.down0 = _convolutions(in_channels, first)
        self.down1 = _convolutions(first, second)
        self.down2 = _convolutions(second, third)
        self.down3 = _convolutions(third, fourth)
        self.up2 = Up(fourth, third)
        self.up1 = Up(third, second)
        self.up0 = Up(second, first)
        self.out = nn.Conv2d(first, out_channels, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return feature maps (N, out_channels, H, W) and the bottleneck (N, channels[3], H/8, W/8) of images."""
        map0 = self.down0(images)
        map1 = self.down1(self.pool(map0))
        map2 = self.down2(self.pool(map1))
        code = self.down3(self.pool(map2))
        return self.out(self.up0(self.up1(self.up2(code, map2), map1), map0)), code


class ResidualBlock(nn.Module):
    """Basic residual block: two 3x3 convolutions, with an identity or 1x1 convolution as shortcut."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, H / stride, W / stride), at least 0."""
        return functional.relu(self.block(maps) + self.shortcut(maps))


class HESAMNet(nn.Module):
    """Classifier of lung nodules with last feature maps at half resolution: the paper's Ours-CAM, -SAM and -HESAM.

    A U-Net with three levels maps 32x32 images to 64 maps of 32x32, two residual blocks map these to 256 maps of 16x16
    (`features`), and the head classifies them. The HESAM head also uses the global maximum of each of the 256
    bottleneck maps of 4x4. The network is fully convolutional: height and width are any multiples of 8, at least 16.

    Implementation choices that the paper does not specify:

    - A downsampling step is a pooling and two convolutions, so that the bottleneck of 256 maps of 4x4 is computed at
      4x4; as widths double, the U-Net starts with 32 channels.
    - The U-Net's convolutions have batch normalisation, which the paper states only for the residual blocks.
    - The first residual block has stride 2 and increases 64 to 256 maps, the second changes neither.
    - For the dependence of the high-level code on the class, see `EnhancedWeights`.

    Args:
        in_channels: slices or scales of the input, 1, 3, 11 or 21 in the paper.
        classes: number of classes, at least 1.
        head: ``cam`` (Eq. 1), ``sam`` (Eq. 5) or ``hesam`` (Eq. 7).
        channels: channels of the U-Net's four resolutions, finest first; the last is also the number of features.
        unet_maps: number of output maps of the U-Net.

    Raises:
        ValueError: an unknown head, or `channels` without exactly four values.

    Source:
        Lei et al., Soft Activation Mapping of Lung Nodules in Low-dose CT Images, 2018, Fig. 2 and Eq. 3 to 8.
    """

    cam_layers: Mapping[int, str] = MappingProxyType({1: "features"})
    strides: Mapping[int, int] = MappingProxyType({1: 2})

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 2,
        head: str = "hesam",
        channels: Sequence[int] = (32, 64, 128, 256),
        unet_maps: int = 64,
    ) -> None:
        super().__init__()
        if head not in HEADS:
            raise ValueError(f"head must be one of {sorted(HEADS)}, got {head!r}")
        if len(channels) != LEVELS:
            raise ValueError(f"the U-Net has {LEVELS} resolutions, got channels for {len(channels)}: {tuple(channels)}")
        self.unet = NoduleUNet(in_channels, channels, unet_maps)
        self.features = nn.Sequential(
            ResidualBlock(unet_maps, channels[-1], stride=2), ResidualBlock(channels[-1], channels[-1])
        )
        self.head = HEADS[head](channels[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, in_channels, H, W), H and W multiples of 8, at least 16; returns logits (N, classes)."""
        _require_size(images)
        maps, bottleneck = self.unet(images)
        features = self.features(maps)
        if isinstance(self.head, HESAMHead):
            return self.head(features, bottleneck.amax((2, 3)))
        return self.head(features)


def _require_size(images: Tensor) -> None:
    height, width = images.shape[-2:]
    if height % SIZE_MULTIPLE or width % SIZE_MULTIPLE or min(height, width) < 2 * SIZE_MULTIPLE:
        raise ValueError(
            f"HESAM needs image sides that are multiples of {SIZE_MULTIPLE} pixels and at least {2 * SIZE_MULTIPLE}, "
            f"got {height} x {width}; pad or resample the images"
        )
