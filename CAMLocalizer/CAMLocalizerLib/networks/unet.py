"""U-Net with a VGG encoder: the supervised upper bound of the quantitative study."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from .gap_classifier import convolution, initialise, require_channels
from .vgg import CHANNELS, vgg_layers

DECODER_CHANNELS = (256, 128, 64, 32)
SIZE_MULTIPLE = 16


class VGGUNet(nn.Module):
    """Segmentation network: VGG's five blocks as encoder, four decoder steps with skip connections.

    Trained on masks, it is an upper bound for the maps of a classifier; it is used only for this comparison.

    The paper states only the encoder and the Dice loss. Implementation choices: VGG's fifth block is the bottom of the
    U, without its last max pooling. A decoder step upsamples by nearest neighbour, concatenates the encoder's map of
    that scale and applies two 3x3 convolutions.

    Args:
        in_channels: channels of the input image, at least 1.
        batch_norm: False as published; True to train from scratch in few epochs.
        channels: channels of the encoder's five blocks.
        decoder_channels: channels of the four decoder steps, coarsest first.
        depth: depth of the encoder, 16 or 19.

    Raises:
        ValueError: another depth, or a wrong number of channels.

    Source:
        Kang et al., SPIE 11599, 2021, section 3.2.2; Ronneberger et al., U-Net, MICCAI 2015.
    """

    def __init__(
        self,
        in_channels: int = 1,
        batch_norm: bool = False,
        channels: Sequence[int] = CHANNELS,
        decoder_channels: Sequence[int] = DECODER_CHANNELS,
        *,
        depth: int = 16,
    ) -> None:
        super().__init__()
        steps = require_channels("the decoder", decoder_channels, len(DECODER_CHANNELS))
        self.features = nn.Sequential(*vgg_layers(depth, in_channels, channels, batch_norm))
        skips = tuple(channels)[-2::-1]  # coarsest first
        inputs = (tuple(channels)[-1], *steps[:-1])
        self.decoder = nn.ModuleList(
            nn.Sequential(
                *convolution(below + skip, count, batch_norm=batch_norm),
                *convolution(count, count, batch_norm=batch_norm),
            )
            for below, skip, count in zip(inputs, skips, steps, strict=True)
        )
        self.head = nn.Conv2d(steps[-1], 1, 1)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """Segment images (N, in_channels, H, W), H and W multiples of 16; returns logits (N, 1, H, W).

        Raises:
            ValueError: height or width is not a multiple of 16.
        """
        height, width = images.shape[-2:]
        if height % SIZE_MULTIPLE or width % SIZE_MULTIPLE:
            raise ValueError(
                f"this U-Net needs image sides that are multiples of {SIZE_MULTIPLE} pixels, got {height} x {width}; "
                "pad or resample the images"
            )
        maps, skips = images, []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                skips.append(maps)
            maps = layer(maps)
        for step, skip in zip(self.decoder, reversed(skips), strict=True):
            maps = step(torch.cat([functional.interpolate(maps, scale_factor=2.0), skip], dim=1))
        return self.head(maps)


unet_vgg16 = partial(VGGUNet, depth=16)
unet_vgg19 = partial(VGGUNet, depth=19)
