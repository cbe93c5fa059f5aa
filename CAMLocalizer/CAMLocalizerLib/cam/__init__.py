"""Class activation maps of any torch classifier with named layers."""

from __future__ import annotations

from .classmap import CAM
from .gradcam import GradCAM
from .pyramid import PyramidGradCAM
from .resize import resize_maps
from .result import CAMResult

__all__ = ["CAM", "CAMResult", "GradCAM", "PyramidGradCAM", "resize_maps"]
