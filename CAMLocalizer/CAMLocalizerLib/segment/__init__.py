"""Segment: from the activation maps of slices to a label map of the volume."""

from .components import Component, components, filter_components
from .fuse import NORMALISATIONS, back_project_scales, combine, fuse, scale_weights
from .label import label_map_from_activation
from .threshold import METHODS, Threshold, apply_threshold

__all__ = [
    "METHODS",
    "NORMALISATIONS",
    "Component",
    "Threshold",
    "apply_threshold",
    "back_project_scales",
    "combine",
    "components",
    "filter_components",
    "fuse",
    "label_map_from_activation",
    "scale_weights",
]
