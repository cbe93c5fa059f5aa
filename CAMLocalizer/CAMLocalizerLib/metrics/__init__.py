"""Measures of how well a label map agrees with the truth."""

from .overlap import dice, iou

__all__ = ["dice", "iou"]
