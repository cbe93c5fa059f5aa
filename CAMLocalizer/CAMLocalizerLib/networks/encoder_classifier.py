"""EncoderClassifier: a pretrained encoder that ends as CAM wants it, with average pooling and one linear layer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from torch import Tensor, nn

from .efficientnet import LAST_STRIDE
from .encoders import make_encoder
from .feature_pyramid import convolution_block, require_divisible


class EncoderFeatures(nn.Module):
    """The encoder's coarsest map and one more convolution, as EfficientNet itself ends.

    Args:
        encoder: name of the encoder, see `make_encoder`.
        in_channels: channels of the images, 1 or 3.
        channels: channels of the last convolution.

    Raises:
        ValueError: an unknown encoder, or a number that does not fit.
        ModelError: a network of timm that cannot be used.
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

    ``CAM(network, "features", "head")`` maps its evidence. Unlike the whole EfficientNet-Lite it leaves out the
    stages of stride 32, so that the maps have a 16th of the image's side.

    Cell i of the maps is centred on pixel 16 i + 15, because of TensorFlow's padding, see `EfficientNetLite`; with an
    encoder of timm it may lie elsewhere.

    Args:
        in_channels: channels of the images, 1 or 3; one channel serves as red, green and blue alike.
        classes: number of output classes, at least 1.
        encoder: name of the encoder, see `make_encoder`.
        channels: channels of the last convolution, at least 1.

    Raises:
        ValueError: an unknown encoder, or a number that does not fit.
        ModelError: a network of timm that cannot be used.

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
        """The encoder, for its weights."""
        return self.features.encoder

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, in_channels, H, W) in 0..1, sides multiples of 16; gives logits (N, classes)."""
        return self.head(self.features(images).mean((2, 3)))
