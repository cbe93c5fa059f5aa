"""Measures of how well classes, label maps and boxes agree with the truth."""

from .boxes import Box, BoxScore, boxes, iobb, score_boxes
from .classification import ClassificationReport, classification_report
from .overlap import dice, iou, mean_dice_over_thresholds, mean_iou, share_below

__all__ = [
    "Box",
    "BoxScore",
    "ClassificationReport",
    "boxes",
    "classification_report",
    "dice",
    "iobb",
    "iou",
    "mean_dice_over_thresholds",
    "mean_iou",
    "score_boxes",
    "share_below",
]
