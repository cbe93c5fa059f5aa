"""A case from a tiny untrained network, on the oblique grid."""

from __future__ import annotations

import pytest
from tiny_bundle import save_tiny_bundle

from CAMLocalizerLib.cases import CaseResult, make_case
from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.localizer import LabelSettings, Localizer


@pytest.fixture
def found(oblique_volume, tmp_path):
    bundle = save_tiny_bundle(tmp_path / "models" / "tiny")
    volume = Volume(oblique_volume.array_kji, oblique_volume.grid, name="<brain> & more")
    return Localizer(bundle, device="cpu").run(volume)


@pytest.fixture
def case(found) -> CaseResult:
    return make_case(found, LabelSettings.of(found, threshold="q90"), "brain.nii.gz", source_sha256="ab" * 32)


@pytest.fixture
def empty_case(found) -> CaseResult:
    return make_case(found, LabelSettings.of(found, probability_limit=1.0), "brain.nii.gz")
