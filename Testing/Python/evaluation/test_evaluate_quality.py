"""The command ``evaluate``: figures, cases and pictures of a model, or of the folds of a training."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_bundle import save_tiny_bundle
from tiny_training import write_config, write_pictures

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.cli.evaluate import BASELINES as OFFERED
from CAMLocalizerLib.core import Grid
from CAMLocalizerLib.evaluation.baselines import BASELINES
from CAMLocalizerLib.evaluation.quality import FILES
from CAMLocalizerLib.io import read_volume, write_nifti
from CAMLocalizerLib.localizer import Localizer
from CAMLocalizerLib.metrics import dice


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Pictures of squares with their masks, and a table of them; ``table.csv`` has a volume besides, for ``tiny``."""
    place = tmp_path_factory.mktemp("quality")
    save_tiny_bundle(place / "tiny")
    write_pictures(place)
    (place / "masks").mkdir()
    for row in rows_of(place / "labels.csv"):
        if row["x"]:
            mask = np.zeros((16, 24), dtype=np.uint8)
            mask[int(row["y"]) - 2 : int(row["y"]) + 3, int(row["x"]) - 2 : int(row["x"]) + 3] = 255
            Image.fromarray(mask).save(place / "masks" / row["file"])
    lines = ["datei;label;patient;hospital;mask"]
    for row in rows_of(place / "labels.csv"):
        label, mask = ("glioma", f"masks/{row['file']}") if row["x"] else ("healthy", "")
        lines.append(f"images/{row['file']};{label};{row['patient']};north;{mask}")
    grid = Grid((20, 24, 5), (1.1, 0.9, 4.0), (3.0, 2.0, 1.0), np.diag([-1.0, 1.0, 1.0]))
    mask = np.zeros(grid.shape_kji, dtype=np.float32)
    mask[2:4, 5:12, 6:15] = 1
    for name, truth in (("sick", mask), ("well", 0 * mask)):
        write_nifti(
            np.random.default_rng(4).random(mask.shape, dtype=np.float32) + truth, grid, place / f"{name}.nii.gz"
        )
    write_nifti(mask, grid, place / "masks" / "sick.nii.gz")
    lines += ["sick.nii.gz;glioma;V1;south;masks/sick.nii.gz", "well.nii.gz;none;V2;south;"]
    (place / "table.csv").write_text("\n".join(lines))
    return place


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def run(folder: Path, output: Path, *more: str) -> int:
    columns = ("--column", "file=datei", "--column", "site=hospital")
    fixed = ("--output", str(output), "--device", "cpu", *columns)
    return main(["evaluate", str(folder / "tiny"), str(folder / "table.csv"), *fixed, *more])


def figure(found: dict, measure: str, group: str = "all", system: str = "model") -> dict:
    (only,) = [
        each
        for each in found["figures"]
        if (each["measure"], each["group"], each["system"]) == (measure, group, system)
    ]
    return only


def test_a_model_is_measured_beside_its_baseline(folder, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    assert run(folder, out) == 0
    assert {path.name for path in out.iterdir()} == set(FILES)
    found, cases = json.loads((out / "figures.json").read_text()), rows_of(out / "cases.csv")
    assert (found["patients"], found["files"], found["baselines"]) == (8, 14, ["largest-bright"])
    sick = Localizer(str(folder / "tiny"), device="cpu").run(read_volume(folder / "sick.nii.gz"))
    truth = read_volume(folder / "masks" / "sick.nii.gz").array_kji
    (line,) = [row for row in cases if (row["kind"], row["case"]) == ("volume", "sick.nii.gz")]
    expected = dice(truth, sick.label_map().array_kji)
    assert float(line["model: dice"]) == pytest.approx(expected, abs=1e-4)
    assert figure(found, "mean Dice in 3D")["value"] == pytest.approx(expected, abs=1e-5)
    (free,) = [row for row in cases if (row["kind"], row["case"]) == ("volume", "well.nii.gz")]
    assert figure(found, "ml marked")["value"] == pytest.approx(float(free["model: found_ml"]), abs=1e-3)
    ious = [float(row["model: iou"]) for row in cases if (row["kind"], row["tumour"]) == ("slice", "1")]
    overall = figure(found, "mean IoU")
    assert (overall["images"], overall["patients"]) == (len(ious), 7)
    assert overall["value"] == pytest.approx(np.mean(ious), abs=1e-4)
    assert overall["low"] <= overall["value"] <= overall["high"]
    assert {each["group"] for each in found["figures"]} >= {"all", "north", "south"}
    assert figure(found, "mean IoU", system="largest-bright")["images"] == len(ious)
    assert sum(each["images"] for each in found["reliability"]["slice"]) == 12 + 5 + 5
    assert set(found["reliability"]["slice"][0]) == {"low", "high", "images", "mean_probability", "share_right"}
    assert "tumour slices, mean IoU, model:" in capsys.readouterr().out


def test_the_command_offers_every_baseline() -> None:
    assert OFFERED == BASELINES


def test_the_table_states_how_it_was_made(folder, tmp_path) -> None:
    assert run(folder, tmp_path / "out", "--seed", "3", "--baseline", "none") == 0
    text = (tmp_path / "out" / "table.md").read_text()
    checksum = json.loads((folder / "tiny" / "model.json").read_text())["sha256"]
    for part in ("camlocalizer evaluate", "--column site=hospital", f"SHA-256 `{checksum}`", "8 patients", "seed 3"):
        assert part in text
    assert "largest-bright" not in text


def test_pictures_show_both_outlines(folder, tmp_path) -> None:
    assert run(folder, tmp_path / "out") == 0
    with Image.open(tmp_path / "out" / "cases.png") as picture:
        assert picture.width == 1600
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 24)}
    assert {(0xFF, 0xB0, 0x00), (0x4D, 0xFF, 0xD2)} <= colours


def test_results_are_there_whole_or_not_at_all(folder, tmp_path, capsys, monkeypatch) -> None:
    from CAMLocalizerLib.evaluation import quality

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(quality, "write_table", fail)
        assert run(folder, out) == 2
    assert "the disk is full" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert run(folder, out) == 0
    capsys.readouterr()
    assert run(folder, out) == 2
    assert "exists" in capsys.readouterr().err
    assert run(folder, out, "--overwrite") == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--column", "site"), "--column takes NAME=COLUMN"),
        (("--column", "sites=hospital"), "unknown column 'sites'; did you mean 'site'?"),
        (("--column", "plane=Ebene"), "has no column 'Ebene'"),
    ],
)
def test_columns_that_are_not_there_are_named(folder, tmp_path, capsys, arguments, sentence) -> None:
    assert run(folder, tmp_path / "out", *arguments) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore")
def test_the_folds_of_a_training_judge_the_patients_that_they_did_not_see(folder, tmp_path, capsys) -> None:
    config = write_config(
        folder / "config.json",
        folds={"count": 3, "run": None, "final": True},
        training={"epochs": 1},
    )
    training, out = tmp_path / "training", tmp_path / "out"
    assert main(["train", str(config), "--output", str(training)]) == 0
    common = ["--images", str(folder / "images"), "--device", "cpu", "--output", str(out)]
    command = ["evaluate", str(training), str(folder / "labels.csv"), *common, "--masks", str(folder / "masks")]
    assert main(command) == 0
    cases = {row["case"]: row for row in rows_of(out / "cases.csv")}
    predictions = rows_of(training / "predictions.csv")
    assert len(predictions) == len(cases) == 12
    for row in predictions:
        own = cases[row["image"]]
        assert own["network of fold"] == row["fold"]
        assert float(own["p(tumour)"]) == pytest.approx(float(row["p(square)"]), abs=1e-3)
    text = (out / "table.md").read_text()
    assert "judged by the network of the fold that did not see its patient" in text
    assert "weights, network of fold 2: SHA-256" in text
    capsys.readouterr()
    assert main([*command, "--filters"]) == 2
    assert "--filters needs a model bundle, got the training folder" in capsys.readouterr().err
    (training / "fold-1" / "best.safetensors").unlink()
    assert main([*command, "--overwrite"]) == 2
    assert "the patients of fold 1 cannot be judged without it" in capsys.readouterr().err
    assert (out / "table.md").read_text() == text
