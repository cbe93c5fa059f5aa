"""DC-FPN: the densely connected feature pyramid network of PG-CAM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from .feature_pyramid import SCALES, FeaturePyramid


class DCFPN(FeaturePyramid):
    """Encoder-decoder classifier whose classification layer uses the decoder maps of all four scales.

    It has 22 convolution layers: three in each of the encoder's scales 1 to 3, four at scale 4, and one transposed and
    two plain convolutions in each of the three decoder stages. Scale 1 is the finest (the input's resolution), scale 4
    has an eighth of it. The network is fully convolutional: height and width are any multiples of 8.

    Implementation choices that the paper does not specify:

    - The paper states the number of layers and scales, but not their distribution, kernels or channels. Kernels are 3x3
      (2x2 with stride 2 for upsampling), and channels double with each scale.
    - The dense connection upsamples the last map of every scale to the finest one, where the maps are concatenated,
      batch-normalised and averaged. The paper does not state the upsampling method; nearest neighbour adds no
      parameters and keeps the head linear in every scale's map. Since it repeats every coarse cell equally often, it
      commutes with normalising and averaging, so each scale is normalised (`norms`) and averaged at its own resolution,
      which gives the same values with less memory. In training only the running variance differs, by the factor of its
      unbiased estimate for the smaller number of cells.
    - Batch normalisation directly follows every concatenation, in the head and in each skip connection.

    Args:
        in_channels: channels of the input image, at least 1.
        classes: number of output classes, at least 1.
        channels: channels of the four scales, finest first.
        dense: False for the ablation without dense connection, which classifies only scale 1.

    Raises:
        ValueError: `channels` does not have four values.

    Source:
        PG-CAM (Lee et al., 2018), sections 2.1 and 4.2, Fig. 1 and Table 1: 22 layers, four scales of 224, 112, 56
        and 28 pixels, dense connection, batch normalisation directly after concatenation, GAP, fully connected.
    """

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 4,
        channels: Sequence[int] = (16, 32, 64, 128),
        dense: bool = True,
    ) -> None:
        super().__init__(in_channels, channels)
        self.dense = dense
        pooled = tuple(channels) if dense else (channels[0],)
        self.norms = nn.ModuleList(nn.BatchNorm2d(count) for count in pooled)
        self.head = nn.Linear(sum(pooled), classes)

    @property
    def head_scales(self) -> tuple[int, ...]:
        """Scales that the classification layer averages, in the order of its inputs."""
        return SCALES if self.dense else SCALES[:1]

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, in_channels, H, W), H and W multiples of 8; returns logits (N, classes)."""
        return self.classify(self.features(images))

    def classify(self, features: Mapping[int, Tensor]) -> Tensor:
        """Classify maps of `features`: normalise, average, concatenate, linear layer; returns logits (N, classes)."""
        pooled = [norm(features[scale]).mean((2, 3)) for scale, norm in zip(self.head_scales, self.norms, strict=True)]
        return self.head(torch.cat(pooled, dim=1))
