"""Encoders of feature pyramids by name."""

from __future__ import annotations

from torch import nn

from .efficientnet import EfficientNetLite
from .timm_encoder import PREFIX, TimmEncoder


def make_encoder(name: str, in_channels: int = 1) -> nn.Module:
    """Build an encoder with random weights.

    Args:
        name: a key of :data:`CAMLocalizerLib.networks.efficientnet.VARIANTS`, or ``timm:NAME`` for a timm network.
        in_channels: channels of the images, 1 or 3.

    Returns:
        A module that computes the maps of strides 2, 4, 8 and 16 of images in 0..1; ``channels`` are their channels.

    Raises:
        ValueError: an unknown name, or a number of channels that the encoder does not support.
        ModelError: a timm network that cannot be used.
    """
    if name.startswith(PREFIX):
        return TimmEncoder(name.removeprefix(PREFIX), in_channels)
    return EfficientNetLite(name, in_channels)
