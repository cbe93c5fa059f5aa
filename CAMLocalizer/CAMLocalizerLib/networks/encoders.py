"""Encoders by name: what a feature pyramid may stand on."""

from __future__ import annotations

from torch import nn

from .efficientnet import EfficientNetLite

STRIDES = (2, 4, 8, 16)


def make_encoder(name: str, in_channels: int = 1) -> nn.Module:
    """Build an encoder with fresh weights.

    Args:
        name: a key of :data:`CAMLocalizerLib.networks.efficientnet.VARIANTS`.
        in_channels: channels of the images, 1 or 3.

    Returns:
        A module that gives the maps of strides 2, 4, 8 and 16 of images in 0..1; ``channels`` are theirs.

    Raises:
        ValueError: an unknown name, or a number of channels that the encoder does not take.
    """
    return EfficientNetLite(name, in_channels)
