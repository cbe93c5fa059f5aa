"""TimmEncoder: any network of the timm library as an encoder; needs timm."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..core import ModelError

PREFIX = "timm:"
STRIDES = (2, 4, 8, 16)
IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class TimmEncoder(nn.Module):
    """The maps of strides 2, 4, 8 and 16 of a timm network.

    Args:
        name: name of a timm network with maps of these strides, such as ``resnet18``.
        in_channels: channels of the images; a single channel is used as red, green and blue.

    Raises:
        ValueError: channels other than 1 or 3.
        ModelError: timm is not installed, does not know the network, or the network lacks one of the strides.
    """

    def __init__(self, name: str, in_channels: int = 1) -> None:
        super().__init__()
        if in_channels not in (1, 3):
            raise ValueError(f"an encoder needs images of 1 or 3 channels, got {in_channels}")
        self.name, self.in_channels = PREFIX + name, in_channels
        self.model = create_timm_model(name)
        published = getattr(self.model, "pretrained_cfg", None) or {}
        self.mean: Tensor
        self.sd: Tensor
        for kind, values in (
            ("mean", published.get("mean", IMAGENET_MEAN)),
            ("sd", published.get("std", IMAGENET_SD)),
        ):
            self.register_buffer(kind, torch.tensor(values)[:, None, None], persistent=False)

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the maps of strides 2, 4, 8 and 16."""
        return tuple(self.model.feature_info.channels())  # type: ignore[union-attr,operator]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Compute maps of strides 2, 4, 8 and 16 of images (N, in_channels, H, W) in 0..1, sides multiples of 16."""
        return list(self.model(((images - self.mean) / self.sd).expand(-1, 3, -1, -1)))


def create_timm_model(name: str, *, pretrained: bool = False) -> nn.Module:
    """Build a timm network that returns its maps of strides 2, 4, 8 and 16.

    Args:
        name: name of the network in timm.
        pretrained: use timm's pretrained weights, which it downloads.

    Raises:
        ModelError: timm is not installed, does not know the network or cannot download its weights, or the network
            lacks one of the strides.
    """
    timm = _import_timm()
    reductions = list(_created(timm, name).feature_info.reduction())
    if missing := [stride for stride in STRIDES if stride not in reductions]:
        raise ModelError(
            f"timm network {name!r} has maps of strides {reductions} and lacks {missing}; choose another network"
        )
    last = {stride: index for index, stride in enumerate(reductions)}
    return _created(timm, name, out_indices=tuple(last[stride] for stride in STRIDES), pretrained=pretrained)


def _import_timm() -> Any:
    try:
        import timm
    except (ImportError, OSError, RuntimeError) as error:  # the latter two with a wrong torchvision
        raise ModelError(
            f"encoders {PREFIX}NAME need the timm library, which cannot be imported ({error}): pip install timm"
        ) from error
    return timm


def _created(timm: Any, name: str, **options: Any) -> Any:
    try:
        return timm.create_model(name, features_only=True, **options)
    except Exception as error:  # timm and its downloads raise errors of many kinds
        raise ModelError(f"timm cannot build {name!r} as an encoder: {error}") from error
