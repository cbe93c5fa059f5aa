"""Views: anatomical slices of a volume at a model's resolution, and the way back into the volume."""

from .backproject import back_project
from .normalise import NORMALISATIONS, normalise_slices
from .planes import PLANES, PlaneAxes, acquisition_plane, plane_axes
from .slices import SliceStack, slice_stack

__all__ = [
    "NORMALISATIONS",
    "PLANES",
    "PlaneAxes",
    "SliceStack",
    "acquisition_plane",
    "back_project",
    "normalise_slices",
    "plane_axes",
    "slice_stack",
]
