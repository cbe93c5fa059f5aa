"""The quantitative study: its maps, masks, averages and tables, and a whole run on a few synthetic images."""

from __future__ import annotations

import csv
import json
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from brain_training import write_training
from PIL import Image

from CAMLocalizerLib.cam import CAM
from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.networks.pretrained import PUBLISHED
from reproduction.papers.held_out import ROW
from reproduction.papers.quantitative import maps as maps
from reproduction.papers.quantitative import paper as paper
from reproduction.papers.quantitative import reproduce as quantitative
from reproduction.papers.quantitative import study as quantitative_study
from reproduction.papers.quantitative.plan import ENCODER, ENCODER_PYRAMID, QUICK, SETTINGS
from reproduction.papers.quantitative.record import Measured, over_folds, read_measured, write_measured
from reproduction.papers.quantitative.study import Study, first_of_each, rows_of
from reproduction.papers.quantitative.tables import entries, findings

SIDE = 64
TUMOURS = {"meningioma": (16, 20), "glioma": (32, 32), "pituitary": (46, 30)}
HEADER = "id,tumor,pid,patient_group,plane,run,group_fold,pixel_mm_256\n"


def png(pixels: np.ndarray) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "png")
    return stream.getvalue()


def write_collection(folder: Path) -> None:
    """Two slices of one patient for each tumour and fold: a bright square in a disc of noise."""
    noise, rows = np.random.default_rng(3), []
    distance = np.hypot(*np.mgrid[-32:32, -32:32])
    folder.mkdir()
    with (
        zipfile.ZipFile(folder / "images_256.zip", "w") as images,
        zipfile.ZipFile(folder / "masks_256.zip", "w") as masks,
    ):
        for patient, (fold, tumour) in enumerate(((fold, name) for fold in (1, 2) for name in TUMOURS), start=1):
            for _ in range(2):
                number = len(rows) + 1
                row, column = TUMOURS[tumour]
                mask = np.zeros((SIDE, SIDE))
                mask[row - 5 : row + 5, column - 5 : column + 5] = 255
                brain = np.where(distance < 28, noise.integers(60, 120, (SIDE, SIDE)), 0)
                images.writestr(f"{number:04d}.png", png(np.maximum(brain, mask * 0.9)))
                masks.writestr(f"{number:04d}.png", png(mask))
                rows.append(f"{number},{tumour},{patient},{patient},axial,{patient},{fold},3.92")
    (folder / "labels.csv").write_text(HEADER + "\n".join(rows) + "\n")


def measured(title: str, fold: int, labels: list[int], found: list[int] | None, values: list[float]) -> Measured:
    logits = None if found is None else np.eye(3, dtype=np.float32)[found]
    rule = paper.MASK if found is None else paper.RULES[0]
    return Measured(
        title, fold, tuple(map(str, range(len(labels)))), np.array(labels), logits, {title: {rule: np.array(values)}}
    )


def levels() -> np.ndarray:
    """An 8-bit map of 0, 1, 2, ... 255 with every value once."""
    return np.arange(256, dtype=np.uint8).reshape(16, 16)


def test_the_map_is_the_study_s_equation_and_its_positive_part_is_cam():
    torch.manual_seed(1)
    network = build_network("modified_vgg16", channels=(2, 3, 4, 5, 6), extra_channels=7).eval()
    images = torch.randn(3, 1, 64, 64)
    with torch.no_grad():
        found = maps.class_activation_maps(network, "map")(images)
        by_hand = sum(
            network.head.weight[found.logits.argmax(1), channel][:, None, None] * network.features(images)[:, channel]
            for channel in range(7)
        )
    torch.testing.assert_close(found.maps["map"], by_hand)
    assert (by_hand < 0).any()
    torch.testing.assert_close(found.maps["map"].clamp(min=0), CAM(network, "features", "head")(images).maps[1])
    torch.testing.assert_close(found.logits, network(images))


def test_the_other_maps_explain_the_same_class_and_one_of_them_is_finer():
    torch.manual_seed(1)
    network = build_network("modified_vgg16", channels=(2, 3, 4, 5, 6), extra_channels=7).eval()
    with torch.inference_mode():
        found = maps.other_maps(network, "net")(torch.randn(2, 1, 64, 64))
    sizes = {kind.partition(", ")[2]: tuple(each.shape[1:]) for kind, each in found.maps.items()}
    coarse = {"": (4, 4), "CAM with ReLU": (4, 4), "Grad-CAM++": (4, 4), "Layer-CAM": (4, 4)}
    assert sizes == {**coarse, "Layer-CAM of block 4": (8, 8)}


def test_an_8_bit_map_spans_its_range_and_a_flat_one_is_zero():
    found = maps.eight_bit(torch.tensor([[[-2.0, 0.0], [1.0, 3.0]], [[4.0, 4.0], [4.0, 4.0]]]), (4, 4))
    assert (found[0].min(), found[0].max(), found[0, 0, 0], found[0, 3, 3]) == (0, 255, 0, 255)
    # between the centres of cells: a quarter of the way from -2 to 0
    assert found[0, 0, 1] == round((0.25 * 2) / 5 * 255)
    assert not found[1].any()


@pytest.mark.parametrize(
    ("rule", "pixels"), [("200/255", 55), ("225/255", 30), ("Q90", 26), ("Q95", 13), ("Otsu", 128)]
)
def test_a_rule_takes_the_pixels_above_its_threshold(rule: str, pixels: int):
    found = maps.binarise(levels(), rule)
    assert found.sum() == pytest.approx(pixels, abs=1 if rule == "Otsu" else 0)
    assert levels()[found].min() > levels()[~found].max()


@pytest.mark.parametrize("rule", paper.RULES)
def test_a_flat_map_marks_nothing(rule: str):
    assert not maps.binarise(np.zeros((4, 4), dtype=np.uint8), rule).any()


def test_scales_count_alike_whatever_their_range():
    fine = torch.zeros(1, 4, 4)
    fine[0, 0, 0] = 1e-6
    coarse = torch.zeros(1, 2, 2)
    coarse[0, 1, 1] = 50.0
    found = maps.fuse_scales({1: fine, 2: torch.full((1, 4, 4), 9.0), 4: coarse}, (1, 4), (4, 4))
    assert found[0, 0, 0] == pytest.approx(1)
    assert found[0, 3, 3] == pytest.approx(1)


def test_only_images_classified_correctly_count():
    kept = measured("AlexNet", 1, [0, 0, 1, 2], [0, 1, 1, 2], [0.4, 0.9, 0.2, 0.0])
    assert kept.overlaps("AlexNet", "200/255").tolist() == [0.4, 0.2, 0.0]
    assert kept.overlaps("AlexNet", "200/255", 0).tolist() == [0.4]


def test_the_paper_s_figures_over_all_classes_are_means_over_images():
    shares, off = np.array([708, 1426, 930]) / 3064, {}
    for row, (everything, *classes) in paper.BY_CLASS.items():
        values = np.array([figure for figure, _ in classes])
        off[row] = np.abs([values @ shares - everything[0], values.mean() - everything[0]])
        assert everything == paper.BY_RULE.get(row, (everything,))[0]
    # of the U-Nets every image counts, so that nothing unprinted comes in
    assert max(off["U-Net (VGG-16)"][0], off["U-Net (VGG-19)"][0], off["Modified VGG-16"][0]) < 0.0011
    assert min(off["U-Net (VGG-16)"][1], off["U-Net (VGG-19)"][1], off["Modified VGG-16"][1]) > 0.027


def test_a_deviation_is_over_folds():
    mean, deviation = over_folds([np.array([0.1, 0.3]), np.array([]), np.array([0.6])])
    assert (mean, deviation) == pytest.approx((0.4, np.std([0.2, 0.6], ddof=1)))
    assert over_folds([np.array([0.5])]) == (0.5, None)


def test_the_tables_hold_our_figures_beside_the_paper_s():
    first = measured("Modified VGG-16", 1, [0, 1, 2], [0, 1, 2], [0.6, 0.2, 0.005])
    second = measured("Modified VGG-16", 2, [0, 0, 1, 2], [0, 0, 1, 0], [0.5, 0.3, 0.1, 0.9])
    supervised = measured("U-Net (VGG-16)", 1, [0, 1], None, [0.9, 0.5])
    cells = {(each.table[:7], each.row, each.measure): each for each in entries(rows_of([first, second, supervised]))}
    all_classes = cells["Table 4", "Modified VGG-16", "all classes"]
    assert all_classes.ours == pytest.approx((0.805 / 3 + 0.3) / 2)
    assert (all_classes.paper, all_classes.paper_std, all_classes.count) == (0.122, 0.026, 6)
    assert cells["Table 4", "Modified VGG-16", "Meningioma"].ours == pytest.approx(0.5)
    assert cells["Table 5", "Modified VGG-16", "Pituitary"].ours == 1.0
    assert cells["Table 2", "Modified VGG-16", "accuracy"].ours == pytest.approx(0.875)
    assert cells["Table 3", "U-Net (VGG-16)", "own mask"].ours == pytest.approx(0.7)
    assert cells["Table 3", "U-Net (VGG-16)", "own mask"].paper == 0.666
    assert cells["Every r", "U-Net (VGG-16)", "above 0.122 by"].ours == pytest.approx(0.578)


def test_the_findings_name_the_maps_above_the_paper_s_best():
    rows = rows_of(
        [measured("VGG-16", 1, [0], [0], [0.1]), measured("Modified VGG-16", 1, [0, 1, 2], [0, 1, 2], [0.5, 0.1, 0.3])]
    )
    text = " ".join(findings(rows))
    assert "above the paper's best mIoU of 0.122 at 200/255: Modified VGG-16 0.300 (+0.178)." in text
    assert "not above it: VGG-16 0.100 (-0.022)" in text
    assert "Modified VGG-16 +0.200 (paper +0.027)" in text
    assert "Modified VGG-16 meningioma > pituitary > glioma" in text


def test_figures_are_kept_for_their_recipe_alone(tmp_path):
    kept, path = measured("AlexNet", 1, [0, 1], [0, 0], [0.25, 0.5]), tmp_path / "figures.json"
    write_measured(path, kept, {"epochs": (1, 2)})
    found = read_measured(path, {"epochs": (1, 2)})
    assert found.overlaps("AlexNet", "200/255").tolist() == [0.25]
    assert read_measured(path, {"epochs": (1, 3)}) is None
    path.write_text("{")
    with pytest.raises(InputError, match=r"figures\.json is damaged"):
        read_measured(path, {})


def test_every_network_of_the_paper_is_planned_and_starts_from_one_before_it():
    for settings in (SETTINGS, QUICK):
        titles = [plan.title for plan in settings.plans()]
        assert set(titles) == {*paper.CLASSIFIERS, *paper.SEGMENTERS, "DC-FPN", ENCODER, ENCODER_PYRAMID}
        assert len({plan.folder for plan in settings.plans()}) == len(titles)
        started = [(plan.start, plan.title) for plan in settings.plans() if plan.start]
        assert all(titles.index(start) < titles.index(title) for start, title in started)
        assert all(plan.stages[-1].size <= settings.size for plan in settings.plans())


@pytest.mark.skipif(PUBLISHED["efficientnet-lite0"].path is None, reason="the encoder's weights are not installed")
def test_a_quick_run_goes_through_everything_and_a_second_one_trains_nothing_again(tmp_path):
    write_collection(tmp_path / "figshare_brain_tumor")
    write_training(tmp_path / "training", {str(patient): 1 if patient < 4 else 2 for patient in range(1, 7)})
    lines: list[str] = []
    places = (tmp_path, tmp_path / "out", tmp_path / "work")
    quantitative.reproduce(*places, quick=True, training=tmp_path / "training", report=lines.append)
    with (tmp_path / "out" / "table.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert {*paper.CLASSIFIERS, *paper.SEGMENTERS} <= {row["row"] for row in table}
    other = {
        row["row"] for row in table if row["table"].startswith("Beyond the paper: mIoU of other maps by threshold")
    }
    assert {"DC-FPN, PG-CAM scales 1 and 4", "Modified VGG-16, Grad-CAM++", f"{ROW}, main job"} <= other
    assert f"{ENCODER_PYRAMID}, PG-CAM scale 4" in other
    added = {row["table"].split(".")[0]: row for row in table if row["row"] == ENCODER and row["table"][:5] == "Table"}
    assert set(added) == {"Table 2", "Table 3", "Table 4", "Table 5"}
    assert all(row["ours"] and not row["paper"] for row in added.values() if row["table"].startswith("Table 2"))
    markdown = (tmp_path / "out" / "table.md").read_text()
    assert "we split by patient" in markdown
    assert "figure3.png" in markdown
    assert (tmp_path / "out" / "figure3.png").read_bytes().startswith(b"\x89PNG")
    trained = [line for line in lines if "epochs of" in line]
    study = Study(tmp_path / "figshare_brain_tumor", tmp_path / "work", QUICK, lines.append, tmp_path / "training")
    again = list(study.run())
    assert [line for line in lines if "epochs of" in line] == trained
    assert {row["row"] for row in table} >= set(rows_of(again))


def test_without_a_training_brain_t1ce_is_left_out_with_a_sentence():
    told = quantitative.differences(SETTINGS, [measured("AlexNet", 1, [0], [0], [0.5])])
    assert any("brain-t1ce is left out" in sentence and "`--training DIR`" in sentence for sentence in told)
    of_a_fold = measured(f"{ROW}, image by image", 1, [0], [0], [0.5])
    assert not any("is left out" in sentence for sentence in quantitative.differences(SETTINGS, [of_a_fold]))


def test_the_encoder_is_compared_with_the_best_of_the_papers_networks():
    rows = rows_of(
        [measured("VGG-16", 1, [0, 1], [0, 0], [0.1, 0.9]), measured(ENCODER, 1, [0, 1], [0, 1], [0.5, 0.3])]
    )
    text = " ".join(findings(rows))
    assert "ImageNet weights: accuracy 1.000 (best of the paper's networks, from random weights: VGG-16 0.500)" in text
    assert "mIoU at 200/255 0.400 (VGG-16 0.100)" in text


def test_only_networks_on_an_encoder_start_from_imagenet_on_images_in_its_range(tmp_path):
    write_collection(tmp_path / "figshare_brain_tumor")
    pretrained = [plan for plan in SETTINGS.plans() if plan.encoder_weights]
    assert [plan.title for plan in pretrained] == [ENCODER, ENCODER_PYRAMID]
    assert {plan.normalisation for plan in SETTINGS.plans() if plan not in pretrained} == {"foreground-zscore"}
    study = Study(tmp_path / "figshare_brain_tumor", tmp_path / "work", QUICK, print)
    images = study.images(32, pretrained[0].normalisation).images
    assert images.min() == 0
    assert 0.5 < images.max() <= 1.25
    assert study.images(32).images.min() < -0.5


def test_training_reads_no_mask_but_for_the_u_nets(tmp_path, monkeypatch):
    seen = []

    def refuse(*_arguments: object, **_options: object) -> None:
        seen.append("masks")
        raise AssertionError("a classifier asked for masks")

    write_collection(tmp_path / "figshare_brain_tumor")
    monkeypatch.setattr(quantitative_study, "figshare_masks", refuse)
    study = quantitative_study.Study(tmp_path / "figshare_brain_tumor", tmp_path / "work", QUICK, lambda _line: None)
    plans = {plan.title: plan for plan in QUICK.plans()}
    study.trained(plans["AlexNet"], 1)
    assert not seen
    with pytest.raises(AssertionError, match="a classifier asked for masks"):
        study.trained(plans["U-Net (VGG-16)"], 1)


def test_a_quick_run_takes_the_same_few_images_of_every_class_and_fold(tmp_path):
    write_collection(tmp_path / "collection")
    images = quantitative_images(tmp_path / "collection")
    few = images.where(first_of_each(images, 1))
    assert sorted(zip(few.labels.tolist(), few.folds.tolist(), strict=True)) == [
        (label, fold) for label in (0, 1, 2) for fold in (1, 2)
    ]
    assert first_of_each(images, None).all()


def quantitative_images(folder: Path):
    from reproduction.datasets.figshare.images import figshare_image_set

    return figshare_image_set(folder, size=16)


def test_settings_are_written_as_plain_values():
    plan = SETTINGS.plans()[3]
    assert json.loads(json.dumps(SETTINGS.recipe(plan)))["plans"][0]["title"] == "VGG-16"
