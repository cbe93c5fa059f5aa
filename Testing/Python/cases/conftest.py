"""A case from a tiny untrained network, on the oblique grid."""

from __future__ import annotations

import pytest
import torch

from CAMLocalizerLib.cases import CaseResult, make_case
from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.localizer import LabelSettings, Localizer
from CAMLocalizerLib.models import ModelCard, save_model
from CAMLocalizerLib.networks import build_network


@pytest.fixture
def found(oblique_volume, tmp_path):
    torch.manual_seed(11)
    network = build_network("dcfpn", classes=2, channels=(4, 4, 4, 4))
    with torch.no_grad():
        network.head.bias.copy_(torch.tensor([-3.0, 3.0]))  # every slice shows a tumour
    card = ModelCard(
        name="tiny",
        version="1.2",
        network="dcfpn",
        network_settings={"channels": (4, 4, 4, 4)},
        modality="MR",
        spacing_mm=1.2,
        size=(24, 24),
        normalisation="zscore",
        classes=("healthy", "glioma"),
        tumour_classes=("glioma",),
        scales=(1, 4),
    )
    bundle = save_model(tmp_path / "models" / "tiny", card, network)
    volume = Volume(oblique_volume.array_kji, oblique_volume.grid, name="<brain> & more")
    return Localizer(bundle, device="cpu").run(volume)


@pytest.fixture
def case(found) -> CaseResult:
    return make_case(found, LabelSettings.of(found, threshold="q90"), "brain.nii.gz", source_sha256="ab" * 32)


@pytest.fixture
def empty_case(found) -> CaseResult:
    return make_case(found, LabelSettings.of(found, probability_limit=1.0), "brain.nii.gz")
