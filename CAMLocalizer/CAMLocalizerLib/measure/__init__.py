"""Measures of what was found."""

from .placing import place_label_map
from .radiomics import RadiomicsTable, has_pyradiomics, radiomics, segment_masks
from .radiomics_params import RadiomicsParams, read_radiomics_params

__all__ = [
    "RadiomicsParams",
    "RadiomicsTable",
    "has_pyradiomics",
    "place_label_map",
    "radiomics",
    "read_radiomics_params",
    "segment_masks",
]
