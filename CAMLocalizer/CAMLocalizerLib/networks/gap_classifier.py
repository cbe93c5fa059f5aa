"""A classifier that ends with global average pooling and one linear layer, as CAM requires."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from torch import Tensor, nn

from .geometry import first_cell, sequence_layers


class GAPClassifier(nn.Module):
    """Feature maps, global average pooling and one linear layer; fully convolutional, for images of any size.

    Convolutions are initialised as in He et al. (ICCV 2015), because deep networks without batch normalisation do not
    train from scratch otherwise. ``CAM(model, "features", "head")`` computes its maps.

    Args:
        features: layers from images (N, in_channels, H, W) to maps (N, channels, h, w).
        channels: channels of the maps.
        classes: number of output classes, at least 1.
        stride: pixels per cell of the maps.

    Raises:
        ValueError: fewer than one class.

    Source:
        Zhou et al., Learning Deep Features for Discriminative Localization, CVPR 2016, section 2.
    """

    cam_layers: Mapping[int, str] = MappingProxyType({1: "features"})

    def __init__(self, features: nn.Sequential, channels: int, classes: int, stride: int) -> None:
        super().__init__()
        if classes < 1:
            raise ValueError(f"a classifier needs at least 1 class, got {classes}")
        self.strides: Mapping[int, int] = {1: stride}  # a dict, since folding copies networks
        self.offsets: Mapping[int, float] = {1: first_cell(sequence_layers(features))}
        self.features = features
        self.head = nn.Linear(channels, classes)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, in_channels, H, W); returns logits (N, classes)."""
        return self.head(self.features(images).mean((2, 3)))


def convolution(
    in_channels: int,
    out_channels: int,
    kernel: int = 3,
    *,
    stride: int = 1,
    padding: int = 1,
    batch_norm: bool = False,
) -> list[nn.Module]:
    """Return the layers of a convolution block: convolution, optional batch normalisation, ReLU."""
    layers: list[nn.Module] = [nn.Conv2d(in_channels, out_channels, kernel, stride, padding)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(out_channels))
    return [*layers, nn.ReLU()]


def initialise(network: nn.Module) -> None:
    """Initialise the weights of convolutions by their fan-out (He et al., ICCV 2015), with zero biases."""
    for layer in convolutions(network):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    """List the convolution layers of a network in order."""
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


def require_channels(name: str, channels: Iterable[int], count: int) -> tuple[int, ...]:
    """Return channels as a tuple, or raise ValueError unless there are ``count`` of them, each at least 1."""
    given = tuple(channels)
    if len(given) != count or min(given) < 1:
        raise ValueError(f"{name} needs channels for {count} steps, each at least 1, got {given}")
    return given
