"""Metrics of classes, label maps and boxes against the truth, with confidence intervals."""

from .bootstrap import CONFIDENCE, DRAWS, bootstrap_interval
from .boxes import Box, BoxScore, boxes, iobb, score_boxes
from .calibration import ReliabilityBin, expected_calibration_error, reliability_bins
from .classification import ClassificationReport, classification_report
from .lesions import LesionCounts, count_lesions
from .overlap import dice, fraction_below, iou, mean_dice_over_thresholds, mean_iou, slice_ious
from .presence import auc, sensitivity_at_specificity

__all__ = [
    "CONFIDENCE",
    "DRAWS",
    "Box",
    "BoxScore",
    "ClassificationReport",
    "LesionCounts",
    "ReliabilityBin",
    "auc",
    "bootstrap_interval",
    "boxes",
    "classification_report",
    "count_lesions",
    "dice",
    "expected_calibration_error",
    "fraction_below",
    "iobb",
    "iou",
    "mean_dice_over_thresholds",
    "mean_iou",
    "reliability_bins",
    "score_boxes",
    "sensitivity_at_specificity",
    "slice_ious",
]
