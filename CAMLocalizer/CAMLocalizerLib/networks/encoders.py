"""Encoders by name: what a feature pyramid may stand on."""

from __future__ import annotations

from torch import nn

from .efficientnet import EfficientNetLite
from .timm_encoder import PREFIX, TimmEncoder


def make_encoder(name: str, in_channels: int = 1) -> nn.Module:
    """Build an encoder with fresh weights.

    Args:
        name: a key of :data:`CAMLocalizerLib.networks.efficientnet.VARIANTS`, or ``timm:NAME`` for a network of timm.
        in_channels: channels of the images, 1 or 3.

    Returns:
        A module that gives the maps of strides 2, 4, 8 and 16 of images in 0..1; ``channels`` are theirs.

    Raises:
        ValueError: an unknown name, or a number of channels that the encoder does not take.
        ModelError: a network of timm that cannot be used.
    """
    if name.startswith(PREFIX):
        return TimmEncoder(name.removeprefix(PREFIX), in_channels)
    return EfficientNetLite(name, in_channels)
