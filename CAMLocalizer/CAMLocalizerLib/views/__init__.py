"""Views: anatomical slices and projections of a volume at a model's resolution, and their back-projection."""

from .backproject import back_project
from .isotropic import isotropic, isotropic_grid, nearest_isotropic
from .normalise import MAX_SUV, NORMALISATIONS, normalise_slices
from .planes import PLANES, PlaneAxes, acquisition_plane, plane_axes
from .projection import PIXELS_PER_CELL, PROJECTIONS, ProjectionPair, mip_images, projection_size
from .slices import CENTRES, SliceStack, extend_to_border, slice_stack
from .statistics import STATISTICS, image_statistics, sampled_images

__all__ = [
    "CENTRES",
    "MAX_SUV",
    "NORMALISATIONS",
    "PIXELS_PER_CELL",
    "PLANES",
    "PROJECTIONS",
    "STATISTICS",
    "PlaneAxes",
    "ProjectionPair",
    "SliceStack",
    "acquisition_plane",
    "back_project",
    "extend_to_border",
    "image_statistics",
    "isotropic",
    "isotropic_grid",
    "mip_images",
    "nearest_isotropic",
    "normalise_slices",
    "plane_axes",
    "projection_size",
    "sampled_images",
    "slice_stack",
]
