"""The parts of the page: each shows its own state and handles its own actions."""

from .archive import ArchivePart
from .component_list import ComponentsPart
from .export_files import ExportPart
from .images import ImagesPart
from .looks import LookPart
from .model_run import RunPart
from .scans import ScanPart
from .setting_controls import SettingsPart
from .worklist import WorklistPart

__all__ = [
    "ArchivePart",
    "ComponentsPart",
    "ExportPart",
    "ImagesPart",
    "LookPart",
    "RunPart",
    "ScanPart",
    "SettingsPart",
    "WorklistPart",
]
