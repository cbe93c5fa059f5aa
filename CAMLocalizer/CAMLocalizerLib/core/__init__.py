"""Core types: volumes, label maps and activation maps, each with its grid in patient space."""

from .errors import (
    CAMLocalizerError,
    GridError,
    InputError,
    ModelError,
    OutputError,
    SeriesError,
    SettingsError,
)
from .grid import Grid
from .labelmap import LabelMap
from .nifti_matrices import NiftiMatrices
from .pyramid import ActivationMap, ActivationPyramid
from .suv_measures import SUV_COLUMNS, SUV_UNIT, SUV_WINDOW, SuvMeasures, holds_suv
from .volume import Volume

__all__ = [
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
    "OutputError",
    "SeriesError",
    "SettingsError",
    "SuvMeasures",
    "Volume",
    "holds_suv",
]
