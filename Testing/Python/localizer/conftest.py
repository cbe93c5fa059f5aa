"""A tiny untrained bundle and a volume with blank slices."""

from __future__ import annotations

import pytest
import torch

from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.models import ModelBundle, ModelCard, save_model
from CAMLocalizerLib.networks import build_network


@pytest.fixture
def tiny_card() -> ModelCard:
    return ModelCard(
        name="tiny",
        version="1.0",
        network="dcfpn",
        network_settings={"channels": (4, 4, 4, 4)},
        modality="MR",
        spacing_mm=1.2,
        size=(24, 24),
        normalisation="zscore",
        classes=("glioma", "healthy", "meningioma"),
        tumour_classes=("glioma", "meningioma"),
        scales=(1, 4),
    )


@pytest.fixture
def tiny_model(tiny_card, tmp_path) -> ModelBundle:
    torch.manual_seed(11)
    network = build_network("dcfpn", classes=3, channels=(4, 4, 4, 4))
    with torch.no_grad():  # spread the logits, so that classes differ between slices
        network.head.weight.mul_(20)
    return save_model(tmp_path / "models" / "tiny", tiny_card, network, dtype=torch.float32)


@pytest.fixture
def blank_ended_volume(oblique_volume) -> Volume:
    array = oblique_volume.array_kji.copy()
    array[0], array[-1] = 0.0, 37.5
    return Volume(array, oblique_volume.grid, name="blank-ended")
