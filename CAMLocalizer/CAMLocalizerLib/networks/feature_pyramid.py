"""FeaturePyramid: the encoder and decoder of DC-FPN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor, nn

SCALES = (1, 2, 3, 4)
CONVOLUTION_LAYERS = 22
SIZE_MULTIPLE = 8


def convolution_block(in_channels: int, out_channels: int, kernel: int = 3) -> nn.Sequential:
    """Return a size-preserving convolution with batch normalisation and ReLU."""
    convolution = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels), nn.ReLU())


def _block(in_channels: int, out_channels: int, *, layers: int) -> nn.Sequential:
    inputs = (in_channels, *[out_channels] * (layers - 1))
    return nn.Sequential(*(convolution_block(channels, out_channels) for channels in inputs))


class DecoderStage(nn.Module):
    """One decoder stage: transposed convolution, skip connection, batch normalisation and two convolutions.

    Args:
        in_channels: channels of the coarse map.
        out_channels: channels of the stage's map.
        skip_channels: channels of the encoder's map; defaults to ``out_channels``.
    """

    def __init__(self, in_channels: int, out_channels: int, *, skip_channels: int | None = None) -> None:
        super().__init__()
        joined = out_channels + (out_channels if skip_channels is None else skip_channels)
        self.up = nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2)
        self.norm = nn.BatchNorm2d(joined)
        self.block = _block(joined, out_channels, layers=2)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Join a coarse map (N, C_in, H/2, W/2) with the encoder's map (N, C_skip, H, W) of this scale."""
        joined = torch.cat([skip, self.up(coarse)], dim=1)  # (N, C_skip + C_out, H, W)
        return self.block(self.norm(joined))


class FeaturePyramid(nn.Module):
    """Encoder-decoder with a last map at each of four scales; subclasses add the classifier.

    It has 22 convolution layers: three in each of the encoder's scales 1 to 3, four at scale 4, and one transposed and
    two plain convolutions in each of the three decoder stages. Scale 1 is the finest (the input's resolution), scale 4
    has an eighth of it. It is fully convolutional: height and width are any multiples of 8.

    Args:
        in_channels: channels of the input image, at least 1.
        channels: channels of the four scales, finest first.

    Raises:
        ValueError: `channels` does not have four values.

    Source:
        PG-CAM (Lee et al., 2018), section 2.1, Fig. 1 and Table 1; see `DCFPN` for implementation choices.
    """

    cam_layers: Mapping[int, str] = MappingProxyType({scale: f"scale{scale}" for scale in SCALES})
    strides: Mapping[int, int] = MappingProxyType({scale: 2 ** (scale - 1) for scale in SCALES})

    def __init__(self, in_channels: int, channels: Sequence[int]) -> None:
        super().__init__()
        if len(channels) != len(SCALES):
            raise ValueError(f"DC-FPN has {len(SCALES)} scales, got channels for {len(channels)}: {tuple(channels)}")
        first, second, third, fourth = channels
        self.pool = nn.MaxPool2d(2)
        self.encoder1 = _block(in_channels, first, layers=3)
        self.encoder2 = _block(first, second, layers=3)
        self.encoder3 = _block(second, third, layers=3)
        self.scale4 = _block(third, fourth, layers=4)
        self.scale3 = DecoderStage(fourth, third)
        self.scale2 = DecoderStage(third, second)
        self.scale1 = DecoderStage(second, first)

    def features(self, images: Tensor) -> dict[int, Tensor]:
        """Compute the last map of every scale.

        Args:
            images: (N, in_channels, H, W), H and W multiples of 8.

        Returns:
            Scale to map (N, channels of the scale, H / stride, W / stride), finest scale first.

        Raises:
            ValueError: height or width is not a multiple of 8.
        """
        require_divisible(images)
        encoded1 = self.encoder1(images)
        encoded2 = self.encoder2(self.pool(encoded1))
        encoded3 = self.encoder3(self.pool(encoded2))
        map4 = self.scale4(self.pool(encoded3))
        map3 = self.scale3(map4, encoded3)
        map2 = self.scale2(map3, encoded2)
        return {1: self.scale1(map2, encoded1), 2: map2, 3: map3, 4: map4}


def require_divisible(images: Tensor, multiple: int = SIZE_MULTIPLE) -> None:
    """Raise ValueError unless height and width of images (N, C, H, W) are multiples of a number of pixels."""
    height, width = images.shape[-2:]
    if height % multiple or width % multiple:
        raise ValueError(
            f"DC-FPN needs image sides that are multiples of {multiple} pixels, got {height} x {width}; "
            "pad or resample the images"
        )
