"""Positions of the cells of a feature map in the image."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

Layer = tuple[int, int, int]


def first_cell(layers: Iterable[Layer]) -> float:
    """Return the pixel index of the receptive field's centre of the first cell of a map, the same along both axes.

    A convolution with odd kernel, stride 2 and symmetric padding centres its first cell on the first pixel, a 2x2
    pooling between the first two pixels, so the maps of a ResNet lie half a cell further up and left than those of a
    VGG. Resizing a map to the image usually ignores this offset, but back-projection must not.

    Args:
        layers: kernel size, stride and padding of each layer from the image to the map.

    Source:
        Receptive field arithmetic: Araujo, Norris, Sim, Computing Receptive Fields of Convolutional Neural Networks,
        Distill 2019, Eq. for the start of the region.
    """
    centre, jump = 0.0, 1
    for kernel, stride, padding in layers:
        centre += ((kernel - 1) / 2 - padding) * jump
        jump *= stride
    return centre


def sequence_layers(sequence: nn.Sequential) -> list[Layer]:
    """List kernel, stride and padding of the square convolutions and poolings of a plain sequence."""
    kinds = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
    return [
        (_one(layer.kernel_size), _one(layer.stride), _one(layer.padding))
        for layer in sequence.modules()
        if isinstance(layer, kinds)
    ]


def _one(size: object) -> int:
    return int(size[0]) if isinstance(size, tuple) else int(size)  # type: ignore[call-overload]
