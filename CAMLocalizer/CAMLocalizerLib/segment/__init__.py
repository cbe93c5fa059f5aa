"""Segment: from the activation maps of slices to a label map of the volume."""

from .basins import Basins
from .candidates import Candidates, find_candidates
from .component_set import Component, ComponentSet, check_rules
from .components import components, filter_components
from .fuse import back_project_scales, check_limit, combine, fuse, scale_weights
from .label import label_map_from_activation
from .levels import ActivationLevels
from .liver import LiverUptake, find_liver
from .projections import fuse_projections, multiply_projections
from .refine import refine
from .threshold import METHODS, Threshold, apply_threshold
from .uptake import label_map_from_uptake, uptake_regions
from .uptake_border import USUAL_BORDERS, UptakeBorder, background_uptake

__all__ = [
    "METHODS",
    "USUAL_BORDERS",
    "ActivationLevels",
    "Basins",
    "Candidates",
    "Component",
    "ComponentSet",
    "LiverUptake",
    "Threshold",
    "UptakeBorder",
    "apply_threshold",
    "back_project_scales",
    "background_uptake",
    "check_limit",
    "check_rules",
    "combine",
    "components",
    "filter_components",
    "find_candidates",
    "find_liver",
    "fuse",
    "fuse_projections",
    "label_map_from_activation",
    "label_map_from_uptake",
    "multiply_projections",
    "refine",
    "scale_weights",
    "uptake_regions",
]
