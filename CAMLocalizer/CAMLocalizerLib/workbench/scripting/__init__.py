"""Scripting: the whole job on a volume node, on many files, and radiomics of segments, from a script."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .folders import FolderProcessing, FolderRow, process_folder

if TYPE_CHECKING:
    from .measuring import radiomics_to_table
    from .processing import Processed, Processing, process

__all__ = [
    "FolderProcessing",
    "FolderRow",
    "Processed",
    "Processing",
    "process",
    "process_folder",
    "radiomics_to_table",
]

# Files need no scene: what imports Slicer is imported when it is first asked for.
_NEEDS_SLICER = {
    "Processed": "processing",
    "Processing": "processing",
    "process": "processing",
    "radiomics_to_table": "measuring",
}


def __getattr__(name: str) -> Any:
    if name not in _NEEDS_SLICER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_NEEDS_SLICER[name]}", __name__), name)
    globals()[name] = value
    return value
