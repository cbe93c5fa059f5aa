"""Segment: from the activation maps of slices to a label map of the volume."""

from .components import components, filter_components
from .fuse import NORMALISATIONS, back_project_scales, combine, fuse, scale_weights
from .label import label_map_from_activation
from .levels import ActivationLevels
from .live import LiveSlices
from .projections import fuse_projections, multiply_projections
from .refine import REFINEMENTS, refine
from .regions import Component, Regions, check_rules
from .threshold import METHODS, Threshold, apply_threshold
from .uptake import check_uptake_fraction, label_map_from_uptake, uptake_regions

__all__ = [
    "METHODS",
    "NORMALISATIONS",
    "REFINEMENTS",
    "ActivationLevels",
    "Component",
    "LiveSlices",
    "Regions",
    "Threshold",
    "apply_threshold",
    "back_project_scales",
    "check_rules",
    "check_uptake_fraction",
    "combine",
    "components",
    "filter_components",
    "fuse",
    "fuse_projections",
    "label_map_from_activation",
    "label_map_from_uptake",
    "multiply_projections",
    "refine",
    "scale_weights",
    "uptake_regions",
]
