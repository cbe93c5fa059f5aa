"""The tables of soft activation mapping, made in quick mode from synthetic nodules in the real layouts."""

from __future__ import annotations

import csv
import zipfile
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.training.images import ImageSet
from reproduction.papers import reproduce
from reproduction.papers.sam.baselines import DIAMETER, MAJORITY, SMOOTHNESS, Baseline, baselines, roughness
from reproduction.papers.sam.maps import (
    brightness_maps,
    by_maximum,
    centre_maps,
    network_maps,
    points_inside,
    score_maps,
)
from reproduction.papers.sam.report import Evidence, entries, findings
from reproduction.papers.sam.reproduce import QUICK, SETTINGS, fit_options, plan, read_inputs
from reproduction.papers.sam.result import FoldResult, load_result, save_result
from reproduction.papers.sam.rows import BY_NAME, OURS, ROWS, TRAINED

pytest.importorskip("lightning")
pytest.importorskip("monai")
pytest.importorskip("sklearn")

HEADER = "id,patient,label,equiv_diam_px,cx,cy,in_zip"


def png(pixels: np.ndarray) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "png")
    return stream.getvalue()


def write_nodules(folder, count: int = 16) -> None:
    """Write bright discs on noise, large ones malignant, with their masks."""
    folder.mkdir(parents=True)
    noise, lines = np.random.default_rng(6), [HEADER]
    rows, columns = np.mgrid[:128, :128]
    with (
        zipfile.ZipFile(folder / "images_128.zip", "w") as images,
        zipfile.ZipFile(folder / "masks_128.zip", "w") as masks,
    ):
        for index in range(count):
            diameter = 20 if index % 2 else 9
            mask = (columns - 64) ** 2 + (rows - 64) ** 2 <= diameter**2 / 4
            images.writestr(f"N{index}.png", png(noise.integers(10, 80, mask.shape) + 150 * mask))
            masks.writestr(f"N{index}.png", png(mask * 255))
            lines.append(f"N{index},P{index},{'malignant' if index % 2 else 'benign'},{diameter},64,64,1")
    (folder / "nodules.csv").write_text("\n".join(lines) + "\n")


def cells(folder) -> dict[tuple[str, str, str], dict[str, str]]:
    with (folder / "table.csv").open(newline="") as file:
        return {(line["table"].split(":")[0], line["row"], line["measure"]): line for line in csv.DictReader(file)}


def stop_at(line: str):
    """A report that interrupts the run as Ctrl+C does."""

    def report(told: str) -> None:
        if told.startswith(line):
            raise KeyboardInterrupt

    return report


def crops(labels=(0, 1, 0, 1)) -> ImageSet:
    random = np.random.default_rng(1)
    images = random.normal(size=(len(labels), 1, 32, 32)).astype(np.float32)
    names = np.array([f"n{index}" for index in range(len(labels))])
    folds = np.arange(len(labels)) // 2 % 2 + 1
    return ImageSet(images, np.array(labels), ("benign", "malignant"), names, folds, names)


def result(row: str, fold: int, accuracy: float, dataset: str = "D_1C") -> FoldResult:
    figures = {"accuracy": accuracy, "sensitivity": 0.8, "specificity": 0.7, "auc": 0.9}
    return FoldResult(dataset, row, fold, 400, 100, figures, 1.0, None)


def test_an_interrupted_run_leaves_a_table_and_goes_on_to_all_rows(tmp_path) -> None:
    write_nodules(tmp_path / "data" / "lidc_nodules")
    arguments = (tmp_path / "data", tmp_path / "out", tmp_path / "work")
    with pytest.raises(KeyboardInterrupt):
        reproduce("sam", *arguments, quick=True, report=stop_at("D_1C-fold-1-Ours-CAM: training"))
    assert cells(tmp_path / "out")["Table 1", "ResNet18-SAM", "D_1C"]["ours"] != ""
    told: list[str] = []
    reproduce("sam", *arguments, quick=True, report=told.append)
    assert "D_1C-fold-1-ResNet18-SAM: measured before" in told
    table = cells(tmp_path / "out")
    for row in QUICK.rows:
        for dataset in ("D_1C", "D_3C"):
            cell = table["Table 1", row, dataset]
            assert 0 <= float(cell["ours"]) <= 100
            assert float(cell["paper"]) == BY_NAME[row].accuracies[dataset]
    assert table["Table 1", "Ours-HESAM", "D_11C"]["ours"] == ""
    assert table["Table 1", "PN_SAMP", "D_1C"]["ours"] == ""
    assert float(table["Table 1", "Ours-HESAM", "D_1C"]["count"]) == 16
    localisation = "Beyond the paper", "Ours-HESAM", "mean-Dice over 256 thresholds"
    assert 0 < float(table[localisation]["ours"]) < 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"table.csv", "table.md", "maps.png", "heads.png"}
    assert not any(path.is_dir() for path in (tmp_path / "work" / "quick").iterdir())


def test_every_row_of_the_papers_table_is_listed_with_its_figures() -> None:
    assert len(ROWS) == 16
    assert set(TRAINED) == {row.name for row in ROWS} - {"PN_SAMP"}
    listed = entries([], Evidence([], {}))
    papers = {(entry.row, entry.measure): entry.paper for entry in listed}
    assert papers["VGG16", "D_1C"] == 85.59
    assert papers["Ours-HESAM", "D_11C"] == 99.13
    assert papers["ResNet34-SAM", "specificity"] == 0.9843
    assert all(entry.ours is None for entry in listed)


def test_the_first_fold_of_every_row_comes_before_further_folds() -> None:
    jobs = [(dataset, row.name, fold) for dataset, row, fold in plan(SETTINGS, {"D_1C": crops(), "D_3C": crops()})]
    assert jobs[:15] == [("D_1C", name, 1) for name in TRAINED]
    assert jobs[15:18] == [("D_1C", name, 2) for name in OURS]
    assert jobs[27:] == [("D_3C", name, 1) for name in TRAINED]


def test_the_recipe_is_the_papers_but_for_the_optimiser() -> None:
    options = fit_options(BY_NAME["Ours-HESAM"], SETTINGS)
    assert (options.learning_rate, options.batch_size, options.weight_decay) == (0.0005, 32, 0.0001)
    assert options.augmentation == "none"
    assert fit_options(BY_NAME["VGG16"], SETTINGS).learning_rate < options.learning_rate


def test_multi_slice_inputs_are_read_where_the_original_collection_lies(tmp_path, monkeypatch) -> None:
    (tmp_path / "LIDC-IDRI").mkdir()
    asked = []

    def read(folder, *, channels, folds, seed):
        asked.append((folder.name, channels))
        raise InputError("nothing here")

    monkeypatch.setattr("reproduction.papers.sam.reproduce.read_original_images", read)
    write_nodules(tmp_path / "lidc_nodules", 8)
    with pytest.raises(InputError, match="nothing here"):
        read_inputs(tmp_path, QUICK)
    assert asked == [("LIDC-IDRI", 11)]


def test_a_folder_without_data_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="neither lidc_nodules nor LIDC-IDRI"):
        reproduce("sam", tmp_path, tmp_path / "out", tmp_path / "work", quick=True)


def test_results_are_kept_with_the_settings_that_led_to_them(tmp_path) -> None:
    kept = FoldResult("D_1C", "Ours-SAM", 2, 4, 5, {"accuracy": 0.5}, 1.0, score_maps(*two_maps()))
    save_result(tmp_path / "a.json", kept, {"epochs": 2})
    assert load_result(tmp_path / "a.json", {"epochs": 2}) == kept
    assert load_result(tmp_path / "a.json", {"epochs": 3}) is None


def two_maps() -> tuple[np.ndarray, np.ndarray]:
    truths = np.zeros((2, 8, 8), dtype=bool)
    truths[:, 2:6, 2:6] = True
    maps = np.zeros((2, 8, 8), dtype=np.float32)
    maps[0, 2:6, 2:4] = 1
    return maps, truths


def test_maps_are_scored_by_overlap_and_pointing() -> None:
    score = score_maps(*two_maps())
    assert (score.iou, score.pointing, score.empty, score.count) == (0.25, 0.5, 0.5, 2)
    assert not points_inside(np.zeros((2, 2), dtype=np.float32), np.ones((2, 2), dtype=bool))


def test_maps_without_a_network_are_the_middle_and_the_brightness() -> None:
    images = np.zeros((1, 1, 32, 32), dtype=np.float32)
    images[0, 0, 3, 4] = 2.0
    assert brightness_maps(images)[0].argmax() == 3 * 32 + 4
    middle = centre_maps(images)[0] >= 0.4
    assert middle.sum() == pytest.approx(np.pi * 8**2, rel=0.05)
    assert np.array_equal(middle, middle[::-1, ::-1])
    assert np.all(by_maximum(np.zeros((1, 2, 2), dtype=np.float32)) == 0)


def test_network_maps_explain_the_class_that_is_given() -> None:
    network = nn.Sequential()
    network.features = nn.Identity()
    network.head = nn.Sequential()
    network.head.classifier = nn.Linear(1, 2, bias=False)
    network.head.classifier.weight.data = torch.tensor([[-1.0], [1.0]])
    network.forward = lambda images: network.head.classifier(network.features(images).mean((2, 3)))
    images = np.full((2, 1, 4, 4), 1, dtype=np.float32) * np.array([1, -1], dtype=np.float32)[:, None, None, None]
    assert np.all(network_maps(network, "CAM", images) == 1)


def test_rules_without_a_network_are_fitted_to_the_other_folds() -> None:
    images = crops((0, 1) * 20)
    rules = {rule.name: rule for rule in baselines(images, np.where(images.labels == 1, 20.0, 8.0))}
    assert rules[DIAMETER].accuracies == {1: 1.0, 2: 1.0}
    assert rules[MAJORITY].accuracies == {1: 0.5, 2: 0.5}
    assert 0.2 < rules[SMOOTHNESS].mean([1, 2]) < 0.8


def test_an_enlarged_crop_is_smoother() -> None:
    noise = np.random.default_rng(2).normal(size=(1, 32, 32))
    wave = np.sin(np.arange(32) / 4)[None, None] * np.ones((1, 32, 1))
    assert roughness(wave)[0] < roughness(noise)[0] / 10


def test_findings_compare_rows_on_the_same_folds() -> None:
    results = [result(row, 1, value) for row, value in zip(OURS, (0.80, 0.82, 0.85), strict=True)]
    results.append(result("Ours-CAM", 2, 0.1))
    told = " ".join(findings(results, Evidence(baselines(crops(), None), {})))
    assert "the best row is Ours-HESAM with 85.0%" in told
    assert (
        "Ours-CAM 80.0 (paper 80.3), Ours-SAM 82.0 (paper 81.7), Ours-HESAM 85.0 (paper 83.4): the paper's order"
        in told
    )
    assert "SAM changes CAM's accuracy by +2.0 points on average and is ahead in 1 of 1 pairs" in told
    rules = [Baseline(name, {1: value}) for name, value in ((MAJORITY, 0.6), (DIAMETER, 0.83), (SMOOTHNESS, 0.82))]
    told = " ".join(findings(results, Evidence(rules, {})))
    assert "1 of 3 networks classify more nodules rightly than the diameter alone" in told
    assert "that alone gives 3.0 points less than the best network" in told
    tied = " ".join(findings([result(row, 1, 0.8) for row in OURS], Evidence([], {})))
    assert "not the paper's order" in tied
