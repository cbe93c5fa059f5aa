"""EncoderDCFPN: DC-FPN on a published, optionally pretrained encoder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from .encoders import make_encoder
from .feature_pyramid import SCALES, DecoderStage, convolution_block, require_divisible
from .pooled_head import PreciseLinear, fold_head
from .timm_encoder import STRIDES

SIZE_MULTIPLE = STRIDES[-1]


class EncoderDCFPN(nn.Module):
    r"""DC-FPN with a published encoder, whose last feature maps are used only by the head.

    Scale 4 starts from the encoder's map of stride 16; each finer scale upsamples the coarser one and joins it with the
    encoder's map of its stride, as in `DCFPN`. Another 3x3 convolution computes the scale's last feature map f_p, which
    is used only by the head: batch normalisation, global average pooling, one linear layer for all scales. A class
    score is therefore linear in the averages of f_p, and the weights of Grad-CAM do not depend on the image:

    .. math:: \frac{1}{A_p} \sum_{ij} \frac{\partial y_c}{\partial f_{pk}(i, j)} = \frac{W'_{cpk}}{A_p}, \quad
              W'_{cpk} = W_{cpk} \frac{\gamma_{pk}}{\sqrt{\sigma^2_{pk} + \epsilon}}

    where A_p is the number of cells of scale p. `channel_weights` returns W', `class_maps` the sums W' f.

    With `attention`, the average of each scale is weighted by the softmax over its cells of the class map defined by
    `attention`, which is treated as a constant. A small tumour then has the same weight as a large one. The weights sum
    to 1, so the mean gradient over the cells, which Grad-CAM uses, is the same as above.

    The network is fully convolutional: height and width are any multiples of 16. Cell i of a scale of stride s
    corresponds to the pixels s i to s i + s - 1. The encoder's cells lie up to half a cell further right and down; the
    decoder learns this offset from losses with tumour positions.

    Args:
        in_channels: channels of the images, 1 or 3; a single channel is used as red, green and blue.
        classes: number of output classes, at least 1.
        encoder: name of the encoder, see `make_encoder`.
        channels: channels of the decoder's four scales, finest first.
        last_channels: channels of each scale's last feature map.
        mirror: additional input for scales 3 and 4: how far the encoder's map exceeds the map mirrored left to right.
            Organs are nearly symmetric, tumours are not.
        attention: weight of each class in the attention map, such as (-1, 0.5, 0.5) for two types of tumour against
            none; empty for plain averages, as in the paper.

    Raises:
        ValueError: an unknown encoder, or a number that does not fit.
        ModelError: a network of timm that cannot be used.

    Source:
        PG-CAM (Lee et al., 2018), section 2.1, for the pyramid, the dense connection and the head. The encoder and the
        separate last maps are not from the paper.
    """

    cam_layers: Mapping[int, str] = MappingProxyType({scale: f"last.{scale - 1}" for scale in SCALES})
    strides: Mapping[int, int] = MappingProxyType(dict(zip(SCALES, STRIDES, strict=True)))

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 4,
        encoder: str = "efficientnet-lite0",
        channels: Sequence[int] = (16, 32, 48, 96),
        last_channels: int = 16,
        mirror: bool = False,
        attention: Sequence[float] = (),
    ) -> None:
        super().__init__()
        if len(channels) != len(SCALES):
            raise ValueError(f"DC-FPN has {len(SCALES)} scales, got channels for {len(channels)}: {tuple(channels)}")
        if min(*channels, last_channels, classes) < 1:
            raise ValueError(
                f"channels, last_channels and classes must be at least 1, got {tuple(channels)}, {last_channels} and "
                f"{classes}"
            )
        if attention and len(attention) != classes:
            raise ValueError(f"attention must have a weight for each of {classes} classes, got {tuple(attention)}")
        self.encoder = make_encoder(encoder, in_channels)
        self.attention = tuple(map(float, attention))
        self.mirror, self.last_channels, self.encoder_frozen = mirror, last_channels, False
        first, second, third, fourth = channels
        skip1, skip2, skip3, skip4 = self.encoder.channels  # type: ignore[misc]
        views = 2 if mirror else 1
        self.scale4 = nn.Sequential(
            nn.BatchNorm2d(views * skip4),
            *convolution_block(views * skip4, fourth, kernel=1),
            *convolution_block(fourth, fourth),
        )
        self.scale3 = DecoderStage(fourth, third, skip_channels=views * skip3)
        self.scale2 = DecoderStage(third, second, skip_channels=skip2)
        self.scale1 = DecoderStage(second, first, skip_channels=skip1)
        self.last = nn.ModuleList(convolution_block(count, last_channels) for count in channels)
        self.norms = nn.ModuleList(nn.BatchNorm2d(last_channels) for _ in SCALES)
        self.head = PreciseLinear(len(SCALES) * last_channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, in_channels, H, W) in 0..1, H and W multiples of 16; returns logits (N, classes)."""
        return self.classify(self.features(images))

    def features(self, images: Tensor) -> dict[int, Tensor]:
        """Compute the last feature map of every scale.

        Args:
            images: (N, in_channels, H, W) in 0..1, H and W multiples of 16.

        Returns:
            Scale to map (N, last_channels, H / stride, W / stride), at least 0, finest scale first.

        Raises:
            ValueError: height or width is not a multiple of 16.
        """
        require_divisible(images, SIZE_MULTIPLE)
        return self.features_of(self.encoder(images))

    def features_of(self, encoded: Sequence[Tensor], scales: Iterable[int] = SCALES) -> dict[int, Tensor]:
        """Compute last feature maps from the encoder's maps, so that the maps of a frozen encoder can be reused.

        Args:
            encoded: the encoder's maps of strides 2, 4, 8 and 16.
            scales: scales to return; finer scales are not computed.

        Returns:
            Scale to map (N, last_channels, h, w), finest scale first.
        """
        wanted = sorted(scales)
        skip1, skip2, skip3, top = encoded
        decoded = {4: self.scale4(self._mirrored(top))}
        skips = {3: self._mirrored(skip3), 2: skip2, 1: skip1} if wanted[0] < 4 else {}
        for scale, stage in ((3, self.scale3), (2, self.scale2), (1, self.scale1)):
            if scale >= wanted[0]:
                decoded[scale] = stage(decoded[scale + 1], skips[scale])
        return {scale: self.last[scale - 1](decoded[scale]) for scale in wanted}

    def classify(self, features: Mapping[int, Tensor]) -> Tensor:
        """Classify the maps of `features`: normalise, average, concatenate, linear layer; returns logits (N, classes).

        Averages and logits are at least float32 for any dtype of the maps.
        """
        weights = self.channel_weights() if self.attention else {}
        averages = [
            self._average(norm(features[scale]), features[scale], weights.get(scale))
            for scale, norm in zip(SCALES, self.norms, strict=True)
        ]
        return self.head(torch.cat(averages, dim=1))

    def _average(self, normalised: Tensor, maps: Tensor, weights: Tensor | None) -> Tensor:
        """Average maps (N, C, h, w) over their cells, unweighted or by attention; returns (N, C)."""
        precise = torch.promote_types(normalised.dtype, torch.float32)
        if weights is None:
            return normalised.mean((2, 3), dtype=precise)
        with torch.no_grad():
            followed = weights.new_tensor(self.attention)[None] @ weights  # (1, C)
            shares = _weighted(maps, followed).flatten(2).softmax(2)  # (N, 1, h w)
        return (normalised.flatten(2).to(precise) * shares).sum(2)

    def channel_weights(self) -> dict[int, Tensor]:
        """Return the weights of the last feature maps' averages in the logits, in evaluation mode.

        Returns:
            Scale to weights W' (classes, last_channels), at least float32, differentiable in head and normalisation.
            The logits are the products with the maps' averages, summed over scales, plus a constant.
        """
        precise = torch.promote_types(self.head.weight.dtype, torch.float32)
        parts = self.head.weight.to(precise).split(self.last_channels, dim=1)
        return {scale: part * _gain(norm) for scale, part, norm in zip(SCALES, parts, self.norms, strict=True)}

    def class_maps(self, features: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Compute the class map of every class from the last feature maps.

        Args:
            features: scale to map, for all or some scales.

        Returns:
            Scale to maps (N, classes, h, w), at least float32: Grad-CAM of every class before the ReLU, times the
            number of cells; differentiable in the maps, the head and the normalisation.
        """
        weights = self.channel_weights()
        return {scale: _weighted(maps, weights[scale]) for scale, maps in features.items()}

    def freeze_encoder(self) -> Self:
        """Exclude the encoder from training: no gradients, and fixed normalisation statistics."""
        self.encoder_frozen = True
        self.encoder.requires_grad_(False).eval()
        return self

    def train(self, mode: bool = True) -> Self:
        """Set training or evaluation mode; a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.encoder_frozen:
            self.encoder.eval()
        return self

    def fold_head(self) -> None:
        """Fold the maps' normalisation, with its running statistics, into the linear layer, in place."""
        self.head = fold_head(self.norms, self.head)
        self.norms = nn.ModuleList(nn.Identity() for _ in SCALES)

    def _mirrored(self, maps: Tensor) -> Tensor:
        """Append to maps (N, C, h, w) their positive difference to the mirrored maps; (N, 2 C, h, w) with `mirror`.

        The mirrored maps are max-pooled over neighbouring cells, as halves are never exactly symmetric.
        """
        if not self.mirror:
            return maps
        other = functional.max_pool2d(maps, 3, stride=1, padding=1).flip(-1)
        return torch.cat([maps, functional.relu(maps - other)], dim=1)


def _gain(norm: nn.Module) -> Tensor | float:
    """Return the factor (channels,) by which a normalisation in evaluation mode scales a map."""
    if not isinstance(norm, nn.BatchNorm2d):
        return 1.0  # folded
    assert norm.running_var is not None
    precise = torch.promote_types(norm.weight.dtype, torch.float32)
    return norm.weight.to(precise) / torch.sqrt(norm.running_var.to(precise) + norm.eps)


def _weighted(maps: Tensor, weights: Tensor) -> Tensor:
    precise = torch.promote_types(maps.dtype, torch.float32)
    return functional.conv2d(maps.to(precise), weights.to(precise)[:, :, None, None])
