"""EncoderClassifier: a pretrained encoder with average pooling and one linear layer, as CAM requires."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from torch import Tensor, nn

from .efficientnet import LAST_STRIDE
from .encoders import make_encoder
from .feature_pyramid import convolution_block, require_divisible


class EncoderFeatures(nn.Module):
    """The encoder's coarsest map followed by one convolution, as at the end of EfficientNet.

    Args:
        encoder: name of the encoder, see `make_encoder`.
        in_channels: channels of the images, 1 or 3.
        channels: channels of the last convolution.

    Raises:
        ValueError: an unknown encoder, or an invalid number.
        ModelError: a timm network that cannot be used.
    """

    def __init__(self, encoder: str, in_channels: int, channels: int) -> None:
        super().__init__()
        self.encoder = make_encoder(encoder, in_channels)
        self.last = convolution_block(self.encoder.channels[-1], channels, kernel=1)  # type: ignore[arg-type, index]

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, in_channels, H, W) in 0..1, sides multiples of 16, to (N, channels, H / 16, W / 16)."""
        require_divisible(images, LAST_STRIDE)
        return self.last(self.encoder(images)[-1])


class EncoderClassifier(nn.Module):
    """A published encoder up to stride 16, a 1x1 convolution, global average pooling and one linear layer.

    ``CAM(network, "features", "head")`` computes its maps. Unlike the complete EfficientNet-Lite, it omits the stages
    of stride 32, so that the maps have 1/16 of the image's size.

    Because of TensorFlow's padding, cell i of the maps is centred on pixel 16 i + 15, see `EfficientNetLite`; the
    position may differ for timm encoders.

    Args:
        in_channels: channels of the images, 1 or 3; a single channel is used as red, green and blue.
        classes: number of output classes, at least 1.
        encoder: name of the encoder, see `make_encoder`.
        channels: channels of the last convolution, at least 1.

    Raises:
        ValueError: an unknown encoder, or an invalid number.
        ModelError: a timm network that cannot be used.

    Source:
        EfficientNet (Tan and Le, ICML 2019), Table 1, for the last convolution, pooling and linear layer; Zhou et al.,
        Learning Deep Features for Discriminative Localization, CVPR 2016, section 2.
    """

    cam_layers: Mapping[int, str] = MappingProxyType({1: "features"})
    strides: Mapping[int, int] = MappingProxyType({1: LAST_STRIDE})
    offsets: Mapping[int, float] = MappingProxyType({1: LAST_STRIDE - 1.0})

    def __init__(
        self, in_channels: int = 1, classes: int = 2, encoder: str = "efficientnet-lite0", channels: int = 256
    ) -> None:
        super().__init__()
        if min(classes, channels) < 1:
            raise ValueError(f"classes and channels must be at least 1, got {classes} and {channels}")
        self.features = EncoderFeatures(encoder, in_channels, channels)
        self.head = nn.Linear(channels, classes)

    @property
    def encoder(self) -> nn.Module:
        """The encoder, to load its weights."""
        return self.features.encoder

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, in_channels, H, W) in 0..1, sides multiples of 16; returns logits (N, classes)."""
        return self.head(self.features(images).mean((2, 3)))
