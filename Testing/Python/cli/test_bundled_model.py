"""The main job on the sample with the bundled model, whatever that model finds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.core import Grid, LabelMap
from CAMLocalizerLib.io import case_name, read_label_map, read_volume, write_nifti
from CAMLocalizerLib.models import load_model
from CAMLocalizerLib.segment import filter_components, refine

ROOT = Path(__file__).resolve().parents[3]
BLANK = [0, 3]


@pytest.fixture(scope="module")
def case(sample_image, tmp_path_factory) -> Path:
    return localized(sample_image, tmp_path_factory.mktemp("results"))


def localized(scan: Path, output: Path, *settings: str) -> Path:
    """Run the command and return the case's folder."""
    assert main(["localize", str(scan), "--model", "brain-t1ce", "--output", str(output), *settings]) == 0
    return output / case_name(scan)


def test_label_map_and_activation_lie_on_the_samples_exact_grid(case, sample_image) -> None:
    sample = read_volume(sample_image)
    for name in ("labelmap.nii.gz", "activation.nii.gz", "segmentation.seg.nrrd"):
        assert read_volume(case / name).grid.matches(sample.grid, tolerance_mm=1e-6)


def test_the_label_map_is_where_the_activation_reaches_the_threshold_but_for_small_components(
    sample_image, tmp_path
) -> None:
    case = localized(sample_image, tmp_path, "--refine", "none")
    settings = json.loads((case / "report.json").read_text())["settings"]
    activation = read_volume(case / "activation.nii.gz")
    reached = activation.array_kji >= settings["threshold_value"]
    large = filter_components(reached, activation.grid, min_share=settings["min_share"])
    np.testing.assert_array_equal(read_volume(case / "labelmap.nii.gz").array_kji > 0, large)


def test_the_border_is_drawn_by_the_models_own_method(case, sample_image) -> None:
    settings = json.loads((case / "report.json").read_text())["settings"]
    assert settings["refinement"] == load_model("brain-t1ce").card.refinement == "random-walk"
    found, activation, scan = (
        read_volume(path) for path in (case / "labelmap.nii.gz", case / "activation.nii.gz", sample_image)
    )
    rough = filter_components(
        activation.array_kji >= settings["threshold_value"], scan.grid, min_share=settings["min_share"]
    )
    drawn = refine(activation.array_kji, LabelMap(rough.astype(np.uint8), scan.grid), scan, "random-walk")
    kept = filter_components(drawn, min_share=settings["min_share"])
    np.testing.assert_array_equal(found.array_kji > 0, kept)
    assert np.any(kept != rough)


def test_the_report_names_model_and_slices(case, sample_image) -> None:
    report = json.loads((case / "report.json").read_text())
    assert report["model"]["sha256"] == load_model("brain-t1ce").card.sha256
    assert len(report["probabilities"]) == read_volume(sample_image).grid.size[2]
    assert set(report["probabilities"][0]["classes"]) == set(load_model("brain-t1ce").card.classes)


def test_blank_slices_hold_no_tumour(tmp_path) -> None:
    array = np.random.default_rng(3).normal(300.0, 50.0, (4, 40, 40)).astype(np.float32)
    array[BLANK] = 0
    scan = tmp_path / "noise.nii.gz"
    write_nifti(array, Grid((40, 40, 4), (4.0, 4.0, 6.5), (0.0, 0.0, 0.0), np.eye(3)), scan)
    assert not read_label_map(localized(scan, tmp_path) / "labelmap.nii.gz").array_kji[BLANK].any()


def test_the_bundle_names_its_licence_results_and_limits() -> None:
    card = load_model("brain-t1ce").card
    assert "CC BY" in card.licence
    assert card.results
    assert card.limits
    assert (ROOT / "Resources" / "models" / "brain-t1ce" / "weights.safetensors").stat().st_size <= 8_000_000
