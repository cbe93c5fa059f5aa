"""VGG-16 and VGG-19 with global average pooling, and modified variants with finer maps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import nn

from .gap_classifier import GAPClassifier, convolution, require_channels

CHANNELS = (64, 128, 256, 512, 512)
EXTRA_CHANNELS = 1024
BLOCKS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


class VGGGAP(GAPClassifier):
    """VGG's convolutions and max poolings, global average pooling and one linear layer.

    The maps have 7x7 cells for 224 pixels. In the modified variant (VGGnet-GAP) a convolution replaces the last max
    pooling, and the maps have 14x14 cells.

    Implementation choices that the paper does not specify: the additional convolution is 3x3 with 1024 channels, as in
    Zhou et al., but without the grouping into two columns of their published network. The three large linear layers and
    their dropout are removed, so that the remaining linear layer weights the maps, as class activation maps require.

    Args:
        in_channels: channels of the input image, at least 1.
        classes: number of output classes, at least 1.
        batch_norm: False as published; True to train from scratch in few epochs.
        channels: channels of the five blocks.
        extra_channels: channels of the additional convolution.
        depth: 16 or 19.
        modified: whether a convolution replaces the last max pooling.

    Raises:
        ValueError: another depth, or a wrong number of channels.

    Source:
        Kang et al., SPIE 11599, 2021, section 3.2.1; Simonyan and Zisserman, ICLR 2015, columns D and E; Zhou et al.,
        CVPR 2016, section 3, VGGnet-GAP.
    """

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 3,
        batch_norm: bool = False,
        channels: Sequence[int] = CHANNELS,
        extra_channels: int = EXTRA_CHANNELS,
        *,
        depth: int = 16,
        modified: bool = False,
    ) -> None:
        layers = vgg_layers(depth, in_channels, channels, batch_norm)
        last = tuple(channels)[-1]
        if modified:
            features = nn.Sequential(*layers, *convolution(last, extra_channels, batch_norm=batch_norm))
            super().__init__(features, extra_channels, classes, stride=16)
        else:
            super().__init__(nn.Sequential(*layers, nn.MaxPool2d(2)), last, classes, stride=32)


vgg16_gap = partial(VGGGAP, depth=16)
vgg19_gap = partial(VGGGAP, depth=19)
modified_vgg16 = partial(VGGGAP, depth=16, modified=True)
modified_vgg19 = partial(VGGGAP, depth=19, modified=True)


def vgg_layers(depth: int, in_channels: int, channels: Sequence[int], batch_norm: bool) -> list[nn.Module]:
    """Return VGG's layers up to the last ReLU, without the last max pooling.

    Raises:
        ValueError: a depth other than 16 or 19, or a wrong number of channels.
    """
    if depth not in BLOCKS:
        raise ValueError(f"depth of VGG must be {' or '.join(map(str, BLOCKS))}, got {depth}")
    given = require_channels("VGG", channels, len(CHANNELS))
    layers: list[nn.Module] = []
    for before, count, repeats in zip((in_channels, *given), given, BLOCKS[depth], strict=False):
        if layers:
            layers.append(nn.MaxPool2d(2))
        for inputs in (before, *[count] * (repeats - 1)):
            layers += convolution(inputs, count, batch_norm=batch_norm)
    return layers
