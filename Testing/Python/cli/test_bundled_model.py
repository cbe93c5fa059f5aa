"""The first command of the README, on the bundled sample with the bundled model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.io import read_volume
from CAMLocalizerLib.models import load_model

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "Resources" / "SampleData" / "brain-t1ce-sample.nii.gz"


@pytest.fixture(scope="module")
def case(tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("results")
    assert main(["localize", str(SAMPLE), "--model", "brain-t1ce", "--output", str(output)]) == 0
    return output / "brain-t1ce-sample"


def test_label_map_and_activation_lie_on_the_samples_exact_grid(case) -> None:
    sample = read_volume(SAMPLE)
    for name in ("labelmap.nii.gz", "activation.nii.gz", "segmentation.seg.nrrd"):
        assert read_volume(case / name).grid.matches(sample.grid, tolerance_mm=1e-6)


def test_the_label_map_is_where_the_activation_reaches_the_threshold(case) -> None:
    report = json.loads((case / "report.json").read_text())
    activation = read_volume(case / "activation.nii.gz").array_kji
    labels = read_volume(case / "labelmap.nii.gz").array_kji
    np.testing.assert_array_equal(labels > 0, activation >= report["settings"]["threshold_value"])
    assert activation.max() == 1.0


def test_the_report_names_tumour_model_and_slices(case) -> None:
    report = json.loads((case / "report.json").read_text())
    assert report["tumour_found"] is True
    assert report["model"]["sha256"] == load_model("brain-t1ce").card.sha256
    assert len(report["probabilities"]) == 24
    assert set(report["probabilities"][0]["classes"]) == set(load_model("brain-t1ce").card.classes)


def test_blank_slices_hold_no_tumour(case) -> None:
    blank = np.ptp(read_volume(SAMPLE).array_kji, axis=(1, 2)) == 0
    assert blank.sum() == 4
    assert not read_volume(case / "labelmap.nii.gz").array_kji[blank].any()


def test_the_bundle_names_its_licence_results_and_limits() -> None:
    card = load_model("brain-t1ce").card
    assert "CC BY" in card.licence
    assert card.results
    assert card.limits
    assert (ROOT / "Resources" / "models" / "brain-t1ce" / "weights.safetensors").stat().st_size <= 8_000_000
