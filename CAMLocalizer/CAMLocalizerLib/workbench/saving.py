"""A review as JSON values and arrays, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, Volume
from ..localizer import Findings, LabelSettings, load_findings, save_findings
from .accepted import AcceptedSegment
from .host import Host
from .state import ReviewState, Voxel

if TYPE_CHECKING:
    from .review import Review

FORMAT = "CAMLocalizer review"
FORMAT_VERSION = 1
MAPS = "findings-"
ACCEPTED = "accepted-"
ARRAY_ENDING = ".npy"


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
    payload: Mapping[str, Any], arrays: Mapping[str, NDArray], volume: Volume, *, host: Host | None = None
) -> Review:
    """Make the review again that :func:`review_to_state` described.

    Raises:
        InputError: the volume is another one, or what was stored is damaged or of another release.
    """
    from .review import Review

    if payload.get("format") != FORMAT or payload.get("version") != FORMAT_VERSION:
        raise InputError(f"this is no stored review of this release: {payload.get('format')} {payload.get('version')}")
    if payload.get("volume") != checksum(volume):
        raise InputError(f"{volume.name} is not as it was when it was reviewed; run the classifier again")
    try:
        found = _findings_from_arrays(payload["findings"], arrays, volume)
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
    return Review(found, state=state, host=host)


def checksum(volume: Volume) -> str:
    """Return what tells one volume's voxels from another's; where they lie is told by the findings."""
    array = np.ascontiguousarray(volume.array_kji)
    return hashlib.blake2b(array.data, digest_size=16).hexdigest()


def stored_findings(found: Findings) -> tuple[str, dict[str, str], dict[str, NDArray]]:
    """Return findings as they are stored: checksum of the volume, texts and arrays."""
    with TemporaryDirectory(prefix="camlocalizer-review-") as folder:
        save_findings(found, folder)
        files = sorted(Path(folder).iterdir())
        texts = {path.name: path.read_text(encoding="utf-8") for path in files if path.suffix != ARRAY_ENDING}
        arrays = {f"{MAPS}{path.stem}": np.load(path) for path in files if path.suffix == ARRAY_ENDING}
    return checksum(found.volume), texts, arrays


def _findings_from_arrays(texts: Mapping[str, str], arrays: Mapping[str, NDArray], volume: Volume) -> Findings:
    with TemporaryDirectory(prefix="camlocalizer-review-") as folder:
        for name, text in texts.items():
            (Path(folder) / Path(name).name).write_text(text, encoding="utf-8", newline="\n")
        for name, array in arrays.items():
            if name.startswith(MAPS):
                np.save(Path(folder) / f"{Path(name.removeprefix(MAPS)).name}{ARRAY_ENDING}", array)
        return load_findings(folder, volume)


def _voxel(values: Any) -> Voxel:
    k, j, i = (int(value) for value in values)
    return k, j, i
