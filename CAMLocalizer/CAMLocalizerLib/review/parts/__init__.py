"""The parts of the page: each shows its own state and handles its own actions."""

from .exports import ExportPart
from .images import ImagesPart
from .looks import LookPart
from .regions import RegionsPart
from .runs import RunPart
from .scans import ScanPart
from .settings import SettingsPart

__all__ = ["ExportPart", "ImagesPart", "LookPart", "RegionsPart", "RunPart", "ScanPart", "SettingsPart"]
