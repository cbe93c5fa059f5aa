"""The main job: a volume in, its activation and label map out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .candidate_localization import CandidateLocalization
from .findings import Findings
from .label_settings import LabelSettings
from .localization import Localization
from .measured import measured_components, suv_total
from .projection_localization import ProjectionLocalization
from .run_options import RunOptions
from .saving import load_findings, save_findings

if TYPE_CHECKING:
    from .device import choose_device, choose_precision
    from .localizer import Localizer

__all__ = [
    "CandidateLocalization",
    "Findings",
    "LabelSettings",
    "Localization",
    "Localizer",
    "ProjectionLocalization",
    "RunOptions",
    "choose_device",
    "choose_precision",
    "load_findings",
    "measured_components",
    "save_findings",
    "suv_total",
]

# What needs torch is imported when it is first asked for: findings are read back and judged without it.
_NEEDS_TORCH = {"Localizer": "localizer", "choose_device": "device", "choose_precision": "device"}


def __getattr__(name: str) -> Any:
    if name not in _NEEDS_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_NEEDS_TORCH[name]}", __name__), name)
    globals()[name] = value
    return value
