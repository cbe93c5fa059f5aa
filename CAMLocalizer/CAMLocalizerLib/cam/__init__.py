"""Class activation maps of any torch classifier with named layers."""

from __future__ import annotations

from .classmap import CAM
from .gradcam import GradCAM
from .gradcam_plus_plus import GradCAMPlusPlus
from .layercam import LayerCAM
from .methods import METHODS, build_method
from .multigap import MultiGAPCAM
from .pyramid import PyramidGradCAM
from .resize import resize_maps
from .result import CAMResult
from .soft import HESAM, SAM

__all__ = [
    "CAM",
    "HESAM",
    "METHODS",
    "SAM",
    "CAMResult",
    "GradCAM",
    "GradCAMPlusPlus",
    "LayerCAM",
    "MultiGAPCAM",
    "PyramidGradCAM",
    "build_method",
    "resize_maps",
]
