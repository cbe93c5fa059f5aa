"""The command ``evaluate`` on small PETs and a tiny model of projections."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.core import Grid
from CAMLocalizerLib.evaluation.data import EvaluationData, read_evaluation_data
from CAMLocalizerLib.evaluation.filter_evaluation import evaluate as write_evaluation
from CAMLocalizerLib.evaluation.filter_evaluation import findings, measure_model, strides_of
from CAMLocalizerLib.evaluation.projection_pairs import centred
from CAMLocalizerLib.evaluation.sources import Sources
from CAMLocalizerLib.io import read_volume, write_nifti
from CAMLocalizerLib.localizer import Localizer
from CAMLocalizerLib.metrics import dice
from CAMLocalizerLib.models import ModelCard, load_model, save_model
from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.views import mip_images

CLASSES = ("lung cancer", "oesophageal cancer")
SIZES = ((12, 8, 16), (14, 10, 12), (12, 9, 40), (11, 8, 14))  # i, j, k; the third exceeds the model's least height


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A bundle and four patients with one hot block each, stored downwards; the block's mask beside."""
    place = tmp_path_factory.mktemp("pets")
    torch.manual_seed(4)
    network = build_network("pet_cnn", classes=2, channels=(4,) * 8)
    card = ModelCard(
        name="tiny-pet",
        version="1",
        network="pet_cnn",
        network_settings={"channels": (4,) * 8},
        modality="FDG-PET",
        spacing_mm=2.0,
        size=(32, 48),
        normalisation="suv-30",
        classes=CLASSES,
        tumour_classes=CLASSES,
        scales=(1,),
        target="class",
        threshold="0.3",
        projections=True,
        unit="SUVbw",
    )
    save_model(place / "tiny-pet", card, network, dtype=torch.float32)
    random = np.random.default_rng(1)
    lines = ["file,label,patient,mask"]
    (place / "masks").mkdir()
    for number, size in enumerate(SIZES):
        grid = Grid(size, (4.0, 4.0, 3.0), (5.0, -7.0, 90.0), np.diag([1.0, 1.0, -1.0]))
        array = random.uniform(0.3, 1.0, grid.shape_kji).astype(np.float32)
        mask = np.zeros(grid.shape_kji, dtype=np.float32)
        mask[2 + number : 7 + number, 2:5, 6:10] = 1
        write_nifti(array + 9 * mask, grid, place / f"{number}.nii.gz")
        write_nifti(mask, grid, place / "masks" / f"{number}.nii.gz")
        lines.append(f"{number}.nii.gz,{CLASSES[number % 2]},P{number},masks/{number}.nii.gz")
    (place / "pets.csv").write_text("\n".join(lines))
    return place


@pytest.fixture
def data(folder) -> EvaluationData:
    bundle = load_model(folder / "tiny-pet")
    return read_evaluation_data(Sources(folder / "pets.csv"), bundle.card, folds=2, strides=strides_of(bundle))


@pytest.fixture
def evaluate(folder, tmp_path):
    def run(*more: str, table: str = "pets.csv") -> int:
        fixed = ["--output", str(tmp_path / "out"), "--device", "cpu"]
        return main(["evaluate", str(folder / "tiny-pet"), str(folder / table), *fixed, *more])

    return run


@pytest.fixture
def measure(folder, tmp_path):
    """Measure the model without any retraining, and return the findings in words."""

    def run(table: str = "pets.csv") -> str:
        bundle = load_model(folder / "tiny-pet")
        data = read_evaluation_data(Sources(folder / table), bundle.card, folds=None, strides=strides_of(bundle))
        return "\n".join(findings(write_evaluation(bundle, data, tmp_path / "out")))

    return run


def results(tmp_path: Path) -> tuple[list[dict[str, str]], dict]:
    with (tmp_path / "out" / "evaluation.csv").open(newline="") as file:
        return list(csv.DictReader(file)), json.loads((tmp_path / "out" / "evaluation.json").read_text())


def test_each_volume_gives_the_two_projections_of_the_main_job(folder, data):
    assert data.images.shape == (8, 1, 64, 32)  # 40 slices of 3 mm need 60 rows of 2 mm
    assert [source.size for source in data.pairs] == [(48, 32), (48, 32), (64, 32), (48, 32)]
    for number in range(len(SIZES)):
        expected = mip_images(read_volume(folder / f"{number}.nii.gz"), 2.0, (32, 64))
        np.testing.assert_allclose(data.images[2 * number : 2 * number + 2, 0], expected, atol=1e-6)
    np.testing.assert_array_equal(data.rois.grey, data.images[:, 0])
    assert data.rois.names[:2].tolist() == ["0.nii.gz:coronal", "0.nii.gz:sagittal"]
    assert data.rois.patients.tolist() == [f"P{number // 2}" for number in range(8)]
    assert data.rois.labels.tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert all((data.rois.folds[::2] == data.rois.folds[1::2]).tolist())


def test_masks_are_projected_onto_the_uptake_that_they_outline(data):
    for truth, grey in zip(data.rois.truth, data.rois.grey, strict=True):
        assert grey[truth].min() > 4 / 30 > grey[~truth].min()
    widths = data.rois.truth.any(axis=1).sum(axis=1)
    assert widths.tolist() == [8, 6] * 4  # 4 voxels of 4 mm from the front, 3 from the side, in pixels of 2 mm
    assert set(data.rois.truth.any(axis=2).sum(axis=1).tolist()) <= {7, 8}  # 5 slices of 3 mm


def test_the_model_is_measured_as_the_main_job_runs(folder, data):
    bundle = load_model(folder / "tiny-pet")
    found = measure_model(bundle, data)
    localizer, probabilities, dices = Localizer(bundle, device="cpu"), [], []
    for number in range(len(SIZES)):
        located = localizer.run(read_volume(folder / f"{number}.nii.gz"))
        probabilities.append(located.probabilities)
        truth = read_volume(folder / "masks" / f"{number}.nii.gz").array_kji
        dices.append(dice(truth, located.label_map().array_kji))
    labels = np.array([0, 1, 0, 1])
    by_patient = np.mean(probabilities, axis=1).argmax(axis=1) == labels
    by_image = np.argmax(probabilities, axis=2) == labels[:, None]
    assert found.by_patient["accuracy"] == pytest.approx(by_patient.mean())
    assert found.classification["accuracy"] == pytest.approx(by_image.mean())
    assert found.maps["dice_3d"] == pytest.approx(np.mean(dices))
    assert found.maps["missed_3d"] == np.mean(np.equal(dices, 0))
    assert (found.maps["volumes"], found.maps["images"]) == (4, 8)


def test_both_maps_of_a_volume_explain_one_class_and_end_at_its_border(folder, data):
    from CAMLocalizerLib.evaluation.projection_pairs import explain_pairs
    from CAMLocalizerLib.localizer.targets import common_logits, target_weights

    bundle, asked = load_model(folder / "tiny-pet"), []

    def targets(scores):
        asked.append(target_weights(common_logits(scores), bundle.card))
        return asked[-1]

    logits, maps = explain_pairs(bundle.network(), data.images, data.pairs, targets)
    assert logits.shape == (8, 2)
    assert maps.shape == data.rois.grey.shape
    assert all(torch.equal(*weights) for weights in asked)
    assert set(maps.max(axis=(1, 2)).round(5).tolist()) <= {0.0, 1.0}
    assert maps.max() > 0
    for number, source in enumerate(data.pairs):
        outside = ~centred(source.inside, (64, 32))
        assert outside.any()
        assert not maps[2 * number : 2 * number + 2][outside].any()


def test_figures_are_written_by_image_and_by_patient(measure, tmp_path):
    text = measure()
    lines, found = results(tmp_path)
    assert [(line["filter"], line["images"]) for line in lines] == [("model", "8"), ("model-by-patient", "4")]
    assert found["classification_by_patient"]["patients"] == 4
    assert 0 <= found["maps"]["mean_dice"] <= 1
    assert 0 <= found["maps"]["iou"] <= 1
    assert len(found["notes"]) == 4
    assert "By the mean of each patient's projections" in text
    assert "3D Dice" in text
    assert "names no unit: its values were taken for SUVbw" in text


def test_a_network_is_trained_anew_on_filtered_projections(evaluate, tmp_path):
    assert evaluate("--filters", "--folds", "2", "--epochs", "1", "--batch-size", "4") == 0
    lines, found = results(tmp_path)
    kinds = ["original", "cam", "mask", "inverse-mask"]
    trained = [(line["filter"], line["fold"]) for line in lines[2:]]
    assert trained == [*((kind, fold) for fold in "12" for kind in kinds), *((kind, "mean") for kind in kinds)]
    assert {line["images"] for line in lines[2:10]} == {"4"}
    assert set(found["accuracy"]) == set(kinds)


def test_volumes_of_one_class_are_measured(measure, folder, tmp_path):
    table = (folder / "pets.csv").read_text().splitlines()
    (folder / "one.csv").write_text("\n".join([table[0], *table[1::2]]))
    measure("one.csv")
    _, found = results(tmp_path)
    assert found["data"]["classes"] == {"lung cancer": 4, "oesophageal cancer": 0}
    assert found["classification_by_patient"]["auc"] is None
    assert found["classification_by_patient"]["sensitivity"] == found["classification_by_patient"]["accuracy"]


@pytest.mark.parametrize("more", [(), ("--filters",)])
def test_what_cannot_be_projected_is_refused_at_once(evaluate, folder, capsys, more):
    flat = Grid((16, 16, 1), (4.0, 4.0, 3.0), (0.0, 0.0, 0.0), np.eye(3))
    write_nifti(np.random.default_rng(0).random(flat.shape_kji, dtype=np.float32), flat, folder / "flat.nii.gz")
    lines = [
        "file,label,patient,slice,mask",
        "0.nii.gz,lung cancer,P0,3,",
        "flat.nii.gz,oesophageal cancer,P1,,",
        "1.nii.gz,oesophageal cancer,P2,,masks/0.nii.gz",
    ]
    (folder / "wrong.csv").write_text("\n".join(lines))
    assert evaluate(*more, table="wrong.csv") == 2
    text = capsys.readouterr().err
    for part in ("labelled as a whole, not by slice", "is a single image", "the mask lies on another grid"):
        assert part in text


def test_volumes_are_measured_beside_thresholds_of_uptake(evaluate, folder, tmp_path):
    table = (folder / "pets.csv").read_text().splitlines()
    (folder / "free.csv").write_text("\n".join([*table[:4], "3.nii.gz,none,P3,"]))
    assert evaluate(table="free.csv") == 0
    found = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert found["baselines"] == ["suv-4", "suv-2.5", "41%"]
    values = {(each["measure"], each["system"]): each["value"] for each in found["figures"] if each["group"] == "all"}
    assert values["mean Dice in 3D", "suv-4"] == 1  # the blocks have an uptake of 9 and more
    assert values["false components per volume", "suv-2.5"] == 0
    assert values["ml marked", "41%"] == pytest.approx(5 * 3 * 4 * 48 / 1000)
    localizer, dices = Localizer(load_model(folder / "tiny-pet"), device="cpu"), []
    for number in range(3):
        truth = read_volume(folder / "masks" / f"{number}.nii.gz").array_kji
        dices.append(dice(truth, localizer.run(read_volume(folder / f"{number}.nii.gz")).label_map().array_kji))
    assert values["mean Dice in 3D", "model"] == pytest.approx(np.mean(dices), abs=1e-5)
    assert {each["part"] for each in found["figures"]} >= {
        "tumour volumes",
        "tumour-free volumes",
        "classes of volumes",
    }
    assert (tmp_path / "out" / "cases.png").exists()
    (folder / "untyped.csv").write_text("\n".join([table[0], "3.nii.gz,tumour,P3,masks/3.nii.gz"]))
    assert evaluate("--overwrite", table="untyped.csv") == 0
    assert not (tmp_path / "out" / "reliability.png").exists()  # no type is known, so that none can be right


def test_cutting_and_adding_keep_the_middle():
    images = np.arange(2 * 4 * 6, dtype=np.float32).reshape(2, 4, 6)
    wide = centred(images, (2, 10))
    np.testing.assert_array_equal(wide[:, :, 2:8], images[:, 1:3])
    assert wide.shape == (2, 2, 10)
    assert not wide[:, :, :2].any()
    np.testing.assert_array_equal(centred(centred(images, (8, 8)), (4, 6)), images)
