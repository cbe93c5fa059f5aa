"""Classifiers whose feature maps localise tumours."""

from __future__ import annotations

from .dcfpn import DCFPN
from .encoder_classifier import EncoderClassifier
from .encoder_dcfpn import EncoderDCFPN
from .folded_dcfpn import DecoderTrace, FoldedDCFPN
from .folding import fold_batch_norm
from .imagenet import load_imagenet_backbone
from .multigap import MultiGAP
from .pretrained import load_encoder_weights
from .registry import NETWORKS, build_network

__all__ = [
    "DCFPN",
    "NETWORKS",
    "DecoderTrace",
    "EncoderClassifier",
    "EncoderDCFPN",
    "FoldedDCFPN",
    "MultiGAP",
    "build_network",
    "fold_batch_norm",
    "load_encoder_weights",
    "load_imagenet_backbone",
]
