"""Core types: volumes, label maps and activation maps, each with its grid in patient space."""

from .activation_pyramid import ActivationMap, ActivationPyramid
from .checks import check_choice, check_scales
from .connectivity import NEIGHBOURS, label_components
from .errors import (
    CAMLocalizerError,
    GridError,
    InputError,
    ModelError,
    OptionError,
    OutputError,
    SeriesError,
    SettingsError,
)
from .grid import Grid
from .labelmap import LabelMap
from .nifti_matrices import NiftiMatrices
from .suv_measures import SUV_COLUMNS, SUV_UNIT, SUV_WINDOW, SuvMeasures, is_suv
from .units import MM3_PER_ML
from .volume import Volume

__all__ = [
    "MM3_PER_ML",
    "NEIGHBOURS",
    "SUV_COLUMNS",
    "SUV_UNIT",
    "SUV_WINDOW",
    "ActivationMap",
    "ActivationPyramid",
    "CAMLocalizerError",
    "Grid",
    "GridError",
    "InputError",
    "LabelMap",
    "ModelError",
    "NiftiMatrices",
    "OptionError",
    "OutputError",
    "SeriesError",
    "SettingsError",
    "SuvMeasures",
    "Volume",
    "check_choice",
    "check_scales",
    "is_suv",
    "label_components",
]
