"""Classification metrics of class probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, SettingsError

NAN = float("nan")


@dataclass(frozen=True)
class ClassificationReport:
    """Metrics of a classifier; undefined metrics are nan.

    Args:
        accuracy: fraction of images whose highest probability is that of the true class.
        precision: TP / (TP + FP); nan if the class is never predicted.
        recall: TP / (TP + FN); nan if no image has the class.
        f1: 2 TP / (2 TP + FP + FN); nan if no image has the class.
        sensitivity: same as the recall.
        specificity: TN / (TN + FP); nan if all images have the class.
        auc: area under the receiver operating characteristic; nan if no or all images have the class.
    """

    accuracy: float
    precision: float
    recall: float
    f1: float
    sensitivity: float
    specificity: float
    auc: float


def classification_report(
    truth: NDArray, probabilities: NDArray, *, positive: int | None = None
) -> ClassificationReport:
    """Compare class probabilities with the truth.

    The predicted class is the one with the highest probability, the first of equal ones. With two classes, or with
    ``positive``, all metrics except the accuracy are those of one class against the rest. With more classes they are
    macro averages: means of the one-against-rest metrics over the classes that occur in ``truth``, where the precision
    of a class that is never predicted counts as 0.

    Args:
        truth: class of each image, shape (N,), integers from 0.
        probabilities: shape (N, classes), finite; any increasing score works, including logits of two classes.
        positive: positive class; None for class 1 of two, or for the macro average of more classes.

    Returns:
        The metrics; all nan without images.

    Raises:
        InputError: shapes that do not match, a class without a column, or values that are not finite.
        SettingsError: a positive class without a column, or scikit-learn is not installed.
    """
    truth, scores = _checked(np.asarray(truth), np.asarray(probabilities))
    classes = scores.shape[1]
    if positive is not None and not 0 <= positive < classes:
        raise SettingsError(f"positive class must be 0 to {classes - 1}, got {positive}")
    if not len(truth):
        return ClassificationReport(NAN, NAN, NAN, NAN, NAN, NAN, NAN)
    found = scores.argmax(axis=1)
    accuracy = float((found == truth).mean())
    if positive is None and classes == 2:
        positive = 1
    if positive is not None:
        return ClassificationReport(accuracy, *_of_class(truth, found, scores, positive))
    rows = np.array([_of_class(truth, found, scores, each) for each in np.unique(truth)])
    rows[:, 0] = np.nan_to_num(rows[:, 0])
    return ClassificationReport(accuracy, *rows.mean(axis=0).tolist())


def _of_class(truth: NDArray, found: NDArray, scores: NDArray, positive: int) -> tuple[float, ...]:
    """Return precision, recall, F1, sensitivity, specificity and AUC of one class against the rest."""
    metrics = _scikit_learn_metrics()
    truths, predictions = truth == positive, found == positive
    precision = float(metrics.precision_score(truths, predictions, zero_division=np.nan))
    recall = float(metrics.recall_score(truths, predictions, zero_division=np.nan))
    f1 = float(metrics.f1_score(truths, predictions, zero_division=np.nan)) if truths.any() else NAN
    specificity = float(metrics.recall_score(~truths, ~predictions, zero_division=np.nan))
    both = truths.any() and not truths.all()
    auc = float(metrics.roc_auc_score(truths, _evidence(scores, positive))) if both else NAN
    return precision, recall, f1, recall, specificity, auc


def _evidence(scores: NDArray, positive: int) -> NDArray:
    """Return the score of one class; for two classes the difference, which ranks logits like probabilities."""
    column = scores[:, positive]
    return column - scores[:, 1 - positive] if scores.shape[1] == 2 else column


def _checked(truth: NDArray, probabilities: NDArray) -> tuple[NDArray, NDArray]:
    if truth.ndim != 1 or probabilities.ndim != 2 or len(truth) != len(probabilities):
        raise InputError(
            f"truth has shape {truth.shape} and probabilities {probabilities.shape}, expected (N,) and (N, classes)"
        )
    if not np.isfinite(probabilities).all():
        raise InputError("probabilities must be finite, got nan or infinity")
    classes = probabilities.shape[1]
    if len(truth) and not np.isin(truth, np.arange(classes)).all():
        raise InputError(f"true classes must be 0 to {classes - 1}, got {np.unique(truth).tolist()}")
    return truth.astype(np.int64), probabilities.astype(np.float64)


def _scikit_learn_metrics() -> Any:
    try:
        from sklearn import metrics
    except ImportError:
        raise SettingsError(
            'classification measures need scikit-learn; install it with pip install "camlocalizer[training]"'
        ) from None
    return metrics
