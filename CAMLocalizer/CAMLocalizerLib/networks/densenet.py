"""DenseNet-121 with a global-average-pooling head."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from ..core import ModelError
from .geometry import first_cell


class DenseNet121(nn.Module):
    """MONAI's DenseNet-121 in 2D: dense blocks of 6, 12, 24 and 16 layers, average pooling and one linear layer.

    Images may have any size; the last maps have 1/32 of the size if it is a multiple of 32.

    Args:
        in_channels: channels of the input image, at least 1.
        classes: number of output classes, at least 1.
        pretrained: start from ImageNet weights, which MONAI downloads; for 1 channel, the first kernel is summed over
            its three channels, which is equivalent to repeating a grey image in three channels.

    Raises:
        ValueError: a number below 1, or pretrained weights for other than 1 or 3 channels.
        ModelError: MONAI is not installed, or the weights cannot be downloaded.

    Source:
        Huang et al., Densely Connected Convolutional Networks, CVPR 2017, Table 1.
    """

    cam_layers: Mapping[int, str] = MappingProxyType({1: "features"})
    strides: Mapping[int, int] = MappingProxyType({1: 32})
    offsets: Mapping[int, float] = MappingProxyType({1: first_cell([(7, 2, 3), (3, 2, 1), *[(2, 2, 0)] * 3])})

    def __init__(self, in_channels: int = 1, classes: int = 2, pretrained: bool = False) -> None:
        super().__init__()
        if min(in_channels, classes) < 1:
            raise ValueError(f"in_channels and classes must be at least 1, got {in_channels} and {classes}")
        self.backbone = _backbone(in_channels, pretrained=pretrained)
        self.features = nn.Identity()
        self.head = nn.Linear(self.backbone.norm5.num_features, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, in_channels, H, W), both sides at least 32; returns logits (N, classes)."""
        maps = functional.relu(self.backbone(images))  # (N, 1024, H / 32, W / 32)
        return self.head(self.features(maps).mean((2, 3)))


def _backbone(in_channels: int, *, pretrained: bool) -> Any:
    try:
        from monai.networks.nets import DenseNet121 as Published
    except ImportError as error:
        raise ModelError("densenet121 needs MONAI: pip install 'camlocalizer[training]'") from error
    if not pretrained:
        return Published(spatial_dims=2, in_channels=in_channels, out_channels=1).features
    if in_channels not in (1, 3):
        raise ValueError(f"pretrained weights need 1 or 3 channels, got in_channels {in_channels}")
    try:
        layers = Published(spatial_dims=2, in_channels=3, out_channels=1, pretrained=True).features
    except OSError as error:
        raise ModelError(
            f"the ImageNet weights of densenet121 cannot be downloaded ({error}); connect to the internet or build it "
            "without pretrained weights"
        ) from error
    if in_channels == 1:
        grey = nn.Conv2d(1, layers.conv0.out_channels, 7, stride=2, padding=3, bias=False)
        grey.weight = nn.Parameter(layers.conv0.weight.detach().sum(1, keepdim=True))
        layers.conv0 = grey
    return layers
