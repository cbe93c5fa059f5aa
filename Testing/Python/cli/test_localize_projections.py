"""The command on a PET: two projections in, the same case folder out."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import torch
from case_files import FILES
from matplotlib.image import imread

from CAMLocalizerLib import read_volume
from CAMLocalizerLib.cli import main
from CAMLocalizerLib.core import Grid
from CAMLocalizerLib.io import write_nifti
from CAMLocalizerLib.models import ModelCard, save_model
from CAMLocalizerLib.networks import build_network


@pytest.fixture
def pet_models(models):
    """Beside the model of slices, one of projections whose map is high everywhere."""
    torch.manual_seed(4)
    network = build_network("dcfpn", classes=2, channels=(4, 4, 4, 4))
    with torch.no_grad():
        network.head.bias.copy_(torch.tensor([4.0, -4.0]))
        network.head.weight[0].abs_()
    card = ModelCard(
        name="tiny-pet",
        version="0.3",
        network="dcfpn",
        network_settings={"channels": (4, 4, 4, 4)},
        modality="FDG-PET",
        spacing_mm=2.0,
        size=(32, 48),
        normalisation="suv-30",
        classes=("lung cancer", "oesophageal cancer"),
        tumour_classes=("lung cancer", "oesophageal cancer"),
        scales=(4,),
        target="class",
        threshold="0.01",
        projections=True,
        unit="SUVbw",
    )
    save_model(models / "tiny-pet", card, network)
    return models


@pytest.fixture
def pet(tmp_path):
    """A body stored downwards, with two hot lesions."""
    array = np.random.default_rng(1).uniform(0.5, 1.0, (40, 22, 30)).astype(np.float32)
    array[8:14, 12:15, 18:22], array[30:32, 6:8, 9:11] = 15.0, 9.0
    path = tmp_path / "scanner" / "pet.nii.gz"
    path.parent.mkdir()
    write_nifti(array, Grid((30, 22, 40), (4.0, 4.0, 3.0), (5.0, -7.0, 90.0), np.diag([1.0, 1.0, -1.0])), path)
    return path


@pytest.fixture
def localize_pet(pet_models, pet, tmp_path):
    def run(*arguments) -> int:
        place = ["--output", str(tmp_path / "out"), "--device", "cpu"]
        return main(["localize", str(pet), "--model", "tiny-pet", *place, *map(str, arguments)])

    return run


@pytest.fixture
def case(localize_pet, tmp_path):
    assert localize_pet() == 0
    return tmp_path / "out" / "pet"


def test_the_case_folder_is_that_of_every_model(case, pet):
    assert sorted(path.name for path in case.iterdir()) == FILES
    expected = sitk.ReadImage(str(pet))
    for name in ("labelmap.nii.gz", "activation.nii.gz"):
        image = sitk.ReadImage(str(case / name))
        assert image.GetSize() == expected.GetSize()
        for measure in ("GetSpacing", "GetOrigin", "GetDirection"):
            np.testing.assert_allclose(getattr(image, measure)(), getattr(expected, measure)(), atol=1e-5)
    assert imread(case / "overview.png").shape == (940, 1600, 4)


def test_labels_are_hot_and_where_the_activation_points(case, pet):
    labels = read_volume(case / "labelmap.nii.gz").array_kji > 0
    activation = read_volume(case / "activation.nii.gz").array_kji
    uptake = read_volume(pet).array_kji
    assert labels.any()
    assert uptake[labels].min() >= 0.41 * 9.0
    assert 0 <= activation.min() < activation.max() <= 1


def test_the_report_knows_projections_and_uptake(case):
    report = json.loads((case / "report.json").read_text(encoding="utf-8"))
    assert [entry["projection"] for entry in report["probabilities"]] == ["coronal", "sagittal"]
    assert all(sum(entry["classes"].values()) == pytest.approx(1, abs=1e-5) for entry in report["probabilities"])
    settings = report["settings"]
    assert (settings["view"], settings["scales"], settings["threshold"]) == ("projections", [4], "0.01")
    assert settings["uptake_border"] == "41%"
    assert report["tumour_found"] is True
    assert any("names no unit: its values were taken for SUVbw" in note for note in report["notes"])
    volume = read_volume(case / "labelmap.nii.gz")
    total = np.count_nonzero(volume.array_kji) * volume.grid.voxel_volume_mm3
    assert sum(entry["volume_mm3"] for entry in report["components"]) == pytest.approx(total, rel=1e-4)


def test_the_terminal_names_the_type_and_the_place(localize_pet, capsys):
    assert localize_pet("--keep-largest", "1") == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("pet: tumour, most probably lung cancer (1.00), ")
    assert "ml; one component at (" in first


def test_settings_given_are_used_and_reported(localize_pet, case):
    whole = read_volume(case / "labelmap.nii.gz").array_kji
    assert localize_pet("--overwrite", "--border", "5%", "--batch-size", "1") == 0
    assert read_volume(case / "labelmap.nii.gz").array_kji.sum() > whole.sum() > 0
    assert localize_pet("--overwrite", "--scales", "1,4", "--threshold", "q50", "--precision", "bfloat16") == 0
    settings = json.loads((case / "report.json").read_text())["settings"]
    assert (settings["scales"], settings["threshold"], settings["precision"]) == ([1, 4], "q50", "bfloat16")
    assert settings["threshold_value"] > 0


def test_nothing_found_is_drawn_and_said(localize_pet, capsys):
    assert localize_pet("--threshold", "1", "--min-volume-ml", "1000") == 0
    assert "no tumour found (most probably lung cancer" in capsys.readouterr().out


def test_settings_of_slices_are_refused_and_the_other_way_round(localize_pet, localize, brain, capsys):
    assert localize_pet("--view", "axial") == 2
    assert "--view axial is for slices; model tiny-pet uses two projections" in capsys.readouterr().err
    assert localize(brain, "--border", "50%") == 2
    assert "--border is for models of projections; tiny uses slices" in capsys.readouterr().err
    assert localize_pet("--refine", "geodesic") == 2
    assert "--refine geodesic is for slices; model tiny-pet draws borders by uptake" in capsys.readouterr().err
    assert localize_pet("--border", "150%") == 2
    assert "--border must be above 0, and a share at most 100 %, got 150%" in capsys.readouterr().err


def test_a_2d_image_is_refused_in_a_sentence(pet_models, tmp_path, capsys):
    from PIL import Image

    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 30), dtype=np.uint8)).save(path)
    code = main(["localize", str(path), "--model", "tiny-pet", "--output", str(tmp_path / "out"), "--device", "cpu"])
    assert code == 1
    assert "is a single image; model tiny-pet uses projections" in capsys.readouterr().err
    assert not (tmp_path / "out" / "photo").exists()


def test_a_unit_that_is_named_brings_the_pet_measures(localize_pet, case, capsys):
    assert "suv_max_g_per_ml" not in (case / "report.json").read_text()
    assert localize_pet("--overwrite", "--unit", "SUVbw") == 0
    report = json.loads((case / "report.json").read_text())
    assert report["input"]["unit"] == "SUVbw"
    assert not any("names no unit" in note for note in report["notes"])
    assert report["suv_total"]["suv_max_g_per_ml"] == pytest.approx(15.0, abs=1e-4)
    assert "  all components: SUVmax 15.00 g/ml, " in capsys.readouterr().out
    header = (case / "components.csv").read_text(encoding="utf-8").partition("\n")[0]
    assert "suv_max_g_per_ml,suv_mean_g_per_ml,suv_peak_g_per_ml,mtv_ml,tlg_g" in header
