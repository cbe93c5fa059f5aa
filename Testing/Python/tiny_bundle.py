"""A model bundle with a tiny network that was never trained and sees a tumour in every slice."""

from __future__ import annotations

from pathlib import Path

import torch

from CAMLocalizerLib.models import ModelBundle, ModelCard, save_model
from CAMLocalizerLib.networks import build_network

NETWORK_SETTINGS = {"channels": (4, 4, 4, 4)}


def save_tiny_bundle(folder: Path) -> ModelBundle:
    """Make the bundle in a folder that does not exist yet."""
    torch.manual_seed(11)
    network = build_network("dcfpn", classes=2, **NETWORK_SETTINGS)
    with torch.no_grad():
        network.head.bias.copy_(torch.tensor([-3.0, 3.0]))
    card = ModelCard(
        name="tiny",
        version="1.2",
        network="dcfpn",
        network_settings=NETWORK_SETTINGS,
        modality="MR",
        spacing_mm=1.2,
        size=(24, 24),
        normalisation="zscore",
        classes=("healthy", "glioma"),
        tumour_classes=("glioma",),
        scales=(1, 4),
        results={"figshare": {"mean_iou": 0.41}},
    )
    return save_model(folder, card, network)
