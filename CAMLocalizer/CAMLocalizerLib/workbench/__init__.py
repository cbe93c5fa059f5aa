"""Workbench: everything a reviewer can do, without any widget; shared by the desktop and the browser."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .availability import Availability
from .review.accepted import AcceptedSegment
from .review.changes import Change
from .review.component_changes import ReviewedComponent
from .review.review import Review
from .review.review_state import ReviewState
from .session.run_status import RunStatus

if TYPE_CHECKING:
    from .session.workbench import Workbench

__all__ = [
    "AcceptedSegment",
    "Availability",
    "Change",
    "Review",
    "ReviewState",
    "ReviewedComponent",
    "RunStatus",
    "Workbench",
]

# A review needs no scene: what imports Slicer is imported when it is first asked for.
_NEEDS_SLICER = {"Workbench": "session.workbench"}


def __getattr__(name: str) -> Any:
    if name not in _NEEDS_SLICER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_NEEDS_SLICER[name]}", __name__), name)
    globals()[name] = value
    return value
