"""Figures of hand-made judgements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from CAMLocalizerLib.evaluation.assessment import Agreement, Assessment, LabelledFile
from CAMLocalizerLib.evaluation.figures import Figure, measure_quality, reliability
from CAMLocalizerLib.evaluation.quality_files import figure_text
from CAMLocalizerLib.evaluation.quality_pictures import ranked
from CAMLocalizerLib.metrics import LesionCounts
from CAMLocalizerLib.training.table import Row


def case(
    patient: str, iou: float | None = None, *, kind: str = "slice", label: str = "glioma", **fields
) -> Assessment:  # fmt: skip
    """A case whose baseline does half as well as the model."""
    file = LabelledFile(Path("x"), (Row(2, f"{patient}.png", Path("x"), label, patient),), site=fields.pop("site", ""))
    ml, counts = fields.pop("ml", 1.0), fields.pop("counts", LesionCounts(1, 1, 1, 0))
    found = {
        name: Agreement(factor * iou, factor * iou, 2.0, ml, counts)
        for name, factor in (("model", 1), ("suv-4", 0.5))
        if iou is not None
    }
    values = {
        "plane": "axial", "tumour": label != "none", "probability": 0.9, "found_class": label, "confidence": 0.8,
        "right": True,
    }  # fmt: skip
    return Assessment(kind, file, None, patient, label, **(values | fields), agreement=found)


def figure(figures: list[Figure], measure: str, group: str = "all", system: str = "model") -> Figure:
    (found,) = [each for each in figures if (each.measure, each.group, each.system) == (measure, group, system)]
    return found


def test_slices_are_averaged_over_all_and_within_groups() -> None:
    cases = [
        case("a", 0.0, site="north"),
        case("a", 0.4, label="meningioma", site="north"),
        case("b", 0.8, plane="coronal", site="south"),
    ]
    figures = measure_quality(cases, ("suv-4",), draws=40)
    whole = figure(figures, "mean IoU")
    assert (whole.value, whole.patients, whole.images) == (pytest.approx(0.4), 2, 3)
    assert (whole.low, whole.high) == pytest.approx((0.2, 0.8))  # patient a alone, patient b alone
    assert figure(figures, "mean IoU", system="suv-4").value == pytest.approx(0.2)
    assert figure(figures, "share with IoU <= 0.01").value == pytest.approx(1 / 3)
    groups = {each.group: each.value for each in figures if each.measure == "mean IoU" and each.system == "model"}
    assert groups == pytest.approx(
        {"all": 0.4, "glioma": 0.4, "meningioma": 0.4, "axial": 0.2, "coronal": 0.8, "north": 0.2, "south": 0.8}
    )
    assert np.isnan(figure(figures, "mean IoU", "north").low)  # one patient has no interval


def test_volumes_with_and_without_a_tumour_are_measured_apart() -> None:
    cases = [
        case("a", 0.5, kind="volume", counts=LesionCounts(3, 1, 4, 3)),
        case("b", 0.7, kind="volume", counts=LesionCounts(1, 1, 1, 0)),
        case("c", 0.0, kind="volume", label="none", ml=5.0, counts=LesionCounts(0, 0, 2, 2), probability=0.2),
        case("d", 1.0, kind="volume", label="none", ml=0.0, counts=LesionCounts(0, 0, 0, 0), probability=0.95),
    ]
    figures = measure_quality(cases, draws=20)
    assert figure(figures, "mean Dice in 3D").value == pytest.approx(0.6)
    assert figure(figures, "share of lesions touched").value == 0.5
    assert figure(figures, "false components per volume").value == 1.5
    assert figure(figures, "ml marked").value == 2.5
    assert figure(figures, "components marked").value == 1
    assert figure(figures, "AUC").value == 0.5
    assert figure(figures, "sensitivity at 95 % specificity").value == 0


def test_types_and_calibration_count_what_is_known() -> None:
    cases = [
        case("a", confidence=0.75),
        case("b", confidence=0.75, right=False),
        case("c", label="tumour", right=None),
        case("d", label="none", confidence=0.95),
    ]
    figures = measure_quality(cases, draws=20)
    assert figure(figures, "share with the right type").value == 0.5
    assert figure(figures, "share with the right type").images == 2
    assert figure(figures, "expected calibration error").value == pytest.approx((2 * 0.25 + 0.05) / 3)
    assert [each.images for each in reliability(cases, "slice")] == [0] * 7 + [2, 0, 1]
    assert {each.part for each in figures} == {"classes of slices"}


def test_best_median_and_worst_are_different_cases() -> None:
    cases = [case(name, iou) for name, iou in zip("abcde", (0.3, 0.9, 0.1, 0.5, 0.7), strict=True)]
    chosen = ranked([*cases, case("f", 1.0, label="none")], "slice")
    assert {rank: each.patient for rank, each in chosen.items()} == {"best": "b", "median": "d", "worst": "c"}
    assert list(ranked(cases[:2], "slice")) == ["best", "worst"]
    assert list(ranked(cases[:1], "slice")) == ["best"]
    assert ranked(cases, "volume") == {}


def test_figures_are_written_with_their_interval() -> None:
    known = Figure("tumour slices", "mean IoU", "all", "model", 0.4216, 0.35, 0.5, 3, 9)
    assert figure_text(known) == "0.422 [0.350, 0.500]"
    nan = float("nan")
    assert figure_text(Figure("tumour slices", "ml found", "all", "model", 12.34, nan, nan, 1, 1)) == "12.3"
    assert figure_text(Figure("tumour slices", "AUC", "all", "model", nan, nan, nan, 1, 1)) == "-"
