"""Public classifiers for images of 32x32: as published, and with last feature maps of 16x16 and a CAM or SAM head."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from ..core import ModelError
from .sam import HEADS

Body = tuple[nn.Sequential, int]
VGG16_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
RESNET_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
RESNET_CHANNELS = (64, 128, 256, 512)
VGG_HIDDEN = 4096
NET_HEADS = ("plain", "cam", "sam")
FINE, PLAIN = 2, 32  # strides of the last feature maps


def resnet_body(depth: int, in_channels: int, *, fine: bool) -> Body:
    """Build ResNet-18 or ResNet-34 (MONAI's) without its classifier.

    Fine: "strides in each residual block are set as 1". About pooling, the paper only says that the last one is
    reduced. Its maps of 16x16 require leaving out the max pooling after the first convolution.

    Args:
        depth: 18 or 34.
        in_channels: channels of the image.
        fine: maps at 1/2 of the image's resolution instead of 1/32.

    Returns:
        The body and the number of its feature maps, 512.

    Raises:
        ModelError: MONAI is not installed.

    Source:
        He et al., Deep Residual Learning for Image Recognition, CVPR 2016; Lei et al., 2018, caption of Table 1.
    """
    net = _monai().ResNet(
        "basic",
        list(RESNET_BLOCKS[depth]),
        list(RESNET_CHANNELS),
        spatial_dims=2,
        n_input_channels=in_channels,
        conv1_t_stride=2,
        bias_downsample=False,
        feed_forward=False,
    )
    stages = [net.layer1, net.layer2, net.layer3, net.layer4]
    if fine:
        _without_strides(stages)
    pooling = [] if fine else [net.maxpool]
    return nn.Sequential(net.conv1, net.bn1, net.act, *pooling, *stages), RESNET_CHANNELS[-1]


def densenet_body(in_channels: int, *, fine: bool) -> Body:
    """Build DenseNet-121 (MONAI's) without its classifier, up to the last ReLU.

    Fine: "strides of pooling in transition block are reduced to 1". A 2x2 average at stride 1 would remove a row and a
    column of the maps and shift them by half a cell at each transition, so a 3x3 average is used, which preserves size
    and position. As in `resnet_body`, maps of 16x16 require leaving out the first max pooling.

    Args:
        in_channels: channels of the image.
        fine: maps at 1/2 of the image's resolution instead of 1/32.

    Returns:
        The body and the number of its feature maps, 1024.

    Raises:
        ModelError: MONAI is not installed.

    Source:
        Huang et al., Densely Connected Convolutional Networks, CVPR 2017; Lei et al., 2018, caption of Table 1.
    """
    net = _monai().DenseNet121(spatial_dims=2, in_channels=in_channels, out_channels=1)
    if fine:
        net.features.pool0 = nn.Identity()
        for name, module in net.features.named_children():
            if name.startswith("transition"):
                module.pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return nn.Sequential(net.features, nn.ReLU()), int(net.class_layers.out.in_features)


def vgg_body(in_channels: int, *, fine: bool) -> Body:
    """Build the 13 convolution layers of VGG-16; fine: the last four of its five pooling layers are left out.

    Args:
        in_channels: channels of the image.
        fine: maps at 1/2 of the image's resolution instead of 1/32.

    Returns:
        The body and the number of its feature maps, 512.

    Source:
        Simonyan and Zisserman, Very Deep Convolutional Networks, ICLR 2015, configuration D; Lei et al., 2018, caption
        of Table 1.
    """
    layers: list[nn.Module] = []
    channels = in_channels
    for block, (width, count) in enumerate(VGG16_BLOCKS):
        for _ in range(count):
            convolution = nn.Conv2d(channels, width, 3, padding=1)
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
            layers += [convolution, nn.ReLU()]
            channels = width
        if block == 0 or not fine:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers), channels


def vgg_classifier(channels: int, classes: int) -> nn.Sequential:
    """Return VGG-16's three fully connected layers, for images of 32x32 whose last maps are single cells."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, VGG_HIDDEN),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(VGG_HIDDEN, VGG_HIDDEN),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(VGG_HIDDEN, classes),
    )


BODIES: Mapping[str, Callable[..., Body]] = MappingProxyType(
    {
        "resnet18": lambda in_channels, fine: resnet_body(18, in_channels, fine=fine),
        "resnet34": lambda in_channels, fine: resnet_body(34, in_channels, fine=fine),
        "vgg16": lambda in_channels, fine: vgg_body(in_channels, fine=fine),
        "densenet121": lambda in_channels, fine: densenet_body(in_channels, fine=fine),
    }
)


class SoftHeadNet(nn.Module):
    """A public classifier for images of 32x32: plain, or with maps of 16x16 and a CAM or SAM head.

    ``plain`` is the published network: global average pooling and one linear layer for ResNet and DenseNet, three fully
    connected layers for VGG-16. In both forms the first convolution of ResNet and DenseNet keeps its stride of 2.

    Args:
        backbone: ``resnet18``, ``resnet34``, ``vgg16`` or ``densenet121``.
        head: ``plain``, ``cam`` or ``sam``.
        in_channels: slices or scales of the input, at least 1.
        classes: number of classes, at least 1.

    Raises:
        ValueError: an unknown backbone or head.
        ModelError: a ResNet or DenseNet without MONAI installed.

    Source:
        Lei et al., Soft Activation Mapping of Lung Nodules in Low-dose CT Images, 2018, Table 1 and its caption.
    """

    cam_layers: Mapping[int, str] = MappingProxyType({1: "features"})

    def __init__(self, backbone: str, head: str = "sam", in_channels: int = 1, classes: int = 2) -> None:
        super().__init__()
        if backbone not in BODIES:
            raise ValueError(f"backbone must be one of {sorted(BODIES)}, got {backbone!r}")
        if head not in NET_HEADS:
            raise ValueError(f"head must be one of {sorted(NET_HEADS)}, got {head!r}")
        fine = head != "plain"
        self.strides: Mapping[int, int] = {1: FINE if fine else PLAIN}  # a plain one: folding copies networks
        self.features, channels = BODIES[backbone](in_channels, fine)
        self.head: nn.Module
        if fine:
            self.head = HEADS[head](channels, classes)
        else:
            self.head = vgg_classifier(channels, classes) if backbone == "vgg16" else HEADS["cam"](channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, in_channels, H, W), at least 32x32; returns logits (N, classes)."""
        return self.head(self.features(images))


SOFT_HEAD_NETWORKS: Mapping[str, Callable[..., nn.Module]] = MappingProxyType(
    {f"{backbone}_{head}": partial(SoftHeadNet, backbone, head) for backbone in BODIES for head in NET_HEADS}
)


def _without_strides(stages: list[nn.Sequential]) -> None:
    for stage in stages:
        for module in stage.modules():
            if isinstance(module, nn.Conv2d):
                module.stride = (1, 1)


def _monai() -> Any:
    try:
        from monai.networks import nets
    except ImportError as error:
        raise ModelError("this network needs MONAI; install it with: pip install 'camlocalizer[training]'") from error
    return nets
