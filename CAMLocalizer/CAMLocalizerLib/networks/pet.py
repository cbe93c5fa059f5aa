"""The eight-layer networks for PET projections, and the fully convolutional variant."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .gap_classifier import GAPClassifier, convolution, require_channels

PET_CHANNELS = (8, 16, 16, 32, 32, 64, 64, 128)
PET_LAYERS = 8
PET_STRIDE = 16
POOLED_GAIN = 16.0
STRIDED_LAYER = 0  # full-size maps would cost more than all other layers together
POOLED_AFTER = (1, 2, 4)  # 1/4, 1/8, 1/16 of the input
STRIDED_LAYERS = (0, 2, 3, 5)  # of the fully convolutional network: the same sizes without pooling


class PETNetwork(GAPClassifier):
    """Eight convolution layers, global average pooling and one linear layer; maps of 1/16 of the input.

    The paper states the number of layers, the pooling and the size of the maps. Implementation choices that it does not
    specify: kernels are 3x3 with batch normalisation and ReLU, layer 1 has a stride of 2, max pooling follows layers 2,
    3 and 5, and channels increase from 8 to 128. This is small enough for whole-body projections at 2 mm on a CPU, and
    the receptive field of a cell is 314 mm. One network processes both projections, as drawn in Fig. 2. The averages
    are multiplied by 16 before the linear layer, because a tumour fills one or two of 544 cells, and training would
    otherwise take very long to reach sufficiently large weights. The maps are the same up to this factor.

    Args:
        in_channels: channels of the input image, at least 1.
        classes: number of output classes, at least 1.
        channels: channels of the eight layers.

    Raises:
        ValueError: a wrong number of channels.

    Source:
        Amyar et al., Weakly Supervised PET Tumor Detection Using Class Response, 2020, sections 2 and 2.2.
    """

    def __init__(self, in_channels: int = 1, classes: int = 2, channels: Sequence[int] = PET_CHANNELS) -> None:
        widths = require_channels("the PET network", channels, PET_LAYERS)
        layers: list[nn.Module] = []
        for index, (before, after) in enumerate(zip((in_channels, *widths[:-1]), widths, strict=True)):
            layers += convolution(before, after, stride=2 if index == STRIDED_LAYER else 1, batch_norm=True)
            if index in POOLED_AFTER:
                layers.append(nn.MaxPool2d(2))
        super().__init__(nn.Sequential(*layers), widths[-1], classes, PET_STRIDE)

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, in_channels, H, W); returns logits (N, classes)."""
        return self.head(POOLED_GAIN * self.features(images).mean((2, 3)))


class PETFullyConvolutional(GAPClassifier):
    """Fully convolutional variant without pooling: a class response in every cell, and their soft maximum.

    Interpretation of the paper: it calls this row "CAMs & FCNs" and says that networks "are first converted to FCNs to
    produce class response maps in a single forward pass". A linear layer after average pooling already equals the
    average of such responses, so the difference must be elsewhere. Here strided convolutions replace pooling, the
    linear layer (a 1x1 convolution) classifies each cell, and the responses are combined by log-sum-exp, as in weakly
    supervised fully convolutional networks, so that a single cell can determine the result. It has the same eight
    layers and channels as `PETNetwork`, and the same maps: class weights times features.

    Args:
        in_channels: channels of the input image, at least 1.
        classes: number of output classes, at least 1.
        channels: channels of the eight layers.
        sharpness: r of log-sum-exp, positive; the limit is the average for 0 and the maximum for infinity.

    Raises:
        ValueError: a wrong number of channels, or a sharpness that is not positive.

    Source:
        Amyar et al. 2020, sections 1 and 4; Pinheiro and Collobert, From Image-level to Pixel-level Labeling with
        Convolutional Networks, CVPR 2015, Eq. 1; Springenberg et al., Striving for Simplicity, ICLR workshop 2015.
    """

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 2,
        channels: Sequence[int] = PET_CHANNELS,
        sharpness: float = 4.0,
    ) -> None:
        if sharpness <= 0:
            raise ValueError(f"sharpness of the soft maximum must be positive, got {sharpness}")
        widths = require_channels("the fully convolutional PET network", channels, PET_LAYERS)
        layers: list[nn.Module] = []
        for index, (before, after) in enumerate(zip((in_channels, *widths[:-1]), widths, strict=True)):
            stride = 2 if index in STRIDED_LAYERS else 1
            layers += convolution(before, after, stride=stride, batch_norm=True)
        super().__init__(nn.Sequential(*layers), widths[-1], classes, PET_STRIDE)
        self.sharpness = sharpness

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, in_channels, H, W); returns logits (N, classes)."""
        responses = self.head(self.features(images).permute(0, 2, 3, 1)).flatten(1, 2)  # (N, h * w, classes)
        cells = torch.logsumexp(self.sharpness * responses, dim=1)
        return (cells - math.log(responses.shape[1])) / self.sharpness
