"""The main job: a volume in, its activation and label map out."""

from .device import choose_device, choose_precision
from .findings import Findings
from .localization import Localization
from .localizer import Localizer
from .projection_localization import ProjectionLocalization
from .settings import LabelSettings

__all__ = [
    "Findings",
    "LabelSettings",
    "Localization",
    "Localizer",
    "ProjectionLocalization",
    "choose_device",
    "choose_precision",
]
