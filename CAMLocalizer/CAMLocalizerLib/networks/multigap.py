"""Multi-GAP: a feature pyramid with one global average pooling and one classifier at each scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from .feature_pyramid import SCALES, FeaturePyramid


class MultiGAP(FeaturePyramid):
    r"""DC-FPN's encoder and decoder whose scales reach the classes through a branch each, not through one last layer.

    .. math:: y_c = \frac{1}{4} \sum_{p=1}^{4} \left(w_{pc} \cdot GAP(f_p) + b_{pc}\right)

    where f_p are the maps of scale p. The same 22 convolution layers, scales and names as in `DCFPN`.

    Our reading, where the papers leave freedom:

    - The cited Multi-GAP CAM is taken to be the network of Feng et al., which pools maps of several depths and
      classifies them together.
    - The branches' logits are averaged and one softmax cross-entropy trains them together. Averaging makes it the
      same function as one dense layer on all pooled maps, and keeps the size of the logits.
    - Without dense connection nothing is concatenated, so no branch has a batch normalisation.
    - With dense connection branch p sees the maps of its own and all coarser scales (the dense connection's
      direction in `DCFPN`), concatenated, batch-normalised and pooled. As there, each map is normalised and pooled at
      its own resolution, which is the same as enlarging it by nearest neighbour first.
    - Pooling and one linear layer are linear in every map, so the dense connection of `DCFPN` is itself such a sum
      over scales: what sets it apart from Multi-GAP without dense connection is the batch normalisation before
      pooling alone.

    Args:
        in_channels: channels of the input image, at least 1.
        classes: number of output classes, at least 1.
        channels: channels of the four scales, finest first.
        dense: whether a branch sees coarser scales too.

    Raises:
        ValueError: `channels` does not name four scales.

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
        """Classify images (N, in_channels, H, W), H and W multiples of 8; gives logits (N, classes)."""
        return self.classify(self.features(images))

    def seen(self, scale: int) -> tuple[int, ...]:
        """Scales whose maps the branch of a scale classifies, its own first."""
        return SCALES[SCALES.index(scale) :] if self.dense else (scale,)

    def classify(self, features: Mapping[int, Tensor]) -> Tensor:
        """Classify maps as `features` returns them: pool, weigh and average over the branches; logits (N, classes)."""
        logits = [branch([features[seen] for seen in self.seen(int(key))]) for key, branch in self.branches.items()]
        return torch.stack(logits).mean(0)

    def map_weights(self) -> dict[int, Tensor]:
        """Give the weight of every map in the logits, normalisation with its running statistics included.

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
        """Give the weights (classes, channels) of each map in the branch's logits, in evaluation mode."""
        parts = self.head.weight.detach().split(self.channels, dim=1)
        return [weights * _slope(norm) for weights, norm in zip(parts, self.norms, strict=True)]


def _slope(norm: nn.Module) -> Tensor | float:
    """Give the factor (channels,) by which a normalisation in evaluation mode stretches a map."""
    if not isinstance(norm, nn.BatchNorm2d):
        return 1.0
    assert norm.running_var is not None
    return norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
