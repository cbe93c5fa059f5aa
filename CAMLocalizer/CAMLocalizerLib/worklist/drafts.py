"""How a reader left a review, as JSON values: settings and components, without what was accepted or drawn by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core import CAMLocalizerError
from ..localizer import LabelSettings
from ..workbench import Review, ReviewState

VOXELS = ("rejected_kji", "kept_kji", "restored_kji")


def draft_of(review: Review) -> dict[str, Any]:
    """Return how a review stands."""
    state = review.state
    voxels = {name: [list(map(int, voxel)) for voxel in getattr(state, name)] for name in VOXELS}
    return {"settings": state.settings.to_json(), **voxels}


def restored_state(draft: Mapping[str, Any]) -> ReviewState | None:
    """Return what :func:`draft_of` gave as the state of a review; None if it is of another release."""
    try:
        voxels: dict[str, Any] = {name: tuple((int(k), int(j), int(i)) for k, j, i in draft[name]) for name in VOXELS}
        return ReviewState(LabelSettings.from_json(draft["settings"]), **voxels)
    except (CAMLocalizerError, KeyError, TypeError, ValueError):
        return None
