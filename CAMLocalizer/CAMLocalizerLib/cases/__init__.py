"""Cases: one volume from the maps of a model to a folder of files."""

from .case import make_case
from .exports import EXPORTS, checked_exports, exports_source, write_exports
from .report import CaseResult, build_report, describe_result, finding, write_report
from .results import write_results

__all__ = [
    "EXPORTS",
    "CaseResult",
    "build_report",
    "checked_exports",
    "describe_result",
    "exports_source",
    "finding",
    "make_case",
    "write_exports",
    "write_report",
    "write_results",
]
