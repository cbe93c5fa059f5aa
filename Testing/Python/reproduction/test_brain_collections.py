"""The collections behind brain-t1ce: stacks of slices, their masks, and the networks of the folds."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_bundle import NETWORK_SETTINGS, save_tiny_bundle

from CAMLocalizerLib.core import Grid, InputError
from CAMLocalizerLib.io import read_volume, write_nifti
from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.option_names import REFINEMENTS
from CAMLocalizerLib.training.fit.record import write_weights
from reproduction.evaluations import follow_up, refinement
from reproduction.models.brain_t1ce import cases, preparation

HEADER = "id,tumor,pid,patient_group,plane,run,group_fold,pixel_mm_256\n"
ROWS = "1,meningioma,7,7,axial,1,1,1.2\n2,glioma,8,8,coronal,2,3,\n3,glioma,8,8,coronal,2,3,\n"
SIDE = 24


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Both collections, the masks of figshare a square and those of Brain-Tumor-Progression one slice."""
    noise = np.random.default_rng(1)
    figshare, progression = tmp_path / "data" / "figshare_brain_tumor", tmp_path / "data" / "brain3d_btp"
    figshare.mkdir(parents=True)
    progression.mkdir()
    (figshare / "labels.csv").write_text(HEADER + ROWS)
    square = np.zeros((SIDE, SIDE))
    square[8:12, 8:14] = 255
    with ZipFile(figshare / "images_256.zip", "w") as images, ZipFile(figshare / "masks_256.zip", "w") as masks:
        for number in (1, 2, 3):
            images.writestr(f"{number:04d}.png", png(noise.integers(0, 255, (SIDE, SIDE))))
            masks.writestr(f"{number:04d}.png", png(square * (number != 3)))
    grid = Grid((16, 16, 5), (3.0, 3.0, 6.5), (0, 0, 0), np.eye(3))
    mask = np.zeros(grid.shape_kji, np.uint8)
    mask[2, 4:8, 4:8] = 1
    for exam in ("P01_Pre", "P01_Post", "P06_Pre", "P06_Post"):
        write_nifti(noise.random(grid.shape_kji).astype(np.float32), grid, progression / f"{exam}_T1post.nii.gz")
        write_nifti(mask, grid, progression / f"{exam}_mask.nii.gz")
    return tmp_path / "data"


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """A folder as a training leaves it, whose folds have different weights."""
    folder = tmp_path / "training"
    save_tiny_bundle(folder / "tiny")
    for fold in (1, 3, 4):
        torch.manual_seed(fold)
        network = build_network("dcfpn", classes=2, **NETWORK_SETTINGS)
        (folder / f"fold-{fold}").mkdir()
        write_weights(folder / f"fold-{fold}" / "best.safetensors", network)
    (folder / "training.json").write_text(json.dumps({"config": {"model": {"name": "tiny"}}}))
    (folder / "predictions.csv").write_text("image,patient,fold\na,7,1\nb,8,3\nc,P01,1\nd,P06,4\n")
    return folder


def png(pixels: np.ndarray) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "png")
    return stream.getvalue()


def test_only_the_patients_asked_for_are_read(data) -> None:
    assert [case.patient for case in cases.figshare_cases(data / "figshare_brain_tumor", {"8"})] == ["8"]
    found = list(cases.progression_cases(data / "brain3d_btp", {"P06"}))
    assert [(case.patient, case.label, int(case.truth_kji.sum())) for case in found] == [("P06", "glioma", 16)] * 2


def test_a_label_map_is_judged_as_a_whole_and_in_the_slices_with_a_tumour(data) -> None:
    (case,) = cases.figshare_cases(data / "figshare_brain_tumor", {"8"})
    found = np.zeros(case.truth_kji.shape, np.uint8)
    found[:, 8:12, 8:11] = 1  # half of the 24 pixels of the first slice, and 12 where there is no tumour
    outcome = cases.measure_overlap(case, found)
    assert outcome.iou == pytest.approx(12 / 36)
    assert outcome.dice == pytest.approx(24 / 48)
    assert outcome.slice_ious == pytest.approx([0.5])


def test_the_images_of_the_training_are_written_where_masks_are_poisoned(data, tmp_path) -> None:
    (data / "figshare_brain_tumor" / "masks_256.zip").write_bytes(b"poison")
    preparation.write_figshare(data / "figshare_brain_tumor", tmp_path / "images")
    assert sorted(path.name for path in (tmp_path / "images").iterdir()) == ["7-axial-1.nii.gz", "8-coronal-2.nii.gz"]
    stored = read_volume(tmp_path / "images" / "8-coronal-2.nii.gz")
    assert stored.grid.size == (SIDE, SIDE, 2)
    labels = list(preparation.figshare_labels(data))
    assert [(line["file"], line["slice"], line["label"], line["fold"]) for line in labels] == [
        ("figshare/7-axial-1.nii.gz", 0, "meningioma", 1),
        ("figshare/8-coronal-2.nii.gz", 0, "glioma", 3),
        ("figshare/8-coronal-2.nii.gz", 1, "glioma", 3),
    ]


def test_a_folder_that_is_not_a_trainings_is_refused(training) -> None:
    with pytest.raises(InputError, match=r"tiny is not the output folder of a training; run camlocalizer train"):
        cases.fold_networks(training / "tiny")


@pytest.mark.parametrize(("everyone", "expected"), [(False, {3, 4}), (True, {1, 3, 4})])
def test_refinement_is_measured_by_the_network_that_held_the_patient_out(
    data, training, everyone, expected, monkeypatch
) -> None:
    used = []
    networks = refinement.fold_networks(training)
    localizer = networks.localizer
    networks.localizer = lambda patient: used.append(patient) or localizer(patient)
    monkeypatch.setattr(refinement, "fold_networks", lambda folder: networks)
    rows = list(refinement.measured(data, training, everyone=everyone))
    assert {row.fold for row in rows} == expected
    assert {networks.folds[patient] for patient in used} == expected
    assert len(rows) == len(used) * len(REFINEMENTS)
    assert {row.group for row in rows if row.fold == 3} == {"glioma"}
    assert {row.group for row in rows if row.fold == 4} == {refinement.PROGRESSION}


def test_follow_up_measures_a_pair_by_the_network_that_held_the_patient_out(data, training, monkeypatch) -> None:
    used = []
    networks = cases.fold_networks(training)
    found = SimpleNamespace(
        total=SimpleNamespace(measurements=[SimpleNamespace(volume_ml=2.0), SimpleNamespace(volume_ml=3.0)]),
        tumours=(),
        registrations=[SimpleNamespace(angle_deg=1.5)],
    )
    monkeypatch.setattr(follow_up, "fold_networks", lambda folder: networks)
    monkeypatch.setattr(follow_up, "followed", lambda files, localizer: used.append((files, localizer)) or found)
    lines = follow_up.pairs(data, training)
    assert [localizer for _, localizer in used] == [networks.localizer("P01"), networks.localizer("P06")]
    assert [path.name for path, _ in used[1][0]] == ["P06_Pre_T1post.nii.gz", "P06_Post_T1post.nii.gz"]
    assert lines[2:] == [
        f"| {patient} | 0.9 → 0.9 | +0 % | 2.0 → 3.0 | +50 % | none | 1.5 degrees |" for patient in ("P01", "P06")
    ]


def test_follow_up_refuses_patients_that_no_fold_held_out(data, training) -> None:
    (training / "predictions.csv").write_text("image,patient,fold\na,7,1\nc,P01,1\n")
    with pytest.raises(InputError, match="no fold of the training held out the patients P06"):
        follow_up.pairs(data, training)
