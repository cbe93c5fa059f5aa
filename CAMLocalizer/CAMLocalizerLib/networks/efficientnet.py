"""EfficientNet-Lite: an encoder with ImageNet weights for feature pyramids."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from .pooled_head import frozen

NORM_EPSILON = 1e-3
IMAGE_MEAN, IMAGE_SCALE = 127 / 255, 255 / 128  # of images in 0..1, as the ImageNet weights were trained
FIRST_CHANNELS = 32
LAST_STRIDE = 16
CHANNEL_MULTIPLE = 8


@dataclass(frozen=True)
class Stage:
    """Inverted residual blocks of one stage: blocks, kernel, stride of the first block, expansion, output channels."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


# EfficientNet-B0 up to stride 16; the first and last stage of the whole network have the same depth in every variant.
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
)
# Width and depth relative to B0.
VARIANTS = {"efficientnet-lite0": (1.0, 1.0), "efficientnet-lite1": (1.0, 1.1), "efficientnet-lite2": (1.1, 1.2)}


def _convolution(inputs: int, outputs: int, kernel: int = 1, *, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """Return a convolution and its normalisation; with stride 2 the odd pixel of padding is at the right and bottom.

    This is TensorFlow's padding, with which the weights were trained: output cell i is centred on input cell 2 i + 1.
    """
    before, after = kernel // 2 - 1, kernel // 2
    strided = [nn.ZeroPad2d((before, after, before, after))] if stride > 1 else []
    padding = 0 if strided else kernel // 2
    convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, groups=groups, bias=False)
    return [*strided, convolution, nn.BatchNorm2d(outputs, eps=NORM_EPSILON)]


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; the input is added if the shape is unchanged.

    Source:
        MobileNetV2 (Sandler et al., CVPR 2018), Fig. 3; without squeeze and excitation and with ReLU6, as
        EfficientNet-Lite.
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        expand = [*_convolution(inputs, hidden), nn.ReLU6()] if expansion > 1 else []
        depthwise = [*_convolution(hidden, hidden, kernel, stride=stride, groups=hidden), nn.ReLU6()]
        self.layers = nn.Sequential(*expand, *depthwise, *_convolution(hidden, outputs))
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, image: Tensor) -> Tensor:
        """Compute (N, outputs, h, w) from (N, inputs, H, W)."""
        return image + self.layers(image) if self.shortcut else self.layers(image)


class EfficientNetLite(nn.Module):
    """The encoder of EfficientNet-Lite0, -Lite1 or -Lite2 up to stride 16.

    Because of the padding, cell i of a map of stride s is centred on pixel s i + s - 1, not in the middle of s pixels.

    Args:
        name: a key of `VARIANTS`.
        in_channels: channels of the images; a single channel is used as red, green and blue.

    Raises:
        ValueError: an unknown name, or channels other than 1 or 3.

    Source:
        EfficientNet (Tan and Le, ICML 2019), Table 1; EfficientNet-Lite (Liu, 2020): no squeeze and excitation,
        ReLU6, first and last stage and first convolution not scaled.
    """

    def __init__(self, name: str = "efficientnet-lite0", in_channels: int = 1) -> None:
        super().__init__()
        if name not in VARIANTS:
            raise ValueError(f"encoder must be one of {', '.join(VARIANTS)}, got {name!r}")
        if in_channels not in (1, 3):
            raise ValueError(f"an encoder needs images of 1 or 3 channels, got {in_channels}")
        width, depth = VARIANTS[name]
        counts = [_scaled_channels(stage.channels, width) for stage in STAGES]
        self.name, self.in_channels = name, in_channels
        self.stem = nn.Sequential(*_convolution(3, FIRST_CHANNELS, 3, stride=2), nn.ReLU6())
        self.stages = nn.ModuleList(
            _stage(inputs, outputs, stage, 1 if index == 0 else math.ceil(depth * stage.blocks))
            for index, (stage, (inputs, outputs)) in enumerate(
                zip(STAGES, pairwise([FIRST_CHANNELS, *counts]), strict=True)
            )
        )

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the maps of strides 2, 4, 8 and 16; the last one includes both stages of that resolution."""
        counts = [stage[-1].layers[-1].num_features for stage in self.stages]  # type: ignore[index]
        return (*counts[:3], counts[3] + counts[4])

    def forward(self, images: Tensor) -> list[Tensor]:
        """Compute maps of strides 2, 4, 8 and 16 of images (N, in_channels, H, W) in 0..1, sides multiples of 16."""
        image = (images - IMAGE_MEAN) * IMAGE_SCALE
        image = self.stem(image.expand(-1, self._stem_convolution.in_channels, -1, -1))
        maps = []
        for stage in self.stages:
            image = stage(image)
            maps.append(image)
        return [*maps[:3], torch.cat(maps[3:], dim=1)]

    def fold_colours(self) -> None:
        """For images of one channel, sum the weights of red, green and blue in place, for inference."""
        stem = self._stem_convolution
        if self.in_channels == 1:
            stem.weight = frozen(stem.weight.detach().double().sum(1, keepdim=True), stem.weight.dtype)
            stem.in_channels = 1

    @property
    def _stem_convolution(self) -> nn.Conv2d:
        return next(layer for layer in self.stem if isinstance(layer, nn.Conv2d))


def _stage(inputs: int, outputs: int, stage: Stage, blocks: int) -> nn.Sequential:
    options = {"kernel": stage.kernel, "expansion": stage.expansion}
    first = InvertedResidual(inputs, outputs, stride=stage.stride, **options)
    return nn.Sequential(first, *(InvertedResidual(outputs, outputs, stride=1, **options) for _ in range(blocks - 1)))


def _scaled_channels(channels: int, width: float) -> int:
    """Scale a number of channels to the nearest multiple of 8 that is at least 90 % of the scaled value."""
    scaled = channels * width
    nearest = max(CHANNEL_MULTIPLE, int(scaled + CHANNEL_MULTIPLE / 2) // CHANNEL_MULTIPLE * CHANNEL_MULTIPLE)
    return nearest + CHANNEL_MULTIPLE if nearest < 0.9 * scaled else nearest
