"""The classifiers as segmenters on drawn regions, with a tiny network in place of the six."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_mias import write_mias
from tiny_rois import TinyNet

from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.evaluation.filters import FILTERS, FilterResult, retrain
from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.networks.pretrained import PUBLISHED as PUBLISHED_WEIGHTS
from CAMLocalizerLib.networks.pretrained import imagenet_tensors
from reproduction.datasets.mias.images import read_mias
from reproduction.papers.segmenters import reproduce as segmenters
from reproduction.papers.segmenters import study as segmenters_study
from reproduction.papers.segmenters.plan import ENCODER, MEASURES, NETWORKS, PUBLISHED, QUICK, SETTINGS, published
from reproduction.papers.segmenters.report import blind_overlaps, entries, findings, rows_of
from reproduction.papers.segmenters.study import Measured


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_mias(folder / "mias_rois", pairs=10)
    return folder


@pytest.fixture(scope="module")
def done(data, tmp_path_factory):
    """A quick run of one network, here a tiny one, with every filter."""
    place = tmp_path_factory.mktemp("run")
    settings = replace(QUICK, networks=("nasnet_mobile",), everywhere=True, size=32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segmenters, "QUICK", settings)
        patch.setattr(segmenters_study, "build_network", lambda _name, **options: TinyNet(**options))
        lines: list[str] = []
        segmenters.reproduce(data, place / "out", place / "work", quick=True, report=lines.append)
        yield place, lines, settings


def table(place: Path) -> list[dict[str, str]]:
    with (place / "out" / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_table_has_its_row_with_ours_and_the_papers(done):
    cells = {(line["table"].split(".")[0].split(":")[0], line["row"], line["measure"]): line for line in table(done[0])}
    accuracy = cells["Table I", "NASNetMobile", "val_acc"]
    assert 0 <= float(accuracy["ours"]) <= 1
    assert accuracy["paper"] == "0.848"
    assert cells["Table I", "NASNetMobile", "Dice"]["paper"] == "0.353"
    for measure, paper in (("CAM_val_acc", "0.768"), ("mask_val_acc", "0.872"), ("inverse_mask_val_acc", "")):
        assert cells["Table II", "NASNetMobile", measure]["paper"] == paper
        assert cells["Table II", "NASNetMobile", measure]["ours"]
    assert {path.name for path in (done[0] / "out").iterdir()} == {"figure8.png", "table.csv", "table.md"}


def test_pictures_of_patients_stay_in_the_work_folder(done):
    assert {path.name for path in (done[0] / "work").rglob("*.png")} == {"maps.png", "filtered.png"}


def test_a_finished_run_is_not_trained_again(done, data):
    place, lines, _ = done
    before = (place / "out" / "table.csv").read_text()
    assert any("epoch 1 of 1" in line for line in lines)
    again: list[str] = []
    segmenters.reproduce(data, place / "out", place / "work", quick=True, report=again.append)
    assert again == []
    assert (place / "out" / "table.csv").read_text() == before
    assert not list((place / "work").rglob("*.safetensors"))  # weights are not kept


def test_figures_of_other_settings_are_refused(done, data, monkeypatch):
    place, _, settings = done
    monkeypatch.setattr(segmenters, "QUICK", replace(settings, epochs=2))
    with pytest.raises(ModelError, match="was made with other settings"):
        segmenters.reproduce(data, place / "out", place / "work", quick=True, report=print)


def test_a_damaged_map_file_is_named(done, data, tmp_path):
    settings = done[2]
    rois = segmenters.chosen_regions(read_mias(data / "mias_rois", size=32, seed=settings.seed), 1)
    (tmp_path / "fold-1" / "nasnet_mobile").mkdir(parents=True)
    (tmp_path / "fold-1" / "nasnet_mobile" / "maps.npz").write_bytes(b"no archive")
    with pytest.raises(ModelError, match=r"maps\.npz cannot be read"):
        segmenters.Study(rois, tmp_path, settings, print).maps("nasnet_mobile", 1)


def test_the_inverse_mask_is_for_inception_alone_unless_asked():
    assert "inverse-mask" in SETTINGS.filters("inception_v3")
    assert "inverse-mask" not in SETTINGS.filters("xception")
    assert "inverse-mask" in replace(SETTINGS, everywhere=True).filters("xception")
    assert SETTINGS.filters(ENCODER) == FILTERS


@pytest.mark.skipif(PUBLISHED_WEIGHTS["efficientnet-lite0"].path is None, reason="the weights are not installed")
def test_a_network_with_imagenet_weights_is_a_row_without_figures_of_the_paper(data, tmp_path, monkeypatch):
    used = []

    def spied(build, rois, kind, options, folder, **settings):
        state = build().encoder.state_dict()
        tensors = imagenet_tensors("efficientnet-lite0")
        used.append((kind, settings["normalisation"], all(torch.equal(state[name], tensors[name]) for name in tensors)))
        return retrain(build, rois, kind, options, folder, **settings)

    monkeypatch.setattr(segmenters, "QUICK", replace(QUICK, networks=(ENCODER,), size=32))
    monkeypatch.setattr(segmenters_study, "retrain", spied)
    monkeypatch.setattr(segmenters_study, "build_network", build_network)
    segmenters.reproduce(data, tmp_path / "out", tmp_path / "work", quick=True, report=lambda _: None)
    assert used == [(kind, "none", True) for kind in FILTERS]
    lines = [line for line in table(tmp_path) if line["row"] == NETWORKS[ENCODER]]
    assert all(line["ours"] and not line["paper"] for line in lines)
    measures = {line["measure"] for line in lines if line["table"].startswith("Table II.")}
    assert measures == {*MEASURES.values(), "Dice"}
    assert "starts from ImageNet weights, for each filter anew" in (tmp_path / "out" / "table.md").read_text()


def test_the_papers_comparisons_leave_the_added_network_out(data):
    rois = read_mias(data / "mias_rois", size=32)
    measured = [
        made_up(name, 1, original=paper.val_acc, cam=paper.cam_val_acc, mask=paper.mask_val_acc)
        for name, paper in PUBLISHED.items()
    ]
    added = replace(made_up("xception", 1, original=0.95, cam=0.1, mask=0.2), network=ENCODER)
    alone, both = (findings(rows_of(each), rois) for each in (measured, [*measured, added]))
    assert both[:1] == alone[:1]
    assert both[3:-1] == alone[3:]
    assert "val_acc 0.950 (best of the paper's networks, from random weights: InceptionV3 0.872)" in both[-1]
    assert published(ENCODER).accuracies == dict.fromkeys(FILTERS)
    assert not findings(rows_of([added]), rois)[0].startswith("Highest")


def made_up(network: str, fold: int, **accuracies: float) -> Measured:
    figures = {"last_accuracy": 0.5, "sensitivity": 0.5, "specificity": 0.5, "auc": 0.5, "epochs": 3, "best_epoch": 2}
    results = {
        kind: FilterResult(filter=kind, fold=fold, images=48, accuracy=value, **figures)
        for kind, value in accuracies.items()
    }
    dice = np.array([0.1, 0.3, PUBLISHED[network].dice * 3 - 0.4])
    return Measured(network, fold, results, dice, np.array([True, False, False]), 0.0, 1.0)


def test_findings_are_computed_from_the_figures(data):
    rois = read_mias(data / "mias_rois", size=32)
    measured = [
        made_up(name, 1, original=paper.val_acc, cam=paper.cam_val_acc, mask=paper.mask_val_acc)
        for name, paper in PUBLISHED.items()
    ]
    text = " ".join(findings(rows_of(measured), rois))
    assert "Xception with 0.435; the paper's" in text
    assert "mask above original above CAM, is found again" in text
    assert "over 6 classifiers: 0.94 (paper: 0.94)" in text
    worse = [replace(each, results={**each.results, "cam": each.results["mask"]}) for each in measured]
    assert "is not found again" in " ".join(findings(rows_of(worse), rois))
    alike = [made_up(name, 1, original=0.6, cam=0.5, mask=0.6) for name in PUBLISHED]
    assert "Rank correlation" not in " ".join(findings(rows_of(alike), rois))  # it is not defined


def test_folds_are_averaged_with_their_deviation(data):
    rois = read_mias(data / "mias_rois", size=32)
    measured = [made_up("xception", 1, original=0.6), made_up("xception", 2, original=0.8)]
    entry = next(each for each in entries(rows_of(measured), rois) if each.measure == "val_acc")
    assert entry.ours == pytest.approx(0.7)
    assert entry.ours_std == pytest.approx(0.1414, abs=1e-4)
    assert entry.count == 96
    held_out = next(each for each in entries(rows_of(measured), rois) if each.measure.startswith("Dice, held"))
    assert held_out.ours == pytest.approx(0.1)


def test_a_blind_map_scores_the_dice_of_the_whole_image(data):
    rois = read_mias(data / "mias_rois", size=32)
    share = rois.truth[rois.labels == 1].mean(axis=(1, 2))
    expected = 255 / 256 * 2 * share / (1 + share)
    np.testing.assert_allclose(blind_overlaps(rois)["the same everywhere"], expected, rtol=1e-6)


def test_settings_are_kept_with_the_figures(done):
    place, _, settings = done
    stored = json.loads((place / "work" / "quick" / "fold-1" / "nasnet_mobile" / "cam.json").read_text())
    assert stored["settings"]["epochs"] == settings.epochs
    assert stored["result"]["filter"] == "cam"
