"""Classification measures against confusion tables counted by hand."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from CAMLocalizerLib.core import InputError, SettingsError
from CAMLocalizerLib.metrics import classification_report


def binary(truth: list[int], tumour: list[float]):
    probability = np.array(tumour)
    return classification_report(np.array(truth), np.stack([1 - probability, probability], axis=1))


def test_two_classes_are_measured_for_class_one() -> None:
    report = binary([1, 1, 1, 0, 0, 0, 0, 0], [0.9, 0.8, 0.2, 0.7, 0.4, 0.3, 0.1, 0.0])  # TP 2, FN 1, FP 1, TN 4
    assert report.accuracy == 6 / 8
    assert report.precision == 2 / 3
    assert report.recall == report.sensitivity == 2 / 3
    assert report.f1 == pytest.approx(4 / 6)
    assert report.specificity == 4 / 5
    assert report.auc == pytest.approx(12 / 15)  # pairs in which the tumour ranks higher: 5 + 5 + 2


def test_the_positive_class_can_be_chosen() -> None:
    truth, probabilities = np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    report = classification_report(truth, probabilities, positive=0)
    assert (report.precision, report.recall, report.specificity) == (1.0, 0.5, 1.0)


def test_logits_of_two_classes_give_the_auc_of_their_probabilities() -> None:
    generator = np.random.default_rng(5)
    logits, truth = generator.normal(size=(40, 2)), generator.integers(0, 2, 40)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert classification_report(truth, logits) == classification_report(truth, probabilities)


def test_more_classes_are_averaged_class_by_class() -> None:
    truth = np.array([0, 0, 1, 1, 2, 2])
    found = np.array([0, 1, 1, 1, 2, 0])
    report = classification_report(truth, np.eye(3)[found])
    assert report.accuracy == 4 / 6
    assert report.precision == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    assert report.recall == report.sensitivity == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    assert report.f1 == pytest.approx((2 / 4 + 4 / 5 + 2 / 3) / 3)
    assert report.specificity == pytest.approx((3 / 4 + 3 / 4 + 1) / 3)
    assert report.auc == pytest.approx((5 / 8 + 7 / 8 + 6 / 8) / 3)


def test_classes_without_images_are_left_out_and_never_found_ones_count_zero_precision() -> None:
    report = classification_report(np.array([0, 0, 1]), np.eye(3)[[0, 2, 0]])
    assert report.precision == pytest.approx((1 / 2 + 0) / 2)
    assert report.recall == pytest.approx((1 / 2 + 0) / 2)


def test_undefined_metrics_are_nan() -> None:
    alike = binary([0, 0], [0.1, 0.2])
    assert (alike.accuracy, alike.specificity) == (1.0, 1.0)
    assert all(math.isnan(value) for value in (alike.precision, alike.recall, alike.f1, alike.auc))
    assert math.isnan(binary([1, 1], [0.9, 0.2]).specificity)
    assert math.isnan(binary([1, 0], [0.1, 0.2]).precision)
    nothing = classification_report(np.zeros(0, int), np.zeros((0, 3)))
    assert math.isnan(nothing.accuracy)
    assert math.isnan(nothing.auc)


@pytest.mark.parametrize(
    ("truth", "probabilities", "match"),
    [
        (np.zeros(3, int), np.zeros((2, 2)), r"\(3,\) and probabilities \(2, 2\)"),
        (np.array([0, 2]), np.zeros((2, 2)), r"must be 0 to 1, got \[0, 2\]"),
        (np.array([0.5, 1.0]), np.zeros((2, 2)), r"got \[0.5, 1.0\]"),
        (np.array([0, 1]), np.array([[0, np.nan], [0, 1]]), "must be finite"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(truth: np.ndarray, probabilities: np.ndarray, match: str) -> None:
    with pytest.raises(InputError, match=match):
        classification_report(truth, probabilities)


def test_a_positive_class_without_a_column_is_refused() -> None:
    with pytest.raises(SettingsError, match="must be 0 to 1, got 2"):
        classification_report(np.array([0, 1]), np.eye(2), positive=2)


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(SettingsError, match=r"camlocalizer\[training\]"):
        classification_report(np.array([0, 1]), np.eye(2))
