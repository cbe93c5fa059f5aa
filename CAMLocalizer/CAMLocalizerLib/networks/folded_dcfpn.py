"""DC-FPN for inference: the same function with fewer, larger layers and no normalisation."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .dcfpn import DCFPN
from .feature_pyramid import DecoderStage, require_divisible
from .pooled_head import fold_head, frozen, norm_affine

BORDER = ((0, 0), (2, -1))  # tap of a 3x3 kernel outside the image, and the row or column of pixels where it is


@dataclass(frozen=True, eq=False)
class DecoderTrace:
    """Maps of a forward pass that the gradients of the decoder need.

    Args:
        features: scale to last map (N, C, h, w), as returned by `DCFPN.features`.
        hidden: scale to the map before the last convolution (N, C, h, w), without the coarsest scale.
    """

    features: Mapping[int, Tensor]
    hidden: Mapping[int, Tensor]


class FoldedDecoderStage(nn.Module):
    r"""A `DecoderStage` folded into fewer convolutions, exact also at the border.

    Transposed convolution U, concatenation with the skip connection, normalisation (a, b) and convolution W are
    linear up to the first ReLU, so they are split by their input:

    .. math:: W [a\,(s, U c) + b] = (W a)_s s + (W a\,U)_c c + W b

    - s, the skip connection: one 3x3 convolution.
    - c, the coarse map: the 2x2 transposed and the 3x3 plain convolution combine to one 4x4 transposed convolution of
      stride 2. Upsampled cells outside the border come from coarse cells outside the border, both zero, so the result
      is exact.
    - W b is constant except for the outermost pixels, where zero padding hides some of W's taps; the hidden taps are
      subtracted there.

    Args:
        stage: the stage to fold, with its running statistics.
    """

    def __init__(self, stage: DecoderStage) -> None:
        super().__init__()
        join = fuse_conv_bn_eval(stage.block[0][0], stage.block[0][1])  # type: ignore[index]
        weight, bias = join.weight.detach().double(), join.bias.detach().double()
        dtype, skips = join.weight.dtype, weight.shape[1] - stage.up.out_channels
        scale, shift = norm_affine(stage.norm)
        up = stage.up.weight.detach().double() * scale[skips:, None, None]  # (C_in, C, 2, 2)
        up_bias = 0 if stage.up.bias is None else stage.up.bias.detach().double()
        shift[skips:] += scale[skips:] * up_bias
        hidden_taps = torch.einsum("ocyx,c->oyx", weight, shift)
        self.skip = nn.Conv2d(skips, weight.shape[0], 3, padding=1)
        self.up = nn.ConvTranspose2d(up.shape[0], weight.shape[0], 4, stride=2, padding=1, bias=False)
        self.last = fuse_conv_bn_eval(stage.block[1][0], stage.block[1][1])  # type: ignore[index]
        self.skip.weight = frozen(weight[:, :skips] * scale[:skips, None, None], dtype)
        self.skip.bias = frozen(bias + hidden_taps.sum((1, 2)), dtype)
        self.up.weight = frozen(_compose(up, weight[:, skips:]), dtype)
        self.taps: Tensor
        self.register_buffer("taps", hidden_taps.to(dtype))

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Join a coarse map (N, C_in, H/2, W/2) with the encoder's map (N, C, H, W); returns (N, C, H, W)."""
        return self.finish(self.join(coarse, skip))

    def join(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Compute the map after the first ReLU (N, C, H, W)."""
        joined = self.skip(skip).add_(self.up(coarse))
        return self._take_off_hidden_taps(joined).relu_()

    def finish(self, hidden: Tensor) -> Tensor:
        """Compute the stage's last map (N, C, H, W) from the map after the first ReLU."""
        return self.last(hidden).relu_()

    def _take_off_hidden_taps(self, joined: Tensor) -> Tensor:
        taps = self.taps.to(joined.dtype)  # (C, 3, 3)
        for tap, pixel in BORDER:
            joined[:, :, pixel, :] -= taps[:, tap, :].sum(1)[:, None]
            joined[:, :, :, pixel] -= taps[:, :, tap].sum(1)[:, None]
        for (row_tap, row), (column_tap, column) in product(BORDER, BORDER):
            joined[:, :, row, column] += taps[:, row_tap, column_tap]  # subtracted twice, in a row and a column
        return joined


class FoldedDCFPN(nn.Module):
    """A trained DC-FPN for inference: the same logits and maps, up to rounding, in about 0.6 of the time.

    Args:
        network: the network to fold; it is not changed and shares no memory with the result.

    Source:
        See `DCFPN`; folding as in `fold_batch_norm` and `FoldedDecoderStage`.
    """

    cam_layers = DCFPN.cam_layers
    strides = DCFPN.strides

    def __init__(self, network: DCFPN) -> None:
        super().__init__()
        source = copy.deepcopy(network).eval()
        self.dense, self.head_scales = source.dense, source.head_scales
        self.pool = nn.MaxPool2d(2)
        self.encoder1 = _fold_block(source.encoder1)
        self.encoder2 = _fold_block(source.encoder2)
        self.encoder3 = _fold_block(source.encoder3)
        self.scale4 = _fold_block(source.scale4)
        self.scale3 = FoldedDecoderStage(source.scale3)
        self.scale2 = FoldedDecoderStage(source.scale2)
        self.scale1 = FoldedDecoderStage(source.scale1)
        self.head = fold_head(source.norms, source.head)

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, in_channels, H, W), H and W multiples of 8; returns logits (N, classes)."""
        return self.classify(self.features(images))

    def features(self, images: Tensor) -> dict[int, Tensor]:
        """Compute the last map of every scale; see `DCFPN.features`."""
        map4, (skip3, skip2, skip1) = self._encode(images)
        map3 = self.scale3(map4, skip3)
        map2 = self.scale2(map3, skip2)
        return {1: self.scale1(map2, skip1), 2: map2, 3: map3, 4: map4}

    def trace(self, images: Tensor) -> DecoderTrace:
        """Compute the last map of every scale and the decoder's hidden maps, images as in `forward`."""
        coarse, skips = self._encode(images)
        features: dict[int, Tensor] = {4: coarse}
        hidden: dict[int, Tensor] = {}
        for scale, stage, skip in zip((3, 2, 1), (self.scale3, self.scale2, self.scale1), skips, strict=True):
            hidden[scale] = stage.join(features[scale + 1], skip)
            features[scale] = stage.finish(hidden[scale])
        return DecoderTrace(features, hidden)

    def _encode(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """Compute scale 4's map and the skip connections of scales 3, 2 and 1."""
        require_divisible(images)
        encoded1 = self.encoder1(images)
        encoded2 = self.encoder2(self.pool(encoded1))
        encoded3 = self.encoder3(self.pool(encoded2))
        return self.scale4(self.pool(encoded3)), (encoded3, encoded2, encoded1)

    def classify(self, features: Mapping[int, Tensor]) -> Tensor:
        """Classify the maps of `features`: average, concatenate, linear layer; returns logits (N, classes).

        Averages and logits are at least float32 for any dtype of the maps.
        """
        precise = torch.promote_types(features[1].dtype, torch.float32)
        pooled = torch.cat([features[scale].mean((2, 3), dtype=precise) for scale in self.head_scales], dim=1)
        return self.head(pooled)


def _fold_block(block: nn.Sequential) -> nn.Sequential:
    layers: list[nn.Module] = []
    for step in block:  # convolution, normalisation, ReLU
        layers += [fuse_conv_bn_eval(step[0], step[1]), nn.ReLU(inplace=True)]  # type: ignore[index]
    return nn.Sequential(*layers)


def _compose(up: Tensor, weight: Tensor) -> Tensor:
    """Compose a 2x2 stride-2 transposed convolution (I, C, 2, 2) with a 3x3 one (O, C, 3, 3) into (I, O, 4, 4)."""
    composed = up.new_zeros(up.shape[0], weight.shape[0], 4, 4)
    for row, column in product(range(3), range(3)):
        part = torch.einsum("icyx,oc->ioyx", up, weight[:, :, row, column])
        composed[:, :, 2 - row : 4 - row, 2 - column : 4 - column] += part
    return composed
