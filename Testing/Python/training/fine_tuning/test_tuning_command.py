"""``camlocalizer train --from``: from a bundle and a table of labels to a bundle that says what it was made from."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_training import write_pictures

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.io import read_volume, write_nifti
from CAMLocalizerLib.io.hashing import voxel_fingerprint
from CAMLocalizerLib.models import ModelBundle, ModelCard, load_model, save_model
from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.training.fine_tuning.parent import TRAINING
from CAMLocalizerLib.training.fit.module import FitModule

SETTINGS = {"encoder": "efficientnet-lite0", "channels": (4, 4, 4, 4), "last_channels": 4, "attention": (-1.0, 1.0)}
CARD = ModelCard(
    name="parent",
    version="3.1",
    network="dcfpn",
    network_settings=SETTINGS,
    modality="pictures",
    spacing_mm=1.0,
    size=(32, 32),
    normalisation="foreground-gamma",
    classes=("nothing", "square"),
    tumour_classes=("square",),
    scales=(1, 2),
    target="any",
    map_normalisation="reference",
    map_levels={1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4},
    threshold="0.35",
    temperature=1.5,
    typical={"spread": (0.1, 0.2)},
    training_data="Squares of 1923.",
    licence="CC BY",
    results={"figshare": {"mean_iou": 0.41}},
)


def save_parent(folder: Path, card: ModelCard = CARD, **settings: object) -> ModelBundle:
    torch.manual_seed(5)
    settings = settings or dict(card.network_settings)
    return save_model(folder / card.name, card, build_network(card.network, classes=2, **settings))


def save_plain_parent(folder: Path) -> ModelBundle:
    settings = {"channels": (3, 3, 3, 3)}
    plain = {"network_settings": settings, "map_normalisation": "slice", "map_levels": {}, "normalisation": "zscore"}
    return save_parent(folder, replace(CARD, **plain))


@pytest.fixture
def data(tmp_path) -> Path:
    write_pictures(tmp_path / "data", 12)
    (tmp_path / "data" / "tune.toml").write_text(
        '[data]\ntable = "labels.csv"\nimages = "images"\n[training]\nepochs = 2\nbatch_size = 4\n'
    )
    return tmp_path / "data"


def tune(data: Path, parent: ModelBundle, *arguments: str, config: str = "tune.toml") -> int:
    start = ["--from", str(parent.folder), "--output", str(data.parent / "out")]
    return main(["train", str(data / config), *start, *arguments])


def test_a_table_of_labels_and_a_bundle_become_a_new_bundle(data, tmp_path, monkeypatch, capsys) -> None:
    parent = save_plain_parent(tmp_path)
    monkeypatch.setattr("CAMLocalizerLib.training.fine_tuning.parent.FOLDS", 3)
    monkeypatch.setitem(TRAINING, "epochs", 1)
    assert tune(data, parent, "--images", str(data / "images"), "--name", "mine", config="labels.csv") == 0
    told = capsys.readouterr().out
    assert "12 images of 6 patients" in told
    assert "before, parent: accuracy" in told
    card = load_model(tmp_path / "out" / "mine").card
    same = ("classes", "spacing_mm", "size", "normalisation", "centre", "scales", "threshold", "temperature", "licence")
    assert {name: getattr(card, name) for name in same} == {name: getattr(parent.card, name) for name in same}
    assert (card.name, card.version) == ("mine", "1.0.0")
    assert card.parent == {
        "name": "parent",
        "version": "3.1",
        "sha256": parent.card.sha256,
        "training_images": "unknown",
    }
    expected = f"Fine-tuned from parent 3.1 (SHA-256 {parent.card.sha256[:12]}...) on 12 images of 6 patients."
    assert card.training_data == f"{expected} Data of parent: Squares of 1923."
    fingerprints = {voxel_fingerprint(read_volume(path)) for path in (data / "images").iterdir()}
    assert set(card.training_images) == fingerprints
    assert set(card.results) == {"cross_validation", "cross_validation_by_patient", "before_parent"}
    assert card.typical["spread"][0] <= 0.1
    assert card.typical["spread"][1] >= 0.2
    assert json.loads((tmp_path / "out" / "training.json").read_text())["patients"] == [f"P{n}" for n in range(6)]


def test_the_encoder_stays_as_it_is_and_decoder_and_head_are_trained(data, tmp_path) -> None:
    parent = save_parent(tmp_path)
    with (data / "tune.toml").open("a") as file:
        file.write("[folds]\ncount = 0\n")
    assert tune(data, parent) == 0
    before, after = (load_model(path).network().state_dict() for path in (parent.folder, tmp_path / "out/parent-tuned"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert not {name for name in changed if name.startswith("encoder.")}
    assert "head.weight" in changed
    assert any(name.startswith("scale1.") for name in changed)
    assert not {name for name in changed if name.endswith(("running_mean", "running_var"))}
    assert (tmp_path / "out" / "final" / "round-1-pseudo-masks.npz").exists()


def test_a_start_that_no_epoch_betters_is_kept(data, tmp_path, capsys) -> None:
    parent = save_plain_parent(tmp_path)
    with (data / "tune.toml").open("a") as file:
        file.write("learning_rate = 50.0\n[folds]\ncount = 3\n")
    assert tune(data, parent) == 0
    told = capsys.readouterr().out
    assert told.count("no epoch is better on the validation patients than the start") == 3
    assert "the new bundle keeps its weights" in told
    before, after = (load_file(path / "weights.safetensors") for path in (parent.folder, tmp_path / "out/parent-tuned"))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert tune(data, parent, "--resume") == 0


def test_an_interrupted_fine_tuning_goes_on_to_the_same_bundle(data, tmp_path, monkeypatch, capsys) -> None:
    parent = save_parent(tmp_path)
    with (data / "tune.toml").open("a") as file:
        file.write("[folds]\ncount = 0\n")
    assert tune(data, parent) == 0
    weights = tmp_path / "out" / "parent-tuned" / "weights.safetensors"
    whole, seen, line = load_file(weights), [], FitModule._line

    def interrupt(module, row):
        seen.append(line(module, row))
        if len(seen) == 2:
            raise KeyboardInterrupt
        return seen[-1]

    with monkeypatch.context() as patch:
        patch.setattr(FitModule, "_line", interrupt)
        assert tune(data, parent, "--overwrite") == 130
    assert f"--from {parent.folder}" in capsys.readouterr().err
    assert not weights.exists()
    assert tune(data, parent, "--resume") == 0
    resumed = load_file(weights)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_another_parent_does_not_go_on_with_a_training(data, tmp_path, capsys) -> None:
    parent = save_plain_parent(tmp_path)
    with (data / "tune.toml").open("a") as file:
        file.write("[folds]\ncount = 0\n")
    assert tune(data, parent) == 0
    other = save_model(
        parent.folder, replace(parent.card, version="4.0"), build_network("dcfpn", classes=2, channels=(3,) * 4)
    )
    assert tune(data, other, "--resume") == 2
    assert "another" in capsys.readouterr().err


def test_volumes_may_be_labelled_as_a_whole_by_slice_or_both(data, tmp_path, oblique_grid) -> None:
    noise = np.random.default_rng(2)
    lines = ["file,label,patient,slice,reader"]
    for number in range(8):
        name = f"v{number}.nii.gz"
        write_nifti(noise.random(oblique_grid.shape_kji).astype(np.float32), oblique_grid, data / name)
        lines.append(f"{name},{'tumour' if number % 2 else 'none'},P{number},,me")
        lines += [f"v{number}.nii.gz,none,P{number},{index},me" for index in (3, 4)] * (number in (4, 5))
    (data / "volumes.csv").write_text("\n".join(lines) + "\n")
    (data / "tune.toml").write_text(
        '[data]\ntable="volumes.csv"\n[training]\nepochs=1\n[folds]\ncount=3\nrun=[1]\nfinal=false\n'
    )
    assert tune(data, save_plain_parent(tmp_path)) == 0
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == {"nothing", "square"}


def test_a_volume_without_tumour_that_shows_one_in_a_slice_is_refused(data, tmp_path, oblique_grid, capsys) -> None:
    write_nifti(np.ones(oblique_grid.shape_kji, np.float32), oblique_grid, data / "v.nii.gz")
    (data / "volumes.csv").write_text("file,label,patient,slice\nv.nii.gz,none,P,\nv.nii.gz,square,P,3\n")
    assert tune(data, save_plain_parent(tmp_path), config="volumes.csv") == 2
    assert "slice 3 of v.nii.gz is labelled 'square', but line 2 labels the volume 'none'" in capsys.readouterr().err


def test_everything_that_the_parent_decides_is_told_at_once(data, tmp_path, capsys) -> None:
    with (data / "tune.toml").open("a") as file:
        file.write('[network]\nname = "vgg"\n[model]\ntumour_classes = ["nothing"]\nname = "parent"\n')
    with (data / "labels.csv").open("a") as file:
        file.write("00.png,triangle,P0,,\n")
    assert tune(data, save_plain_parent(tmp_path)) == 2
    error = capsys.readouterr().err
    for sentence in (
        "[network] is that of parent, which the training starts from; leave the section out",
        "[model] tumour_classes is that of parent",
        "[model] name must differ from that of parent",
        "label 'triangle' is not a class of parent",
    ):
        assert sentence in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[localisation]\nrounds = 1\n", "[localisation] rounds must be 0: parent is not a dcfpn on an encoder"),
        ("[fine_tuning]\ncopies = 0\nanchor = -1.0\n", "[fine_tuning] copies must be at least 1, got 0"),
        ('[objective]\nname = "point"\n', "[objective] name must be cross-entropy"),
    ],
)
def test_options_that_a_bundle_cannot_have_are_refused(data, tmp_path, capsys, text, sentence) -> None:
    with (data / "tune.toml").open("a") as file:
        file.write(text)
    assert tune(data, save_plain_parent(tmp_path)) == 2
    assert sentence in capsys.readouterr().err


def test_too_few_patients_to_see_whether_it_helps_are_refused(data, tmp_path, capsys) -> None:
    (data / "labels.csv").write_text("file,label,patient\n00.png,nothing,P0\n01.png,square,P0\n03.png,square,P1\n")
    assert tune(data, save_plain_parent(tmp_path)) == 2
    assert "too few patients with no tumour: 1; fine-tuning needs 3" in capsys.readouterr().err


def test_a_table_alone_and_options_of_a_fine_tuning_alone_are_refused(data, tmp_path, capsys) -> None:
    assert main(["train", str(data / "labels.csv"), "--output", str(tmp_path / "out")]) == 2
    assert "is a table of labels; give a configuration, or --from MODEL" in capsys.readouterr().err
    (data / "tune.toml").write_text("[fine_tuning]\ncopies = 2\n")
    assert main(["train", str(data / "tune.toml"), "--output", str(tmp_path / "out")]) == 2
    assert "[fine_tuning] is for a training that starts from a model bundle" in capsys.readouterr().err


def test_a_model_of_projections_learns_from_the_labels_of_whole_volumes(data, tmp_path, oblique_grid) -> None:
    noise = np.random.default_rng(2)
    lines = ["file,label,patient"]
    for number in range(4):
        write_nifti(noise.random(oblique_grid.shape_kji).astype(np.float32), oblique_grid, data / f"p{number}.nii.gz")
        lines.append(f"p{number}.nii.gz,{'lung' if number % 2 else 'oesophagus'},P{number}")
    (data / "pet.csv").write_text("\n".join(lines) + "\n")
    (data / "tune.toml").write_text('[data]\ntable = "pet.csv"\n[training]\nepochs = 1\n[folds]\ncount = 0\n')
    card = ModelCard(
        name="pet",
        version="1",
        network="pet_fcn",
        modality="PET",
        spacing_mm=2.0,
        size=(32, 32),
        normalisation="suv-30",
        classes=("lung", "oesophagus"),
        tumour_classes=("lung", "oesophagus"),
        scales=(1,),
        target="class",
        projections=True,
        unit="SUVbw",
    )
    parent = save_model(tmp_path / "pet", card, build_network("pet_fcn", classes=2))
    assert tune(data, parent) == 0
    tuned = load_model(tmp_path / "out" / "pet-tuned").card
    assert (tuned.projections, tuned.views, tuned.unit) == (True, card.views, "SUVbw")


def test_a_model_that_judges_candidates_is_refused(data, tmp_path, capsys) -> None:
    assert main(["train", str(data / "labels.csv"), "--from", "pet-fdg", "--output", str(tmp_path / "out")]) == 2
    assert "pet-fdg judges places of uptake, which labels of images cannot train" in capsys.readouterr().err


def test_tumours_of_unknown_type_are_learnt_and_measured_as_such(data, tmp_path, capsys) -> None:
    classes = {"classes": ("nothing", "square", "disc"), "tumour_classes": ("square", "disc"), "map_levels": {}}
    plain = {"network_settings": {"channels": (3, 3, 3, 3)}, "map_normalisation": "slice", "normalisation": "zscore"}
    seen = voxel_fingerprint(read_volume(data / "images" / "03.png"))
    card = replace(CARD, **classes, **plain, training_images=(seen, "0" * 16))
    torch.manual_seed(5)
    parent = save_model(tmp_path / "parent", card, build_network("dcfpn", classes=3, channels=(3, 3, 3, 3)))
    (data / "labels.csv").write_text((data / "labels.csv").read_text().replace("square", "tumour"))
    with (data / "tune.toml").open("a") as file:
        file.write("[folds]\ncount = 3\nrun = [1]\nfinal = false\n")
    assert tune(data, parent) == 0
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == {"nothing", "tumour"}
    assert "(too good: it was trained on 1 of these files)" in capsys.readouterr().out
    with (tmp_path / "out" / "cross-validation.csv").open(newline="") as file:
        summary = next(csv.DictReader(file))
    shown = [float(row["p(square)"]) + float(row["p(disc)"]) > 0.5 for row in rows]
    right = np.mean([found == (row["label"] == "tumour") for found, row in zip(shown, rows, strict=True)])
    assert float(summary["accuracy"]) == pytest.approx(right, abs=1e-5)


def test_a_strong_anchor_holds_the_weights_at_those_of_the_parent(data, tmp_path) -> None:
    parent = save_plain_parent(tmp_path)
    ways = {}
    for name, anchor in (("free", 0.0), ("held", 5.0)):
        (data / "tune.toml").write_text(
            '[data]\ntable = "labels.csv"\nimages = "images"\n[training]\nepochs = 4\nbatch_size = 4\n'
            'optimizer = "sgd"\nschedule = "constant"\nlearning_rate = 0.05\n'
            f"[folds]\ncount = 0\n[fine_tuning]\nanchor = {anchor}\n"
        )
        assert tune(data, parent, "--name", name, "--overwrite") == 0
        trained = load_file(tmp_path / "out" / "final" / "best.safetensors")["head.weight"]
        ways[name] = float(torch.dist(trained, parent.network().head.weight))
    assert 0 < ways["held"] < 0.6 * ways["free"]
