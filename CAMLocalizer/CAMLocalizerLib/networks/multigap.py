"""Multi-GAP: a feature pyramid with one global average pooling and one classifier at each scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from .feature_pyramid import SCALES, FeaturePyramid


class MultiGAP(FeaturePyramid):
    r"""DC-FPN's encoder and decoder with a separate classifier branch for each scale instead of one last layer.

    .. math:: y_c = \frac{1}{4} \sum_{p=1}^{4} \left(w_{pc} \cdot GAP(f_p) + b_{pc}\right)

    where f_p are the maps of scale p. It has the same 22 convolution layers, scales and names as `DCFPN`.

    Implementation choices that the papers do not specify:

    - The cited Multi-GAP CAM is assumed to be the network of Feng et al., which pools maps of several depths and
      classifies them together.
    - The branches' logits are averaged and trained together with one softmax cross-entropy. The average is the same
      function as one dense layer on all pooled maps, and keeps the scale of the logits.
    - Without dense connection nothing is concatenated, so no branch has batch normalisation.
    - With dense connection, branch p uses the maps of its own and all coarser scales (the direction of the dense
      connection in `DCFPN`), concatenated, batch-normalised and pooled. As there, each map is normalised and pooled at
      its own resolution, which is equivalent to upsampling it by nearest neighbour first.
    - Pooling and one linear layer are linear in every map, so the dense connection of `DCFPN` is also such a sum over
      scales; it differs from Multi-GAP without dense connection only in the batch normalisation before pooling.

    Args:
        in_channels: channels of the input image, at least 1.
        classes: number of output classes, at least 1.
        channels: channels of the four scales, finest first.
        dense: whether a branch also uses coarser scales.

    Raises:
        ValueError: `channels` does not have four values.

    Source:
        Multi-GAP CAM in PG-CAM (Lee et al., 2018), Table 1 and section 3.2; Feng et al., Discriminative Localization in
        CNNs for Weakly-Supervised Segmentation of Pulmonary Nodules, MICCAI 2017.
    """

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 4,
        channels: Sequence[int] = (16, 32, 64, 128),
        dense: bool = False,
    ) -> None:
        super().__init__(in_channels, channels)
        self.dense = dense
        self.branches = nn.ModuleDict(
            {str(scale): _Branch([channels[seen - 1] for seen in self.seen(scale)], classes, dense) for scale in SCALES}
        )

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, in_channels, H, W), H and W multiples of 8; returns logits (N, classes)."""
        return self.classify(self.features(images))

    def seen(self, scale: int) -> tuple[int, ...]:
        """Return the scales whose maps the branch of a scale uses, its own first."""
        return SCALES[SCALES.index(scale) :] if self.dense else (scale,)

    def classify(self, features: Mapping[int, Tensor]) -> Tensor:
        """Classify the maps of `features`: pool, linear layer, average over branches; returns logits (N, classes)."""
        logits = [branch([features[seen] for seen in self.seen(int(key))]) for key, branch in self.branches.items()]
        return torch.stack(logits).mean(0)

    def map_weights(self) -> dict[int, Tensor]:
        """Return the weights of all maps in the logits, including normalisation with its running statistics.

        Returns:
            Scale to weights (classes, channels of the scale): in evaluation mode the logits are their products with
            the maps' averages, summed over scales, plus a constant.
        """
        totals: dict[int, Tensor] = {}
        for scale in SCALES:
            for seen, weights in zip(self.seen(scale), self._branch(scale).map_weights(), strict=True):
                totals[seen] = totals.get(seen, 0) + weights / len(SCALES)
        return totals

    def _branch(self, scale: int) -> _Branch:
        branch = self.branches[str(scale)]
        assert isinstance(branch, _Branch)
        return branch


class _Branch(nn.Module):
    """Pooling and classifier of one scale: maps of several scales to logits."""

    def __init__(self, channels: Sequence[int], classes: int, dense: bool) -> None:
        super().__init__()
        self.channels = tuple(channels)
        self.norms = nn.ModuleList(nn.BatchNorm2d(count) if dense else nn.Identity() for count in channels)
        self.head = nn.Linear(sum(channels), classes)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        pooled = [norm(each).mean((2, 3)) for norm, each in zip(self.norms, maps, strict=True)]
        return self.head(torch.cat(pooled, dim=1))

    def map_weights(self) -> list[Tensor]:
        """Return the weights (classes, channels) of each map in the branch's logits, in evaluation mode."""
        parts = self.head.weight.detach().split(self.channels, dim=1)
        return [weights * _slope(norm) for weights, norm in zip(parts, self.norms, strict=True)]


def _slope(norm: nn.Module) -> Tensor | float:
    """Return the factor (channels,) by which a normalisation in evaluation mode scales a map."""
    if not isinstance(norm, nn.BatchNorm2d):
        return 1.0
    assert norm.running_var is not None
    return norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
