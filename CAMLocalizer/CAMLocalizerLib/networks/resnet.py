"""ResNet-18, -34 and -50 with global average pooling: the classifiers behind ResCAM and Grad-ResCAM."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from ..core import ModelError
from .geometry import first_cell

# Residual blocks of the four stages, and whether a block is a bottleneck of three convolutions.
STAGES: Mapping[int, tuple[tuple[int, int, int, int], bool]] = MappingProxyType(
    {18: ((2, 2, 2, 2), False), 34: ((3, 4, 6, 3), False), 50: ((3, 4, 6, 3), True)}
)
CHANNELS = (64, 128, 256, 512)


class ResNet(nn.Module):
    """Residual network with average pooling and one linear layer, so that CAM and Grad-CAM both apply.

    ``body`` is MONAI's ResNet in two dimensions, configured as published: a 7x7 convolution of stride 2, max pooling of
    stride 2 and four stages; ``head`` is the linear layer that returns the logits. Scale 1, the only one, is the output
    of the last stage at 1/32 of the image's resolution.

    The paper mentions ResNet50 without changes, so only the number of input channels is adapted to grey images. As in
    the published network, the projections in the shortcuts have no bias, unlike MONAI's default.

    Args:
        depth: 18, 34 or 50.
        in_channels: channels of the input image, at least 1.
        classes: number of output classes, at least 1.
        width: factor for all numbers of channels, above 0.

    Raises:
        ModelError: MONAI is not installed.
        ValueError: another depth, or a width that leaves a stage without channels.

    Source:
        He et al., Deep Residual Learning for Image Recognition, CVPR 2016, Table 1; ResCAM and Grad-ResCAM in PG-CAM
        (Lee et al., 2018), Table 1 and 2.
    """

    cam_layers: Mapping[int, str] = MappingProxyType({1: "body.layer4"})
    strides: Mapping[int, int] = MappingProxyType({1: 32})
    offsets: Mapping[int, float] = MappingProxyType({1: first_cell([(7, 2, 3), (3, 2, 1), *[(3, 2, 1)] * 3])})

    def __init__(self, depth: int = 50, in_channels: int = 1, classes: int = 4, width: float = 1.0) -> None:
        super().__init__()
        if depth not in STAGES:
            raise ValueError(f"depth of a ResNet must be one of {', '.join(map(str, STAGES))}, got {depth}")
        if not CHANNELS[0] * width >= 1:
            raise ValueError(f"width must leave at least one of {CHANNELS[0]} channels, got {width}")
        self.body = _body(depth, in_channels, width)
        self.head = nn.Linear(self.body.in_planes, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, in_channels, H, W) of any size; returns logits (N, classes)."""
        return self.head(self.body(images))


def _body(depth: int, in_channels: int, width: float) -> Any:
    """Build MONAI's network without its classification layer; it maps images to averages of the last maps (N, C)."""
    try:
        from monai.networks.nets.resnet import ResNet as MonaiResNet
    except ImportError as error:
        raise ModelError(f"ResNet-{depth} needs MONAI ({error}); install the extra: camlocalizer[training]") from error
    layers, bottleneck = STAGES[depth]
    return MonaiResNet(
        "bottleneck" if bottleneck else "basic",
        list(layers),
        list(CHANNELS),
        spatial_dims=2,
        n_input_channels=in_channels,
        conv1_t_stride=2,
        widen_factor=width,
        feed_forward=False,
        bias_downsample=False,
    )


def resnet18(in_channels: int = 1, classes: int = 4, width: float = 1.0) -> ResNet:
    """Build ResNet-18 with global average pooling; arguments and errors as for `ResNet`."""
    return ResNet(18, in_channels, classes, width)


def resnet34(in_channels: int = 1, classes: int = 4, width: float = 1.0) -> ResNet:
    """Build ResNet-34 with global average pooling; arguments and errors as for `ResNet`."""
    return ResNet(34, in_channels, classes, width)


def resnet50(in_channels: int = 1, classes: int = 4, width: float = 1.0) -> ResNet:
    """Build ResNet-50 with global average pooling; arguments and errors as for `ResNet`."""
    return ResNet(50, in_channels, classes, width)
