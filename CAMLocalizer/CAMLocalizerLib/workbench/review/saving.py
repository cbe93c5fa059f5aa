"""A review as JSON values and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from ...core import InputError, Volume
from ...localizer import LabelSettings
from .accepted import AcceptedSegment
from .history import History
from .host import Host
from .review import Review
from .review_state import ReviewState, Voxel
from .stored_findings import checksum, restored_findings

FORMAT = "CAMLocalizer review"
FORMAT_VERSION = 1
ACCEPTED = "accepted-"


def review_to_state(review: Review) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Return everything about a review but its volume and history.

    Returns:
        JSON values, and arrays by name.
    """
    volume, texts, maps = review.stored_findings
    state = review.state
    arrays = maps | {f"{ACCEPTED}{number}": segment.packed for number, segment in enumerate(state.accepted)}
    payload = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "volume": volume,
        "findings": texts,
        "settings": state.settings.to_json(),
        "rejected_kji": [list(voxel) for voxel in state.rejected_kji],
        "kept_kji": [list(voxel) for voxel in state.kept_kji],
        "restored_kji": [list(voxel) for voxel in state.restored_kji],
        "accepted": [segment.to_json() for segment in state.accepted],
    }
    return payload, arrays


def review_from_state(
    payload: Mapping[str, Any],
    arrays: Mapping[str, NDArray],
    volume: Volume,
    *,
    history: History[ReviewState] | None = None,
    host: Host | None = None,
) -> Review:
    """Make the review again that :func:`review_to_state` described.

    Args:
        payload: JSON values.
        arrays: by name.
        volume: that was reviewed.
        history: that the review had when it was left; taken over if it ends where the stored review does.
        host: where the review is shown.

    Raises:
        InputError: the volume is another one, or what was stored is damaged or of another release.
    """
    if payload.get("format") != FORMAT or payload.get("version") != FORMAT_VERSION:
        raise InputError(
            f"this is not a stored review of this release: {payload.get('format')} {payload.get('version')}"
        )
    if payload.get("volume") != checksum(volume):
        raise InputError(f"{volume.name} is not as it was when it was reviewed; run the classifier again")
    try:
        found = restored_findings(payload["findings"], arrays, volume)
        accepted = tuple(
            AcceptedSegment.from_json(values, arrays[f"{ACCEPTED}{number}"], volume.grid)
            for number, values in enumerate(payload["accepted"])
        )
        state = ReviewState(
            LabelSettings.from_json(payload["settings"]),
            tuple(_voxel(values) for values in payload["rejected_kji"]),
            tuple(_voxel(values) for values in payload["kept_kji"]),
            accepted,
            tuple(_voxel(values) for values in payload.get("restored_kji", ())),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"the stored review of {volume.name} is damaged ({error!r}); run again") from error
    fits = history is not None and history.current.matches(state)
    return Review(found, state=state, history=history if fits else None, host=host)


def _voxel(values: Any) -> Voxel:
    k, j, i = (int(value) for value in values)
    return k, j, i
