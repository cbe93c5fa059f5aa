"""Networks by their names in model bundles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from types import MappingProxyType
from typing import Any

from torch import nn

from ..core import ModelError
from .alexnet import AlexNetGAP, ModifiedAlexNet
from .candidate_network import CandidateNetwork
from .dcfpn import DCFPN
from .densenet import DenseNet121
from .encoder_classifier import EncoderClassifier
from .encoder_dcfpn import EncoderDCFPN
from .hesam import HESAMNet
from .multigap import MultiGAP
from .nasnet import NASNetMobile
from .pet import PETFullyConvolutional, PETNetwork
from .resnet import resnet18, resnet34, resnet50
from .small_input import SOFT_HEAD_NETWORKS
from .unet import unet_vgg16, unet_vgg19
from .vgg import modified_vgg16, modified_vgg19, vgg16_gap, vgg19_gap
from .zoo import APPLICATIONS, ZooClassifier


def dcfpn(*, encoder: str = "", **settings: Any) -> nn.Module:
    """Build an `EncoderDCFPN` if an encoder is given, otherwise a `DCFPN` with its own encoder.

    Raises:
        ModelError: settings that apply only to the other network.
    """
    kind, other = (EncoderDCFPN, DCFPN) if encoder else (DCFPN, EncoderDCFPN)
    known, elsewhere = signature(kind).parameters, signature(other).parameters
    if misplaced := [name for name in settings if name not in known and name in elsewhere]:
        where = "only without an encoder" if encoder else "only with an encoder, such as encoder='efficientnet-lite0'"
        raise ModelError(f"network 'dcfpn' accepts {', '.join(misplaced)} {where}")
    return EncoderDCFPN(encoder=encoder, **settings) if encoder else DCFPN(**settings)


NETWORKS: Mapping[str, Callable[..., nn.Module]] = MappingProxyType(
    {
        "dcfpn": dcfpn,
        "multigap": MultiGAP,
        "resnet18": resnet18,
        "resnet34": resnet34,
        "resnet50": resnet50,
        "hesam": HESAMNet,
        "alexnet_gap": AlexNetGAP,
        "modified_alexnet": ModifiedAlexNet,
        "vgg16_gap": vgg16_gap,
        "vgg19_gap": vgg19_gap,
        "modified_vgg16": modified_vgg16,
        "modified_vgg19": modified_vgg19,
        "unet_vgg16": unet_vgg16,
        "unet_vgg19": unet_vgg19,
        "densenet121": DenseNet121,
        "efficientnet_lite0": EncoderClassifier,
        "nasnet_mobile": NASNetMobile,
        "candidates": CandidateNetwork,
        "pet_cnn": PETNetwork,
        "pet_fcn": PETFullyConvolutional,
        **SOFT_HEAD_NETWORKS,
        **{name: partial(ZooClassifier, name) for name in APPLICATIONS},
    }
)


def build_network(name: str, **settings: Any) -> nn.Module:
    """Build a network with random weights.

    Args:
        name: a key of `NETWORKS`.
        **settings: arguments of the network's constructor, such as ``classes=4``.

    Returns:
        The network in training mode, float32, on the CPU.

    Raises:
        ModelError: an unknown name, or settings that this network does not accept.
    """
    if name not in NETWORKS:
        raise ModelError(f"unknown network {name!r}, expected one of {sorted(NETWORKS)}")
    try:
        return NETWORKS[name](**settings)
    except (TypeError, ValueError) as error:
        raise ModelError(f"network {name!r} cannot be built with the settings {settings}: {error}") from error
