"""A case from a tiny untrained network, on the oblique grid."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_series import write_series
from tiny_bundle import save_tiny_bundle

from CAMLocalizerLib.cases import CaseResult, make_case
from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.io import read_dicom_source
from CAMLocalizerLib.localizer import Localizer


@pytest.fixture
def found(oblique_volume, tmp_path):
    bundle = save_tiny_bundle(tmp_path / "models" / "tiny")
    volume = Volume(oblique_volume.array_kji, oblique_volume.grid, name="<brain> & more")
    return Localizer(bundle, device="cpu").run(volume)


@pytest.fixture
def case(found) -> CaseResult:
    return make_case(found, found.default_settings().changed(threshold="q90"), "brain.nii.gz", source_sha256="ab" * 32)


@pytest.fixture
def empty_case(found) -> CaseResult:
    return make_case(found, found.default_settings().changed(probability_limit=1.0), "brain.nii.gz")


@pytest.fixture
def source(oblique_volume, tmp_path):
    """A DICOM series on the case's grid."""

    def patch(header, _k):
        header.FrameOfReferenceUID = "1.2.3.9"
        header.StudyDate, header.StudyTime, header.StudyID = "20240105", "101500", "1"
        header.AccessionNumber = header.ReferringPhysicianName = header.PatientBirthDate = header.PatientSex = ""

    stored = np.clip(oblique_volume.array_kji, 0, None).astype(np.uint16)
    write_series(tmp_path / "series", stored, oblique_volume.grid, patch=patch)
    return read_dicom_source(tmp_path / "series")
