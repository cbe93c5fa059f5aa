"""AlexNet with global average pooling, and the Modified AlexNet with finer maps."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from .gap_classifier import GAPClassifier, convolution, require_channels

CHANNELS = (64, 192, 384, 256, 256)
EXTRA_CHANNELS = (512, 512)


class AlexNetGAP(GAPClassifier):
    """AlexNet's five convolutions and three max poolings, global average pooling and one linear layer.

    The maps have 6x6 cells for 224 pixels.

    Implementation choices that the paper does not specify: the channels are those of the one-column AlexNet, whose
    ImageNet weights are public. The two large linear layers and their dropout are removed, so that the remaining linear
    layer weights the maps, as class activation maps require.

    Args:
        in_channels: channels of the input image, at least 1.
        classes: number of output classes, at least 1.
        batch_norm: False as published; True to train from scratch in few epochs.
        channels: channels of the five convolutions.
        pool_padding: padding of each max pooling. 0 as published; 1 makes the maps exactly 1/32 of the image (7x7 cells
            for 224 pixels), which model bundles require.

    Raises:
        ValueError: a wrong number of channels.

    Source:
        Kang et al., SPIE 11599, 2021, section 3.2.1; Krizhevsky, One weird trick, arXiv:1404.5997, 2014.
    """

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 3,
        batch_norm: bool = False,
        channels: Sequence[int] = CHANNELS,
        pool_padding: int = 0,
    ) -> None:
        layers = _layers(in_channels, channels, batch_norm, pool_padding)
        features = nn.Sequential(*layers, _pooling(pool_padding))
        super().__init__(features, tuple(channels)[-1], classes, stride=32)


class ModifiedAlexNet(GAPClassifier):
    """AlexNet with two additional convolutions instead of the last max pooling: AlexNet*-GAP.

    The maps have 14x14 cells for 224 pixels.

    Implementation choices that the paper does not specify: the additional convolutions are 3x3 with 512 channels, as in
    the published network of Zhou et al., but without its grouping into two columns. The paper reports 14x14 cells for
    its modified networks. AlexNet's poolings would give 13x13, so both are padded by one pixel, which makes a cell
    exactly 16 pixels and does not change the weights.

    Args:
        in_channels: channels of the input image, at least 1.
        classes: number of output classes, at least 1.
        batch_norm: False as published; True to train from scratch in few epochs.
        channels: channels of AlexNet's five convolutions.
        extra_channels: channels of the two additional convolutions.
        pool_padding: padding of each max pooling; 0 gives 13x13 cells for 224 pixels.

    Raises:
        ValueError: a wrong number of channels.

    Source:
        Kang et al., SPIE 11599, 2021, section 3.2.1; Zhou et al., CVPR 2016, section 3, AlexNet*-GAP.
    """

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 3,
        batch_norm: bool = False,
        channels: Sequence[int] = CHANNELS,
        extra_channels: Sequence[int] = EXTRA_CHANNELS,
        pool_padding: int = 1,
    ) -> None:
        first, second = require_channels("Modified AlexNet", extra_channels, len(EXTRA_CHANNELS))
        features = nn.Sequential(
            *_layers(in_channels, channels, batch_norm, pool_padding),
            *convolution(tuple(channels)[-1], first, batch_norm=batch_norm),
            *convolution(first, second, batch_norm=batch_norm),
        )
        super().__init__(features, second, classes, stride=16)


def _layers(in_channels: int, channels: Sequence[int], batch_norm: bool, pool_padding: int) -> list[nn.Module]:
    """Return AlexNet's layers up to the fifth ReLU."""
    first, second, third, fourth, fifth = require_channels("AlexNet", channels, len(CHANNELS))
    return [
        *convolution(in_channels, first, 11, stride=4, padding=2, batch_norm=batch_norm),
        _pooling(pool_padding),
        *convolution(first, second, 5, padding=2, batch_norm=batch_norm),
        _pooling(pool_padding),
        *convolution(second, third, batch_norm=batch_norm),
        *convolution(third, fourth, batch_norm=batch_norm),
        *convolution(fourth, fifth, batch_norm=batch_norm),
    ]


def _pooling(padding: int) -> nn.MaxPool2d:
    return nn.MaxPool2d(3, 2, padding)
