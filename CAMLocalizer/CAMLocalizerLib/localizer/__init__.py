"""The main job: a volume in, its activation pyramid and label map out."""

from .device import choose_device, choose_precision
from .localization import Localization
from .localizer import Localizer

__all__ = ["Localization", "Localizer", "choose_device", "choose_precision"]
