"""Measures of label maps: size, intensity, uptake, radiomics and growth."""

from .component_measures import ComponentMeasures, measure_components, measure_segments, measure_union
from .placing import place_label_map
from .radiomics import RadiomicsTable, has_pyradiomics, radiomics, segment_masks
from .radiomics_params import RadiomicsParams, read_radiomics_params
from .suv_meter import SuvMeter
from .suv_peak import RADIUS_MM, SphereMeans, sphere_weights

__all__ = [
    "RADIUS_MM",
    "ComponentMeasures",
    "RadiomicsParams",
    "RadiomicsTable",
    "SphereMeans",
    "SuvMeter",
    "has_pyradiomics",
    "measure_components",
    "measure_segments",
    "measure_union",
    "place_label_map",
    "radiomics",
    "read_radiomics_params",
    "segment_masks",
    "sphere_weights",
]
